public import MillraceCore

/// The start of a pipeline: the records of a log, with the log's time.
///
/// The log's time moves the watermark, `outOfOrder` behind the highest seen, until a `.timed(by:)` or a window's `at:`
/// brings the records' own.
public struct Events<T: Record>: StageHead {
    public typealias Input = T
    public typealias StageInput = T
    public typealias Head = Events
    public typealias Output = T
    public struct State: BitwiseCopyable {
        @usableFromInline init() {}
    }
    @usableFromInline let outOfOrder: TimeSpan

    @inlinable @inline(__always) public init(_: T.Type = T.self, outOfOrder: TimeSpan = .zero) {
        self.outOfOrder = outOfOrder
    }

    @inlinable public func makeState(_ setup: StageSetup) -> State {
        setup.clock.takeLogTime(bound: outOfOrder)
        return State()
    }
    @inlinable @inline(__always) public func process(
        _ input: T, at time: EventTime, state: State, emit: (T, EventTime) throws -> Void
    ) throws { try emit(input, time) }
    @inlinable @inline(__always) public func unchanged(_ input: T) -> T? { input }
    @inlinable @inline(__always) public func signal(
        _ signal: Signal, state: State, emit: (T, EventTime) throws -> Void
    ) throws {}
    @inlinable public static func stages<Q: FlowPath>(
        into plan: inout PlanBuilder, of pipeline: Q.P, by path: Q.Type
    ) -> [StagePort] where Q.F == Self { plan.source(T.self) }
    public func describe(into text: inout StageDescription) { text.add("events \(T.self)") }
}
