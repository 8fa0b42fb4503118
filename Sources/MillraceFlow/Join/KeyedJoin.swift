public import MillraceCore

/// The state of a join: both upstreams', and the rows that wait.
public struct JoinState<Left: BitwiseCopyable, Right: BitwiseCopyable, Key: StreamKey, Value: Storable>:
    BitwiseCopyable
{
    @usableFromInline let sides: TwoSides<Left, Right>
    @usableFromInline let rows: KeyedState<Key, Value>
    /// Time as the steps behind know it.
    @usableFromInline let after: StageClock
    @usableFromInline let faults: StageFaults
    @usableFromInline let lateLeft: LateDoor
    @usableFromInline let lateRight: LateDoor
    @usableFromInline init(
        _ setup: StageSetup, sides: TwoSides<Left, Right>, rows: KeyedState<Key, Value>,
        lateLeft: LateDoor, lateRight: LateDoor, promise: @escaping (EventTime) -> EventTime
    ) {
        (self.sides, self.rows) = (sides, rows)
        (self.lateLeft, self.lateRight) = (lateLeft, lateRight)
        after = setup.delayTime { promise(sides.now.watermark) }
        faults = setup.faultsInUse()
    }
}

/// A step that brings two keyed flows together. What all of them do is here: the way of a record to its side, time, and
/// signals; a join adds what happens to a row of each side, and what is due when.
public protocol KeyedJoin: TwoSidedFlow, KeyedFlow
where
    Left: KeyedFlow, Right: KeyedFlow, Left.Key == Right.Key, Key == Left.Key, Value == Shape.Result,
    Shape.Left == Left.Value, Shape.Right == Right.Value, Output == Keyed<Left.Key, Shape.Result>,
    State == JoinState<Left.State, Right.State, RowKey, Rows>, Retimed == Retime<Self>
{
    associatedtype Shape: JoinShape
    /// Under which rows are kept, and what is kept under it.
    associatedtype RowKey: StreamKey
    associatedtype Rows: Storable
    typealias Emit = (Output, EventTime) throws -> Void

    func addLeft(_ row: Left.Output, _ time: EventTime, _ state: State, _ emit: Emit) throws
    func addRight(_ row: Right.Output, _ time: EventTime, _ state: State, _ emit: Emit) throws
    /// The watermark has come to where some rows are due.
    func expire(_ state: State, _ emit: Emit)
    /// What the steps behind may take for granted when the join's own watermark stands there: no result of an earlier
    /// time will leave.
    func promise(_ watermark: EventTime) -> EventTime
    var summary: String { get }
}

extension KeyedJoin {
    @inlinable @inline(__always) public func process(
        _ input: StageInput, at time: EventTime, state: State, emit: Emit
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
        settle(state, emit)
    }
    @inlinable public func signal(_ signal: Signal, state: State, emit: Emit) throws {
        state.sides.tell(signal)
        try left.signal(signal, state: state.sides.left) { keyed, time in try addLeft(keyed, time, state, emit) }
        try right.signal(signal, state: state.sides.right) { keyed, time in try addRight(keyed, time, state, emit) }
        state.sides.combine()
        settle(state, emit)
    }
    @inlinable @inline(__always) func settle(_ state: State, _ emit: Emit) {
        let watermark = state.sides.now.watermark
        if state.rows.nextDeadline <= watermark { expire(state, emit) }
        state.after.advance(to: promise(watermark))
    }
    @inlinable @inline(__always) public func timed(
        by at: @escaping @Sendable (Value) throws -> EventTime, outOfOrder: TimeSpan
    ) -> Retime<Self> { Retime(upstream: self, at: at, outOfOrder: outOfOrder) }
    public func describe(into text: inout StageDescription) {
        left.describe(into: &text)
        right.describe(into: &text)
        text.add(summary)
    }
}

/// A join for which rows can be too late.
public protocol LateJoin: KeyedJoin {
    var lateLeft: LateExit<Left.Value> { get set }
    var lateRight: LateExit<Right.Value> { get set }
}

extension LateJoin where Left.Value: Record {
    /// Sends left rows that are too late there, instead of dropping and counting them.
    @inlinable public func lateLeft(to side: SideOutput<Left.Value>) -> Self {
        var copy = self
        copy.lateLeft = LateExit(to: side)
        return copy
    }
}
extension LateJoin where Right.Value: Record {
    /// Sends right rows that are too late there, instead of dropping and counting them.
    @inlinable public func lateRight(to side: SideOutput<Right.Value>) -> Self {
        var copy = self
        copy.lateRight = LateExit(to: side)
        return copy
    }
}
