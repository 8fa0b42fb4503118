public import MillraceCore

/// Rows of a stream with the table's value at the moment they arrive: no waiting, and a replay may meet other values
/// unless both logs are read in the same order.
public struct LatestJoin<Left: KeyedFlow, Right: KeyedFlow, Shape: JoinShape>: TableJoin
where Left.Key == Right.Key, Shape.Left == Left.Value, Shape.Right == Right.Value {
    public typealias Input = Left.Input
    public typealias StageInput = Either<Left.StageInput, Right.StageInput>
    public typealias Head = LatestJoin
    public typealias Key = Left.Key
    public typealias Value = Shape.Result
    public typealias Output = Keyed<Left.Key, Shape.Result>
    public typealias Retimed = Retime<Self>
    public typealias RowKey = Left.Key
    public typealias Rows = JoinRow<Right.Value>
    public typealias State = JoinState<Left.State, Right.State, RowKey, Rows>

    public let left: Left
    public let right: Right
    public let forget: TimeSpan
    public let name: String
    @inlinable @inline(__always) init(left: Left, right: Right, forget: TimeSpan, name: String) {
        (self.left, self.right, self.forget, self.name) = (left, right, forget, name)
    }
    public static var waits: Bool { false }
    @inlinable public static func deadline(_ row: Rows, forget: TimeSpan) -> EventTime { row.time + forget }

    @inlinable public func addLeft(
        _ row: Left.Output, _ time: EventTime, _ state: State, _ emit: Emit
    ) throws {
        try answer(row.key, row.value, time, state.rows.get(row.key)?.value, emit)
    }
    /// A version older than the one held does not replace it.
    @inlinable public func addRight(
        _ row: Right.Output, _ time: EventTime, _ state: State, _ emit: Emit
    ) throws {
        if let held = state.rows.get(row.key) {
            if held.time > time { return }
        } else if forgets {
            state.rows.watch(row.key, until: time + forget)
        }
        state.rows.set(row.key, JoinRow(time: time, value: row.value, isMatched: true))
    }
    @inlinable @inline(never) public func expire(_ state: State, _ emit: Emit) {
        state.rows.expire(state.sides.now.watermark, deadline: { Self.deadline($0, forget: forget) }) { key, _ in
            state.rows.remove(key)
        }
    }
    public var summary: String { "\(Shape.name) by \(Key.self) with the latest version" }
}
