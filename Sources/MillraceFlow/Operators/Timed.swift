public import MillraceCore

/// What to do with a record whose time lies more than `Limits.futureTime` ahead of the wall clock.
public enum FarFuture: Sendable, Hashable {
    /// It goes on, and moves the watermark no further than the limit.
    case hold
    /// It is a bad record.
    case reject
}

/// Why a record's time was not accepted.
public struct TimeFault: Error, Sendable, Hashable, CustomStringConvertible {
    public var time: EventTime
    public var limit: EventTime
    @usableFromInline init(time: EventTime, limit: EventTime) { (self.time, self.limit) = (time, limit) }
    public var description: String {
        "event time \(time.microseconds) µs lies ahead of the limit \(limit.microseconds) µs; "
            + "check the producer's clock"
    }
}

/// Gives records their own event time, by which the watermark moves from here on.
public struct Timed<Upstream: Flow>: FlowWithUpstream {
    public typealias Input = Upstream.Input
    public typealias StageInput = Upstream.StageInput
    public typealias Head = Upstream.Head
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
    @usableFromInline let rejects: Bool

    @inlinable @inline(__always) init(
        upstream: Upstream, at: @escaping @Sendable (Output) throws -> EventTime, outOfOrder: TimeSpan,
        farFuture: FarFuture = .hold
    ) { (self.upstream, self.at, self.outOfOrder, rejects) = (upstream, at, outOfOrder, farFuture == .reject) }

    @inlinable public func makeState(_ setup: StageSetup) -> State {
        let state = upstream.makeState(setup)
        return State(upstream: state, clock: setup.clock, turn: setup.takeOverTime())
    }
    @inlinable @inline(__always) public func process(
        _ input: StageInput, at time: EventTime, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.process(input, at: time, state: state.upstream) { value, _ in
            let time = try at(value)
            if rejects, time > state.clock.ceiling { throw TimeFault(time: time, limit: state.clock.ceiling) }
            state.clock.observe(time, bound: outOfOrder, turn: state.turn)
            try emit(value, time)
        }
    }
    @inlinable @inline(__always) public func signal(
        _ signal: Signal, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.signal(signal, state: state.upstream) { value, _ in try emit(value, try at(value)) }
    }
    @inlinable @inline(__always) public func unchanged(_ input: StageInput) -> Output? { upstream.unchanged(input) }
    public func describe(into text: inout StageDescription) {
        upstream.describe(into: &text)
        text.add("time from the record, watermark \(outOfOrder.seconds) s behind the highest")
    }
}

/// Gives records their own event time; the watermark moves where a record says so, and nowhere else.
public struct Punctuated<Upstream: Flow>: FlowWithUpstream {
    public typealias Input = Upstream.Input
    public typealias StageInput = Upstream.StageInput
    public typealias Head = Upstream.Head
    public typealias Output = Upstream.Output
    public typealias State = Timed<Upstream>.State
    public let upstream: Upstream
    @usableFromInline let at: @Sendable (Output) throws -> EventTime
    @usableFromInline let mark: @Sendable (Output) throws -> EventTime?
    @inlinable @inline(__always) init(
        upstream: Upstream, at: @escaping @Sendable (Output) throws -> EventTime,
        mark: @escaping @Sendable (Output) throws -> EventTime?
    ) { (self.upstream, self.at, self.mark) = (upstream, at, mark) }

    @inlinable public func makeState(_ setup: StageSetup) -> State {
        let state = upstream.makeState(setup)
        return State(upstream: state, clock: setup.clock, turn: setup.takeOverTime())
    }
    @inlinable @inline(__always) public func process(
        _ input: StageInput, at time: EventTime, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.process(input, at: time, state: state.upstream) { value, _ in
            try emit(value, try at(value))
            if let watermark = try mark(value) { state.clock.observe(watermark, bound: .zero, turn: state.turn) }
        }
    }
    @inlinable @inline(__always) public func signal(
        _ signal: Signal, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.signal(signal, state: state.upstream) { value, _ in try emit(value, try at(value)) }
    }
    @inlinable @inline(__always) public func unchanged(_ input: StageInput) -> Output? { upstream.unchanged(input) }
    public func describe(into text: inout StageDescription) {
        upstream.describe(into: &text)
        text.add("time from the record, watermark from marks")
    }
}

extension Flow {
    /// Event time from the record itself; the watermark stays `outOfOrder` behind the highest time seen (zero for times
    /// that only grow). A closure that throws, for a record without a usable time, makes it a bad record.
    @inlinable @inline(__always) public func timed(
        by at: @escaping @Sendable (Output) throws -> EventTime, outOfOrder: TimeSpan = .zero,
        farFuture: FarFuture = .hold
    ) -> Timed<Self> { Timed(upstream: self, at: at, outOfOrder: outOfOrder, farFuture: farFuture) }

    /// Event time from the record itself; `watermark` says of each record whether, and to where, event time moves
    /// behind it.
    @inlinable @inline(__always) public func timed(
        by at: @escaping @Sendable (Output) throws -> EventTime,
        watermark mark: @escaping @Sendable (Output) throws -> EventTime?
    ) -> Punctuated<Self> { Punctuated(upstream: self, at: at, mark: mark) }
}
