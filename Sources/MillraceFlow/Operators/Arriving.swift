public import MillraceCore

/// Processing time: each value has the wall-clock time at which it comes through here, and time goes on with the wall.
///
/// Nothing is out of order and nothing is late. But the same records give other windows when they are read at another
/// time, as after a restart: for results that a replay must give again, use event time, or the log's own (ingestion)
/// time, which is what `Events` starts with.
public struct Arriving<Upstream: KeyedFlow>: FlowWithUpstream, KeyedFlow {
    public typealias Input = Upstream.Input
    public typealias StageInput = Upstream.StageInput
    public typealias Head = Upstream.Head
    public typealias Key = Upstream.Key
    public typealias Value = Upstream.Value
    public typealias Output = Upstream.Output
    public struct State: BitwiseCopyable {
        @usableFromInline let upstream: Upstream.State
        @usableFromInline let before: StageClock
        @usableFromInline let clock: StageClock
        @usableFromInline init(upstream: Upstream.State, before: StageClock, clock: StageClock) {
            (self.upstream, self.before, self.clock) = (upstream, before, clock)
        }
    }
    public let upstream: Upstream
    @inlinable @inline(__always) init(upstream: Upstream) { self.upstream = upstream }

    @inlinable public func makeState(_ setup: StageSetup) -> State {
        let state = upstream.makeState(setup)
        let before = setup.clock
        return State(upstream: state, before: before, clock: setup.arrivalTime())
    }
    /// Before the wall clock is known it stands at 1970.
    @inlinable @inline(__always) func now(_ state: State) -> EventTime { max(state.clock.wall, .seconds(0)) }

    @inlinable @inline(__always) public func process(
        _ input: StageInput, at time: EventTime, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.process(input, at: time, state: state.upstream) { keyed, _ in try emit(keyed, now(state)) }
    }
    @inlinable @inline(__always) public func signal(
        _ signal: Signal, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.signal(signal, state: state.upstream) { keyed, _ in try emit(keyed, now(state)) }
        if case .wall(let wall) = signal { state.clock.advance(to: wall) }
        // The input is over: so is time.
        if state.before.watermark == .distantFuture { state.clock.advance(to: .distantFuture) }
    }
    @inlinable @inline(__always) public func timed(
        by at: @escaping @Sendable (Value) throws -> EventTime, outOfOrder: TimeSpan
    ) -> Retime<Upstream> { Retime(upstream: upstream, at: at, outOfOrder: outOfOrder) }
    @inlinable @inline(__always) public func likelyKey(of input: StageInput) -> Key? { upstream.likelyKey(of: input) }
    public func describe(into text: inout StageDescription) {
        upstream.describe(into: &text)
        text.add("time from the wall clock")
    }
}

extension KeyedFlow {
    /// Groups each key's values by processing time: the wall clock when they come here. A window's result leaves once
    /// the wall clock has passed its end.
    @inlinable @inline(__always) public func window(
        processing window: TimeWindow, trigger: Trigger = .atWatermark
    ) -> Windowed<Arriving<Self>> {
        Windowed(upstream: Arriving(upstream: self), window: window, lateness: .zero, trigger: trigger)
    }
}
