public import MillraceCore

/// Pairs of rows with one key whose times lie close together: the right one from `before` ahead of the left one to
/// `after` behind it.
///
/// A pair leaves when its second row arrives. A row without a partner leaves once the watermark says that none can come
/// any more. Rows older than the watermark by more than `lateness` are late: counted, or sent
/// where `lateLeft(to:)` and `lateRight(to:)` say. Of all others the result is
/// exactly the join, whatever order they come in.
public struct IntervalJoin<Left: KeyedFlow, Right: KeyedFlow, Shape: JoinShape>: LateJoin
where Left.Key == Right.Key, Shape.Left == Left.Value, Shape.Right == Right.Value {
    public typealias Input = Left.Input
    public typealias StageInput = Either<Left.StageInput, Right.StageInput>
    public typealias Head = IntervalJoin
    public typealias Key = Left.Key
    public typealias Value = Shape.Result
    public typealias Output = Keyed<Left.Key, Shape.Result>
    public typealias Retimed = Retime<Self>
    public typealias RowKey = Left.Key
    public typealias Rows = JoinSides<Left.Value, Right.Value>
    public typealias State = JoinState<Left.State, Right.State, RowKey, Rows>

    public let left: Left
    public let right: Right
    @usableFromInline let before: TimeSpan
    @usableFromInline let after: TimeSpan
    @usableFromInline let lateness: TimeSpan
    @usableFromInline let name: String
    public var lateLeft = LateExit<Left.Value>()
    public var lateRight = LateExit<Right.Value>()

    @inlinable @inline(__always) init(
        left: Left, right: Right, before: TimeSpan, after: TimeSpan, lateness: TimeSpan, name: String
    ) {
        (self.left, self.right, self.name) = (left, right, name)
        (self.before, self.after, self.lateness) = (before, after, lateness)
    }

    @inlinable public func makeState(_ setup: StageSetup) -> State {
        let (before, after, lateness) = (before, after, lateness)
        let sides = makeSides(setup)
        let rows = setup.keyedState(name, key: Key.self, value: Rows.self) {
            Self.deadline($0, before: before, after: after, lateness: lateness)
        }
        return State(
            setup, sides: sides, rows: rows, lateLeft: lateLeft.open(setup), lateRight: lateRight.open(setup),
            promise: promise)
    }

    /// When the first of the rows can have no partner any more: a record as old as the watermark is still to be
    /// expected, so it is one microsecond later.
    @inlinable static func deadline(
        _ rows: Rows, before: TimeSpan, after: TimeSpan, lateness: TimeSpan
    ) -> EventTime {
        let left = rows.left.first.map { $0 + after } ?? .distantFuture
        let right = rows.right.first.map { $0 + before } ?? .distantFuture
        return min(left, right) + lateness + .microseconds(1)
    }
    @inlinable func deadline(_ rows: Rows) -> EventTime {
        Self.deadline(rows, before: before, after: after, lateness: lateness)
    }
    @inlinable public func promise(_ watermark: EventTime) -> EventTime {
        watermark - lateness - (Shape.keepsAlone ? max(before, after, .zero) : .zero)
    }

    @inlinable public func addLeft(
        _ row: Left.Output, _ time: EventTime, _ state: State, _ emit: Emit
    ) throws {
        guard time >= state.sides.now.watermark - lateness else {
            return lateLeft.leave(row.value, time, state.lateLeft, state.sides.now)
        }
        let held = state.rows.update(row.key) { Rows() }
        let old = deadline(held.pointee)
        let isMatched = try held.pointee.right.match(from: time - before, through: time + after) { other, at in
            try emit(Keyed(key: row.key, value: Shape.both(row.value, other)), max(time, at))
        }
        try held.pointee.left.insert(JoinRow(time: time, value: row.value, isMatched: isMatched))
        watch(row.key, held.pointee, old, state)
    }
    @inlinable public func addRight(
        _ row: Right.Output, _ time: EventTime, _ state: State, _ emit: Emit
    ) throws {
        guard time >= state.sides.now.watermark - lateness else {
            return lateRight.leave(row.value, time, state.lateRight, state.sides.now)
        }
        let held = state.rows.update(row.key) { Rows() }
        let old = deadline(held.pointee)
        let isMatched = try held.pointee.left.match(from: time - after, through: time + before) { other, at in
            try emit(Keyed(key: row.key, value: Shape.both(other, row.value)), max(time, at))
        }
        try held.pointee.right.insert(JoinRow(time: time, value: row.value, isMatched: isMatched))
        watch(row.key, held.pointee, old, state)
    }
    /// A key is watched at its earliest deadline; a later one is asked for when that has come.
    @inlinable func watch(_ key: Key, _ rows: Rows, _ old: EventTime, _ state: State) {
        let next = deadline(rows)
        if next < old { state.rows.watch(key, until: next) }
    }

    @inlinable @inline(never) public func expire(_ state: State, _ emit: Emit) {
        state.rows.expire(state.sides.now.watermark, deadline: { deadline($0) }) { key, _ in
            // Through `update`, so that the change is part of the next commit.
            let held = state.rows.update(key) { Rows() }
            // Only what ends at this key's first deadline, so that keys take turns in the order of time.
            let now = deadline(held.pointee)
            held.pointee.left.drop(before: now - lateness - after) { value, time in
                guard let alone = Shape.only(left: value) else { return }
                state.faults.alone(name, "key \(key)") { try emit(Keyed(key: key, value: alone), time) }
            }
            held.pointee.right.drop(before: now - lateness - before) { value, time in
                guard let alone = Shape.only(right: value) else { return }
                state.faults.alone(name, "key \(key)") { try emit(Keyed(key: key, value: alone), time) }
            }
            if held.pointee.isEmpty {
                state.rows.remove(key)
            } else {
                state.rows.watch(key, until: deadline(held.pointee))
            }
        }
    }
    public var summary: String {
        "\(Shape.name) by \(Key.self), right from \(before.seconds) s before to \(after.seconds) s after left"
    }
}
