public import MillraceCore

/// The versions of one key of a table, and the rows that wait to know which one was in force.
public struct TableVersions<Left: Storable, Right: Storable>: Storable {
    @usableFromInline var versions = JoinRows<Right>()
    @usableFromInline var waiting = JoinRows<Left>()
    @inlinable init() {}
    @inlinable public func store(into writer: inout ByteWriter) {
        versions.store(into: &writer)
        waiting.store(into: &writer)
    }
    @inlinable public static func load(from reader: inout ByteReader) throws -> TableVersions {
        var made = TableVersions()
        made.versions = try .load(from: &reader)
        made.waiting = try .load(from: &reader)
        return made
    }
    /// The version in force at a time: the latest that is not after it.
    @inlinable func version(asOf time: EventTime) -> Right? {
        let behind = versions.index(from: time + .microseconds(1))
        return behind == 0 ? nil : versions.rows[behind - 1].value
    }
    /// Forgets versions that no row from `time` on can ask for.
    @inlinable mutating func prune(before time: EventTime) {
        let behind = versions.index(from: time + .microseconds(1))
        if behind > 1 { versions.rows.removeFirst(behind - 1) }
    }
}

/// Rows of a stream with the version of a table that was in force at their event time.
///
/// The right side is the table: each of its rows is the new version of its key from its event time on. A left row waits
/// until the watermark has passed its time, so that no version can be missed by timing; a left row older than the
/// watermark takes what is known.
public struct AsOfJoin<Left: KeyedFlow, Right: KeyedFlow, Shape: JoinShape>: TwoSidedFlow, KeyedFlow
where Left.Key == Right.Key, Shape.Left == Left.Value, Shape.Right == Right.Value {
    public typealias Input = Left.Input
    public typealias StageInput = Either<Left.StageInput, Right.StageInput>
    public typealias Key = Left.Key
    public typealias Value = Shape.Result
    public typealias Output = Keyed<Key, Shape.Result>
    public typealias Rows = TableVersions<Left.Value, Right.Value>
    public typealias State = JoinState<Left.State, Right.State, Key, Rows>
    public typealias Retimed = Retime<Self>

    public let left: Left
    public let right: Right
    /// Longest possible for never.
    @usableFromInline let forget: TimeSpan
    @usableFromInline let name: String

    @inlinable @inline(__always) init(left: Left, right: Right, forget: TimeSpan, name: String) {
        (self.left, self.right, self.forget, self.name) = (left, right, forget, name)
    }

    @inlinable public func makeState(_ setup: StageSetup) -> State {
        let forget = forget
        if forget.microseconds == .max { setup.warnUnbounded(name) }
        let sides = TwoSides(setup, left: { left.makeState(setup) }, right: { right.makeState(setup) })
        let rows = setup.keyedState(name, key: Key.self, value: Rows.self) { Self.deadline($0, forget: forget) }
        return State(sides: sides, rows: rows)
    }
    /// When the first waiting row can be answered, or the newest version is to be forgotten.
    @inlinable static func deadline(_ rows: Rows, forget: TimeSpan) -> EventTime {
        let answer = rows.waiting.first.map { $0 + .microseconds(1) } ?? .distantFuture
        guard forget.microseconds != .max, let last = rows.versions.rows.last else { return answer }
        return min(answer, last.time + forget + .microseconds(1))
    }

    @inlinable @inline(__always) public func process(
        _ input: StageInput, at time: EventTime, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        switch input {
        case .left(let input):
            state.sides.sawLeft(time)
            try left.process(input, at: time, state: state.sides.left) { keyed, time in
                try addLeft(keyed, time, state, emit)
            }
        case .right(let input):
            state.sides.sawRight(time)
            try right.process(input, at: time, state: state.sides.right) { keyed, time in
                try addRight(keyed, time, state)
            }
        }
        state.sides.combine()
        if state.rows.nextDeadline <= state.sides.clock.watermark { try expire(state, emit) }
    }
    @inlinable func addLeft(
        _ row: Left.Output, _ time: EventTime, _ state: State, _ emit: (Output, EventTime) throws -> Void
    ) throws {
        if time < state.sides.clock.watermark {
            return try answer(row.key, row.value, time, state.rows.get(row.key)?.version(asOf: time), emit)
        }
        let held = state.rows.update(row.key) { Rows() }
        let old = Self.deadline(held.pointee, forget: forget)
        try held.pointee.waiting.insert(JoinRow(time: time, value: row.value, isMatched: false))
        watch(row.key, held.pointee, old, state)
    }
    @inlinable func addRight(_ row: Right.Output, _ time: EventTime, _ state: State) throws {
        let held = state.rows.update(row.key) { Rows() }
        let old = Self.deadline(held.pointee, forget: forget)
        try held.pointee.versions.insert(JoinRow(time: time, value: row.value, isMatched: true))
        held.pointee.prune(before: min(state.sides.clock.watermark, held.pointee.waiting.first ?? .distantFuture))
        watch(row.key, held.pointee, old, state)
    }
    @inlinable func watch(_ key: Key, _ rows: Rows, _ old: EventTime, _ state: State) {
        let next = Self.deadline(rows, forget: forget)
        if next < old { state.rows.watch(key, until: next) }
    }
    @inlinable func answer(
        _ key: Key, _ value: Left.Value, _ time: EventTime, _ version: Right.Value?,
        _ emit: (Output, EventTime) throws -> Void
    ) throws {
        if let version {
            try emit(Keyed(key: key, value: Shape.both(value, version)), time)
        } else if let alone = Shape.only(left: value) {
            try emit(Keyed(key: key, value: alone), time)
        }
    }
    @inlinable @inline(never) func expire(_ state: State, _ emit: (Output, EventTime) throws -> Void) throws {
        let watermark = state.sides.clock.watermark
        try state.rows.expire(watermark, deadline: { Self.deadline($0, forget: forget) }) { key, _ in
            let held = state.rows.update(key) { Rows() }
            // Only what ends at this key's first deadline, so that keys take turns in the order of time.
            let now = Self.deadline(held.pointee, forget: forget)
            let versions = held.pointee
            try held.pointee.waiting.drop(before: now) { value, time in
                try answer(key, value, time, versions.version(asOf: time), emit)
            }
            held.pointee.prune(before: min(watermark, held.pointee.waiting.first ?? .distantFuture))
            if forget.microseconds != .max { held.pointee.versions.drop(before: now - forget) { _, _ in } }
            if held.pointee.waiting.isEmpty, held.pointee.versions.isEmpty {
                state.rows.remove(key)
            } else {
                let next = Self.deadline(held.pointee, forget: forget)
                if next != .distantFuture { state.rows.watch(key, until: next) }
            }
        }
    }
    @inlinable public func signal(
        _ signal: Signal, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        state.sides.tell(signal)
        try left.signal(signal, state: state.sides.left) { keyed, time in try addLeft(keyed, time, state, emit) }
        try right.signal(signal, state: state.sides.right) { keyed, time in try addRight(keyed, time, state) }
        if state.rows.nextDeadline <= state.sides.clock.watermark { try expire(state, emit) }
    }
    @inlinable @inline(__always) public func timed(
        by at: @escaping @Sendable (Value) throws -> EventTime, outOfOrder: TimeSpan
    ) -> Retime<Self> { Retime(upstream: self, at: at, outOfOrder: outOfOrder) }
    public func describe(into text: inout StageDescription) {
        left.describe(into: &text)
        right.describe(into: &text)
        text.add("\(Shape.name) by \(Key.self) with the version of that time")
    }
}

/// Rows of a stream with the table's value at the moment they arrive: no waiting, and a replay may meet other values
/// unless both logs are read in the same order.
public struct LatestJoin<Left: KeyedFlow, Right: KeyedFlow, Shape: JoinShape>: TwoSidedFlow, KeyedFlow
where Left.Key == Right.Key, Shape.Left == Left.Value, Shape.Right == Right.Value {
    public typealias Input = Left.Input
    public typealias StageInput = Either<Left.StageInput, Right.StageInput>
    public typealias Key = Left.Key
    public typealias Value = Shape.Result
    public typealias Output = Keyed<Key, Shape.Result>
    public typealias State = JoinState<Left.State, Right.State, Key, JoinRow<Right.Value>>
    public typealias Retimed = Retime<Self>

    public let left: Left
    public let right: Right
    @usableFromInline let forget: TimeSpan
    @usableFromInline let name: String

    @inlinable @inline(__always) init(left: Left, right: Right, forget: TimeSpan, name: String) {
        (self.left, self.right, self.forget, self.name) = (left, right, forget, name)
    }
    @inlinable public func makeState(_ setup: StageSetup) -> State {
        let forget = forget
        if forget.microseconds == .max { setup.warnUnbounded(name) }
        let sides = TwoSides(setup, left: { left.makeState(setup) }, right: { right.makeState(setup) })
        let rows = setup.keyedState(
            name, key: Key.self, value: JoinRow<Right.Value>.self,
            deadline: forget.microseconds == .max ? nil : { $0.time + forget })
        return State(sides: sides, rows: rows)
    }
    @inlinable @inline(__always) public func process(
        _ input: StageInput, at time: EventTime, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        switch input {
        case .left(let input):
            state.sides.sawLeft(time)
            try left.process(input, at: time, state: state.sides.left) { keyed, time in
                try look(keyed, time, state, emit)
            }
        case .right(let input):
            state.sides.sawRight(time)
            try right.process(input, at: time, state: state.sides.right) { keyed, time in take(keyed, time, state) }
        }
        state.sides.combine()
        if state.rows.nextDeadline <= state.sides.clock.watermark { clean(state) }
    }
    @inlinable func look(
        _ row: Left.Output, _ time: EventTime, _ state: State, _ emit: (Output, EventTime) throws -> Void
    ) throws {
        if let held = state.rows.get(row.key) {
            try emit(Keyed(key: row.key, value: Shape.both(row.value, held.value)), time)
        } else if let alone = Shape.only(left: row.value) {
            try emit(Keyed(key: row.key, value: alone), time)
        }
    }
    /// A version older than the one held does not replace it.
    @inlinable func take(_ row: Right.Output, _ time: EventTime, _ state: State) {
        if let held = state.rows.get(row.key) {
            if held.time > time { return }
        } else if forget.microseconds != .max {
            state.rows.watch(row.key, until: time + forget)
        }
        state.rows.set(row.key, JoinRow(time: time, value: row.value, isMatched: true))
    }
    @inlinable @inline(never) func clean(_ state: State) {
        state.rows.expire(state.sides.clock.watermark, deadline: { $0.time + forget }) { key, _ in
            state.rows.remove(key)
        }
    }
    @inlinable public func signal(
        _ signal: Signal, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        state.sides.tell(signal)
        try left.signal(signal, state: state.sides.left) { keyed, time in try look(keyed, time, state, emit) }
        try right.signal(signal, state: state.sides.right) { keyed, time in take(keyed, time, state) }
        if state.rows.nextDeadline <= state.sides.clock.watermark { clean(state) }
    }
    @inlinable @inline(__always) public func timed(
        by at: @escaping @Sendable (Value) throws -> EventTime, outOfOrder: TimeSpan
    ) -> Retime<Self> { Retime(upstream: self, at: at, outOfOrder: outOfOrder) }
    public func describe(into text: inout StageDescription) {
        left.describe(into: &text)
        right.describe(into: &text)
        text.add("\(Shape.name) by \(Key.self) with the latest version")
    }
}

extension KeyedFlow where Value: Storable {
    /// Each value with the version of the table that was in force at its event time; values without one are left out.
    /// - Parameter forgetAfter: a key's versions go when the watermark is this far beyond the newest. Without it the
    ///   state grows with the number of keys, and the plan warns.
    @inlinable @inline(__always) public func join<Right: KeyedFlow>(
        asOf table: Right, forgetAfter: TimeSpan? = nil, named name: String = "join"
    ) -> AsOfJoin<Self, Right, InnerJoin<Value, Right.Value>> where Right.Key == Key, Right.Value: Storable {
        AsOfJoin(left: self, right: table, forget: forgetAfter ?? TimeSpan(microseconds: .max), name: name)
    }
    /// The same, with the values for which the table had no version.
    @inlinable @inline(__always) public func leftJoin<Right: KeyedFlow>(
        asOf table: Right, forgetAfter: TimeSpan? = nil, named name: String = "join"
    ) -> AsOfJoin<Self, Right, LeftJoin<Value, Right.Value>> where Right.Key == Key, Right.Value: Storable {
        AsOfJoin(left: self, right: table, forget: forgetAfter ?? TimeSpan(microseconds: .max), name: name)
    }
    /// Each value with what the table holds when it arrives; values without a version are left out.
    @inlinable @inline(__always) public func join<Right: KeyedFlow>(
        latest table: Right, forgetAfter: TimeSpan? = nil, named name: String = "join"
    ) -> LatestJoin<Self, Right, InnerJoin<Value, Right.Value>> where Right.Key == Key, Right.Value: Storable {
        LatestJoin(left: self, right: table, forget: forgetAfter ?? TimeSpan(microseconds: .max), name: name)
    }
    /// The same, with the values for which the table holds nothing.
    @inlinable @inline(__always) public func leftJoin<Right: KeyedFlow>(
        latest table: Right, forgetAfter: TimeSpan? = nil, named name: String = "join"
    ) -> LatestJoin<Self, Right, LeftJoin<Value, Right.Value>> where Right.Key == Key, Right.Value: Storable {
        LatestJoin(left: self, right: table, forget: forgetAfter ?? TimeSpan(microseconds: .max), name: name)
    }
}
