public import MillraceCore

/// Rows of a stream with the table's value at the moment they arrive: no waiting, and a replay may meet other values
/// unless both logs are read in the same order.
public struct LatestJoin<Left: KeyedFlow, Right: KeyedFlow, Shape: JoinShape>: KeyedJoin
where Left.Key == Right.Key, Shape.Left == Left.Value, Shape.Right == Right.Value {
    public typealias Input = Left.Input
    public typealias StageInput = Either<Left.StageInput, Right.StageInput>
    public typealias Head = LatestJoin
    public typealias Key = Left.Key
    public typealias Value = Shape.Result
    public typealias Output = Keyed<Key, Shape.Result>
    public typealias RowKey = Key
    public typealias Rows = JoinRow<Right.Value>
    public typealias State = JoinState<Left.State, Right.State, Key, Rows>
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
        let sides = makeSides(setup)
        let rows = setup.keyedState(
            name, key: Key.self, value: JoinRow<Right.Value>.self,
            deadline: forget.microseconds == .max ? nil : { $0.time + forget })
        let none = LateDoor(sides: Unmanaged.passUnretained(setup.sides), number: -1)
        return State(setup, sides: sides, rows: rows, lateLeft: none, lateRight: none, promise: promise)
    }
    @inlinable public func promise(_ watermark: EventTime) -> EventTime { watermark }

    @inlinable public func addLeft(
        _ row: Left.Output, _ time: EventTime, _ state: State, _ emit: Emit
    ) throws {
        if let held = state.rows.get(row.key) {
            try emit(Keyed(key: row.key, value: Shape.both(row.value, held.value)), time)
        } else if let alone = Shape.only(left: row.value) {
            try emit(Keyed(key: row.key, value: alone), time)
        }
    }
    /// A version older than the one held does not replace it.
    @inlinable public func addRight(
        _ row: Right.Output, _ time: EventTime, _ state: State, _ emit: Emit
    ) throws {
        if let held = state.rows.get(row.key) {
            if held.time > time { return }
        } else if forget.microseconds != .max {
            state.rows.watch(row.key, until: time + forget)
        }
        state.rows.set(row.key, JoinRow(time: time, value: row.value, isMatched: true))
    }
    @inlinable @inline(never) public func expire(_ state: State, _ emit: Emit) {
        state.rows.expire(state.sides.now.watermark, deadline: { $0.time + forget }) { key, _ in
            state.rows.remove(key)
        }
    }
    public var summary: String { "\(Shape.name) by \(Key.self) with the latest version" }
}
