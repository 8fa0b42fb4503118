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
public protocol TwoSidedFlow: Flow where Input == Left.Input, StageInput == Either<Left.StageInput, Right.StageInput> {
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
        let left = Left.stages(into: &plan, of: pipeline, by: LeftPath<Q>.self)
        let right = Right.stages(into: &plan, of: pipeline, by: RightPath<Q>.self)
        if left.isSource != right.isSource {
            plan.warn(
                "one side of a join is read from its log and the other through a shuffle, so event time stands still "
                    + "until both have moved; key both with .keyed() or both with .keyed(by:)")
        }
        return left + right
    }
}

/// The two sides of a step: their states, and what each knows of time.
public struct TwoSides<Left: BitwiseCopyable, Right: BitwiseCopyable>: BitwiseCopyable {
    @usableFromInline let left: Left
    @usableFromInline let right: Right
    @usableFromInline let leftClock: StageClock
    @usableFromInline let rightClock: StageClock
    /// The step's own: the lower of the two.
    @usableFromInline let clock: StageClock

    @inlinable init(_ setup: StageSetup, left: () -> Left, right: () -> Right) {
        var clocks: [StageClock] = []
        clock = setup.clock
        self.left = setup.branch {
            clocks.append(setup.clock)
            return left()
        }
        self.right = setup.branch {
            clocks.append(setup.clock)
            return right()
        }
        (leftClock, rightClock) = (clocks[0], clocks[1])
    }

    @inlinable @inline(__always) func sawLeft(_ time: EventTime) {
        if leftClock.takesLogTime { leftClock.observe(time, bound: leftClock.logTimeBound) }
    }
    @inlinable @inline(__always) func sawRight(_ time: EventTime) {
        if rightClock.takesLogTime { rightClock.observe(time, bound: rightClock.logTimeBound) }
    }
    /// After each record, not each batch: lateness must not follow from how records were batched.
    @inlinable @inline(__always) func combine() {
        let lower = min(leftClock.observed, rightClock.observed)
        if lower > clock.observed { clock.raise(toAtLeast: lower) }
    }
    @inlinable func tell(_ signal: Signal) {
        guard case .watermark(let watermark) = signal else { return }
        clock.advance(to: watermark)
        leftClock.advance(to: watermark)
        rightClock.advance(to: watermark)
    }
}
