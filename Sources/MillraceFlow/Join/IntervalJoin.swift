public import MillraceCore

/// The state of a join: both upstreams', and the rows that wait.
public struct JoinState<Left: BitwiseCopyable, Right: BitwiseCopyable, Key: StreamKey, Value: Storable>:
    BitwiseCopyable
{
    @usableFromInline let sides: TwoSides<Left, Right>
    @usableFromInline let rows: KeyedState<Key, Value>
    @inlinable init(sides: TwoSides<Left, Right>, rows: KeyedState<Key, Value>) {
        (self.sides, self.rows) = (sides, rows)
    }
}

/// Pairs of rows with one key whose times lie close together: the right one from `before` ahead of the left one to
/// `after` behind it.
///
/// A pair leaves when its second row arrives. A row without a partner leaves once the watermark says that none can come
/// any more. Rows older than the watermark by more than `lateness` are late and counted; of all others the result is
/// exactly the join, whatever order they come in.
public struct IntervalJoin<Left: KeyedFlow, Right: KeyedFlow, Shape: JoinShape>: TwoSidedFlow, KeyedFlow
where Left.Key == Right.Key, Shape.Left == Left.Value, Shape.Right == Right.Value {
    public typealias Input = Left.Input
    public typealias StageInput = Either<Left.StageInput, Right.StageInput>
    public typealias Key = Left.Key
    public typealias Value = Shape.Result
    public typealias Output = Keyed<Key, Shape.Result>
    public typealias Rows = JoinSides<Left.Value, Right.Value>
    public typealias State = JoinState<Left.State, Right.State, Key, Rows>
    public typealias Retimed = Retime<Self>

    public let left: Left
    public let right: Right
    @usableFromInline let before: TimeSpan
    @usableFromInline let after: TimeSpan
    @usableFromInline let lateness: TimeSpan
    @usableFromInline let name: String

    @inlinable @inline(__always) init(
        left: Left, right: Right, before: TimeSpan, after: TimeSpan, lateness: TimeSpan, name: String
    ) {
        (self.left, self.right, self.name) = (left, right, name)
        (self.before, self.after, self.lateness) = (before, after, lateness)
    }

    @inlinable public func makeState(_ setup: StageSetup) -> State {
        let (before, after, lateness) = (before, after, lateness)
        let sides = TwoSides(setup, left: { left.makeState(setup) }, right: { right.makeState(setup) })
        let rows = setup.keyedState(name, key: Key.self, value: Rows.self) {
            Self.deadline($0, before: before, after: after, lateness: lateness)
        }
        return State(sides: sides, rows: rows)
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
                try addRight(keyed, time, state, emit)
            }
        }
        state.sides.combine()
        if state.rows.nextDeadline <= state.sides.clock.watermark { try expire(state, emit) }
    }

    @inlinable func addLeft(
        _ row: Left.Output, _ time: EventTime, _ state: State, _ emit: (Output, EventTime) throws -> Void
    ) throws {
        guard time >= state.sides.clock.watermark - lateness else { return state.sides.clock.countLate() }
        let held = state.rows.update(row.key) { Rows() }
        let old = deadline(held.pointee)
        let isMatched = try held.pointee.right.match(from: time - before, through: time + after) { other, at in
            try emit(Keyed(key: row.key, value: Shape.both(row.value, other)), max(time, at))
        }
        try held.pointee.left.insert(JoinRow(time: time, value: row.value, isMatched: isMatched))
        watch(row.key, held.pointee, old, state)
    }
    @inlinable func addRight(
        _ row: Right.Output, _ time: EventTime, _ state: State, _ emit: (Output, EventTime) throws -> Void
    ) throws {
        guard time >= state.sides.clock.watermark - lateness else { return state.sides.clock.countLate() }
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

    @inlinable @inline(never) func expire(_ state: State, _ emit: (Output, EventTime) throws -> Void) throws {
        try state.rows.expire(state.sides.clock.watermark, deadline: { deadline($0) }) { key, _ in
            // Through `update`, so that the change is part of the next commit.
            let held = state.rows.update(key) { Rows() }
            // Only what ends at this key's first deadline, so that keys take turns in the order of time.
            let now = deadline(held.pointee)
            try held.pointee.left.drop(before: now - lateness - after) { value, time in
                if let alone = Shape.only(left: value) { try emit(Keyed(key: key, value: alone), time) }
            }
            try held.pointee.right.drop(before: now - lateness - before) { value, time in
                if let alone = Shape.only(right: value) { try emit(Keyed(key: key, value: alone), time) }
            }
            if held.pointee.isEmpty {
                state.rows.remove(key)
            } else {
                state.rows.watch(key, until: deadline(held.pointee))
            }
        }
    }

    @inlinable public func signal(
        _ signal: Signal, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        state.sides.tell(signal)
        try left.signal(signal, state: state.sides.left) { keyed, time in try addLeft(keyed, time, state, emit) }
        try right.signal(signal, state: state.sides.right) { keyed, time in try addRight(keyed, time, state, emit) }
        if state.rows.nextDeadline <= state.sides.clock.watermark { try expire(state, emit) }
    }
    @inlinable @inline(__always) public func timed(
        by at: @escaping @Sendable (Value) throws -> EventTime, outOfOrder: TimeSpan
    ) -> Retime<Self> { Retime(upstream: self, at: at, outOfOrder: outOfOrder) }
    public func describe(into text: inout StageDescription) {
        left.describe(into: &text)
        right.describe(into: &text)
        text.add("\(Shape.name) by \(Key.self), right from \(before.seconds) s before to \(after.seconds) s after left")
    }
}
