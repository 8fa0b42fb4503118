public import MillraceCore

/// One of two.
public enum Either<Left: Sendable, Right: Sendable>: Sendable {
    case left(Left)
    case right(Right)
}

extension Either: Equatable where Left: Equatable, Right: Equatable {}
extension Either: Hashable where Left: Hashable, Right: Hashable {}

/// What enters a stage with two inputs: the first input's logs are the stage's first ports.
extension Either: StageRecord where Left: StageRecord, Right: StageRecord {
    @inlinable public static var portCount: Int { Left.portCount + Right.portCount }
    @inlinable @inline(__always) public static func decode(
        _ raw: RawRecord, port: Int, time: inout EventTime
    ) throws -> Either {
        port < Left.portCount
            ? .left(try Left.decode(raw, port: port, time: &time))
            : .right(try Right.decode(raw, port: port - Left.portCount, time: &time))
    }
}

/// A flow with two flows before it. Both end in the same stage: what one reads and what the other reads are ports of
/// it.
public protocol TwoSidedFlow: StageHead
where Input == Left.Input, StageInput == Either<Left.StageInput, Right.StageInput> {
    associatedtype Left: Flow
    associatedtype Right: Flow
    var left: Left { get }
    var right: Right { get }
}

/// The way to the first of two flows.
public enum LeftPath<Q: FlowPath>: FlowPath where Q.F: TwoSidedFlow {
    @inlinable @inline(__always) public static func flow(of pipeline: Q.P) -> Q.F.Left { Q.flow(of: pipeline).left }
}
/// The way to the second of two flows.
public enum RightPath<Q: FlowPath>: FlowPath where Q.F: TwoSidedFlow {
    @inlinable @inline(__always) public static func flow(of pipeline: Q.P) -> Q.F.Right { Q.flow(of: pipeline).right }
}

extension TwoSidedFlow {
    @inlinable public static func stages<Q: FlowPath>(
        into plan: inout PlanBuilder, of pipeline: Q.P, by path: Q.Type
    ) -> [StagePort] where Q.F == Self {
        let left = Left.Head.stages(into: &plan, of: pipeline, by: HeadPath<LeftPath<Q>>.self)
        let right = Right.Head.stages(into: &plan, of: pipeline, by: HeadPath<RightPath<Q>>.self)
        if left.isSource != right.isSource {
            plan.refuse(
                "a step with two inputs reads one from its log and the other through a shuffle, so that neither can "
                    + "say what time it is",
                advice: "Key both sides the same way: both with .keyed(), or both with .keyed(by:)")
        }
        return left + right
    }
}

extension TwoSidedFlow {
    /// Makes the steps of both sides.
    @inlinable func makeSides(_ setup: StageSetup) -> TwoSides<Left.State, Right.State> {
        let clock = setup.clock
        let one = setup.branch(ports: Left.StageInput.portCount) { left.makeState(setup) }
        let other = setup.branch(ports: Right.StageInput.portCount) { right.makeState(setup) }
        let clocks = StageSides(clock: clock, left: one.clock, right: other.clock)
        setup.pair(clocks)
        let isDelayed = one.after.words != one.clock.words || other.after.words != other.clock.words
        return TwoSides(
            left: one.state, right: other.state, clocks: clocks, leftAfter: one.after, rightAfter: other.after,
            now: isDelayed ? setup.delayTime { min(one.after.watermark, other.after.watermark) } : clock,
            isDelayed: isDelayed)
    }
}

/// The two sides of a step: their states, and what each knows of time.
public struct TwoSides<Left: BitwiseCopyable, Right: BitwiseCopyable>: BitwiseCopyable {
    @usableFromInline let left: Left
    @usableFromInline let right: Right
    @usableFromInline let clocks: StageSides
    /// Time as the last steps of the sides leave it: behind `clocks` where they send what is due when time goes on.
    @usableFromInline let leftAfter: StageClock
    @usableFromInline let rightAfter: StageClock
    /// The step's own time: the lower of the two.
    @usableFromInline let now: StageClock
    @usableFromInline let isDelayed: Bool

    @usableFromInline init(
        left: Left, right: Right, clocks: StageSides, leftAfter: StageClock, rightAfter: StageClock, now: StageClock,
        isDelayed: Bool
    ) {
        (self.left, self.right, self.clocks) = (left, right, clocks)
        (self.leftAfter, self.rightAfter) = (leftAfter, rightAfter)
        (self.now, self.isDelayed) = (now, isDelayed)
    }

    @inlinable @inline(__always) func sawLeft(_ time: EventTime) {
        clocks.left.sawRecord()
        if clocks.left.takesLogTime { clocks.left.observe(time, bound: clocks.left.logTimeBound) }
    }
    @inlinable @inline(__always) func sawRight(_ time: EventTime) {
        clocks.right.sawRecord()
        if clocks.right.takesLogTime { clocks.right.observe(time, bound: clocks.right.logTimeBound) }
    }
    /// After each record, not each batch: lateness must not follow from how records were batched.
    @inlinable @inline(__always) func combine() {
        clocks.combine()
        if isDelayed { now.advance(to: min(leftAfter.watermark, rightAfter.watermark)) }
    }
    /// Before the sides hear of a signal.
    @inlinable func tell(_ signal: Signal) {
        guard case .watermark(let watermark) = signal else { return }
        clocks.clock.advance(to: watermark)
        clocks.left.advance(to: watermark)
        clocks.right.advance(to: watermark)
    }
}
