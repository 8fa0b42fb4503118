public import MillraceCore

/// Rows of a stream with the version of a table that was in force at their event time.
///
/// The right side is the table: each of its rows is the new version of its key from its event time on. A left row waits
/// until the watermark has passed its time, so that no version can be missed by timing; a left row older than the
/// watermark takes what is known.
public struct AsOfJoin<Left: KeyedFlow, Right: KeyedFlow, Shape: JoinShape>: TableJoin
where Left.Key == Right.Key, Shape.Left == Left.Value, Shape.Right == Right.Value {
    public typealias Input = Left.Input
    public typealias StageInput = Either<Left.StageInput, Right.StageInput>
    public typealias Head = AsOfJoin
    public typealias Key = Left.Key
    public typealias Value = Shape.Result
    public typealias Output = Keyed<Left.Key, Shape.Result>
    public typealias Retimed = Retime<Self>
    public typealias RowKey = Left.Key
    public typealias Rows = TableVersions<Left.Value, Right.Value>
    public typealias State = JoinState<Left.State, Right.State, RowKey, Rows>

    public let left: Left
    public let right: Right
    public let forget: TimeSpan
    public let name: String
    @inlinable @inline(__always) init(left: Left, right: Right, forget: TimeSpan, name: String) {
        (self.left, self.right, self.forget, self.name) = (left, right, forget, name)
    }
    public static var waits: Bool { true }

    /// When the first waiting row can be answered, or the newest version is to be forgotten.
    @inlinable public static func deadline(_ rows: Rows, forget: TimeSpan) -> EventTime {
        let answer = rows.waiting.first.map { $0 + .microseconds(1) } ?? .distantFuture
        guard forget.microseconds != .max, let last = rows.versions.rows.last else { return answer }
        return min(answer, last.time + forget + .microseconds(1))
    }

    @inlinable public func addLeft(
        _ row: Left.Output, _ time: EventTime, _ state: State, _ emit: Emit
    ) throws {
        if time < state.sides.now.watermark {
            return try answer(row.key, row.value, time, state.rows.get(row.key)?.version(asOf: time), emit)
        }
        let held = state.rows.update(row.key) { Rows() }
        let old = Self.deadline(held.pointee, forget: forget)
        try held.pointee.waiting.insert(JoinRow(time: time, value: row.value, isMatched: false))
        watch(row.key, held.pointee, old, state)
    }
    @inlinable public func addRight(
        _ row: Right.Output, _ time: EventTime, _ state: State, _ emit: Emit
    ) throws {
        let held = state.rows.update(row.key) { Rows() }
        let old = Self.deadline(held.pointee, forget: forget)
        try held.pointee.versions.insert(JoinRow(time: time, value: row.value, isMatched: true))
        held.pointee.prune(before: min(state.sides.now.watermark, held.pointee.waiting.first ?? .distantFuture))
        watch(row.key, held.pointee, old, state)
    }
    @inlinable func watch(_ key: Key, _ rows: Rows, _ old: EventTime, _ state: State) {
        let next = Self.deadline(rows, forget: forget)
        if next < old { state.rows.watch(key, until: next) }
    }
    @inlinable @inline(never) public func expire(_ state: State, _ emit: Emit) {
        let watermark = state.sides.now.watermark
        state.rows.expire(watermark, deadline: { Self.deadline($0, forget: forget) }) { key, _ in
            let held = state.rows.update(key) { Rows() }
            // Only what ends at this key's first deadline, so that keys take turns in the order of time.
            let now = Self.deadline(held.pointee, forget: forget)
            let versions = held.pointee
            held.pointee.waiting.drop(before: now) { value, time in
                state.faults.alone(name, "key \(key)") {
                    try answer(key, value, time, versions.version(asOf: time), emit)
                }
            }
            held.pointee.prune(before: min(watermark, held.pointee.waiting.first ?? .distantFuture))
            if forgets { held.pointee.versions.drop(before: now - forget) { _, _ in } }
            if held.pointee.waiting.isEmpty, held.pointee.versions.isEmpty {
                state.rows.remove(key)
            } else {
                let next = Self.deadline(held.pointee, forget: forget)
                if next != .distantFuture { state.rows.watch(key, until: next) }
            }
        }
    }
    public var summary: String { "\(Shape.name) by \(Key.self) with the version of that time" }
}
