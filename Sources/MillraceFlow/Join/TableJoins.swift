public import MillraceCore

/// A join whose right side is a table: its rows are versions of their keys, and no row of either side is late.
public protocol TableJoin: KeyedJoin where RowKey == Left.Key {
    /// How long after its newest version a key is forgotten; longest possible for never.
    var forget: TimeSpan { get }
    var name: String { get }
    /// When something is to be done about a key's rows.
    static func deadline(_ rows: Rows, forget: TimeSpan) -> EventTime
    /// Rows have deadlines even when nothing is forgotten.
    static var waits: Bool { get }
}

extension TableJoin {
    @inlinable var forgets: Bool { forget.microseconds != .max }

    @inlinable public func makeState(_ setup: StageSetup) -> State {
        let forget = forget
        if !forgets { setup.warnUnbounded(name) }
        let sides = makeSides(setup)
        let rows = setup.keyedState(
            name, key: Key.self, value: Rows.self,
            deadline: Self.waits || forgets ? { Self.deadline($0, forget: forget) } : nil)
        let none = LateDoor(sides: Unmanaged.passUnretained(setup.sides), number: -1)
        return State(setup, sides: sides, rows: rows, lateLeft: none, lateRight: none, promise: promise)
    }
    /// A row of the left side leaves when the watermark is beyond its time, and no later.
    @inlinable public func promise(_ watermark: EventTime) -> EventTime { watermark }
    /// A left row with the version that was found for it.
    @inlinable func answer(
        _ key: Key, _ value: Left.Value, _ time: EventTime, _ version: Right.Value?, _ emit: Emit
    ) throws {
        if let version {
            try emit(Keyed(key: key, value: Shape.both(value, version)), time)
        } else if let alone = Shape.only(left: value) {
            try emit(Keyed(key: key, value: alone), time)
        }
    }
}

extension TimeSpan {
    @usableFromInline static let never = TimeSpan(microseconds: .max)
}

extension KeyedFlow where Value: Storable {
    /// Each value with the version of the table that was in force at its event time; values without one are left out.
    /// - Parameter forgetAfter: a key's versions go when the watermark is this far beyond the newest. Without it the
    ///   state grows with the number of keys, and the plan warns.
    @inlinable @inline(__always) public func join<Right: KeyedFlow>(
        asOf table: Right, forgetAfter: TimeSpan? = nil, named name: String = "join"
    ) -> AsOfJoin<Self, Right, InnerJoin<Value, Right.Value>> where Right.Key == Key, Right.Value: Storable {
        AsOfJoin(left: self, right: table, forget: forgetAfter ?? TimeSpan.never, name: name)
    }
    /// The same, with the values for which the table had no version.
    @inlinable @inline(__always) public func leftJoin<Right: KeyedFlow>(
        asOf table: Right, forgetAfter: TimeSpan? = nil, named name: String = "join"
    ) -> AsOfJoin<Self, Right, LeftJoin<Value, Right.Value>> where Right.Key == Key, Right.Value: Storable {
        AsOfJoin(left: self, right: table, forget: forgetAfter ?? TimeSpan.never, name: name)
    }
    /// Each value with what the table holds when it arrives; values without a version are left out.
    @inlinable @inline(__always) public func join<Right: KeyedFlow>(
        latest table: Right, forgetAfter: TimeSpan? = nil, named name: String = "join"
    ) -> LatestJoin<Self, Right, InnerJoin<Value, Right.Value>> where Right.Key == Key, Right.Value: Storable {
        LatestJoin(left: self, right: table, forget: forgetAfter ?? TimeSpan.never, name: name)
    }
    /// The same, with the values for which the table holds nothing.
    @inlinable @inline(__always) public func leftJoin<Right: KeyedFlow>(
        latest table: Right, forgetAfter: TimeSpan? = nil, named name: String = "join"
    ) -> LatestJoin<Self, Right, LeftJoin<Value, Right.Value>> where Right.Key == Key, Right.Value: Storable {
        LatestJoin(left: self, right: table, forget: forgetAfter ?? TimeSpan.never, name: name)
    }
}
