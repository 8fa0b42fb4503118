public import MillraceCore

/// Gives records their own event time, by which the watermark moves from here on.
public struct Timed<Upstream: Flow>: FlowWithUpstream {
    public typealias Input = Upstream.Input
    public typealias StageInput = Upstream.StageInput
    public typealias Output = Upstream.Output
    public struct State: BitwiseCopyable {
        @usableFromInline let upstream: Upstream.State
        @usableFromInline let clock: StageClock
        @usableFromInline let turn: Int
        @inlinable init(upstream: Upstream.State, clock: StageClock, turn: Int) {
            (self.upstream, self.clock, self.turn) = (upstream, clock, turn)
        }
    }
    public let upstream: Upstream
    @usableFromInline let at: @Sendable (Output) throws -> EventTime
    @usableFromInline let outOfOrder: TimeSpan

    @inlinable @inline(__always) init(
        upstream: Upstream, at: @escaping @Sendable (Output) throws -> EventTime, outOfOrder: TimeSpan
    ) { (self.upstream, self.at, self.outOfOrder) = (upstream, at, outOfOrder) }

    @inlinable public func makeState(_ setup: StageSetup) -> State {
        let state = upstream.makeState(setup)
        return State(upstream: state, clock: setup.clock, turn: setup.takeOverTime())
    }
    @inlinable @inline(__always) public func process(
        _ input: StageInput, at time: EventTime, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.process(input, at: time, state: state.upstream) { value, _ in
            let time = try at(value)
            state.clock.observe(time, bound: outOfOrder, turn: state.turn)
            try emit(value, time)
        }
    }
    @inlinable @inline(__always) public func signal(
        _ signal: Signal, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.signal(signal, state: state.upstream) { value, _ in try emit(value, try at(value)) }
    }
    public func describe(into text: inout StageDescription) {
        upstream.describe(into: &text)
        text.add("time from the record, watermark \(outOfOrder.seconds) s behind the highest")
    }
}

extension Flow {
    /// Event time from the record itself; the watermark stays `outOfOrder` behind the highest time seen.
    @inlinable @inline(__always) public func timed(
        by at: @escaping @Sendable (Output) throws -> EventTime, outOfOrder: TimeSpan = .zero
    ) -> Timed<Self> { Timed(upstream: self, at: at, outOfOrder: outOfOrder) }
}
