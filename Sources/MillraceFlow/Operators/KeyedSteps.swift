public import MillraceCore

/// The state of a keyed step with one value per key.
public struct KeyedStepState<Upstream: BitwiseCopyable, Key: StreamKey, Value: Storable>: BitwiseCopyable {
    @usableFromInline let upstream: Upstream
    @usableFromInline let values: KeyedState<Key, Value>
    @usableFromInline let clock: StageClock
    @usableFromInline let faults: StageFaults
    @inlinable public init(_ setup: StageSetup, upstream: Upstream, values: KeyedState<Key, Value>) {
        (self.upstream, self.values) = (upstream, values)
        (clock, faults) = (setup.clock, setup.faults)
    }
}

/// A keyed step that stays keyed: behind it windows and other keyed steps go on without a shuffle.
public protocol KeyedStep: FlowWithUpstream, KeyedFlow where Upstream: KeyedFlow, Retimed == Retime<Self> {}

extension KeyedStep {
    @inlinable @inline(__always) public func timed(
        by at: @escaping @Sendable (Value) throws -> EventTime, outOfOrder: TimeSpan
    ) -> Retime<Self> { Retime(upstream: self, at: at, outOfOrder: outOfOrder) }
}

/// Event time from the values of a keyed flow.
public struct Retime<Upstream: KeyedFlow>: FlowWithUpstream, KeyedFlow {
    public typealias Input = Upstream.Input
    public typealias StageInput = Upstream.StageInput
    public typealias Head = Upstream.Head
    public typealias Key = Upstream.Key
    public typealias Value = Upstream.Value
    public typealias Output = Upstream.Output
    public typealias State = Timed<Upstream>.State
    public let upstream: Upstream
    @usableFromInline let at: @Sendable (Value) throws -> EventTime
    @usableFromInline let outOfOrder: TimeSpan
    @inlinable @inline(__always) init(
        upstream: Upstream, at: @escaping @Sendable (Value) throws -> EventTime, outOfOrder: TimeSpan
    ) { (self.upstream, self.at, self.outOfOrder) = (upstream, at, outOfOrder) }

    @inlinable public func makeState(_ setup: StageSetup) -> State {
        let state = upstream.makeState(setup)
        return State(upstream: state, clock: setup.clock, turn: setup.takeOverTime())
    }
    @inlinable @inline(__always) public func process(
        _ input: StageInput, at time: EventTime, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.process(input, at: time, state: state.upstream) { keyed, _ in
            let time = try at(keyed.value)
            state.clock.observe(time, bound: outOfOrder, turn: state.turn)
            try emit(keyed, time)
        }
    }
    @inlinable @inline(__always) public func signal(
        _ signal: Signal, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.signal(signal, state: state.upstream) { keyed, _ in try emit(keyed, try at(keyed.value)) }
    }
    @inlinable @inline(__always) public func timed(
        by at: @escaping @Sendable (Value) throws -> EventTime, outOfOrder: TimeSpan
    ) -> Retime<Upstream> { Retime(upstream: upstream, at: at, outOfOrder: outOfOrder) }
    @inlinable @inline(__always) public func likelyKey(of input: StageInput) -> Key? { upstream.likelyKey(of: input) }
    public func describe(into text: inout StageDescription) {
        upstream.describe(into: &text)
        text.add("time from the value")
    }
}

/// Lets the first value of each key through, and drops those of the same key whose event time is less than `span`
/// from it, to either side.
public struct Deduplicate<Upstream: KeyedFlow>: KeyedStep {
    public typealias Input = Upstream.Input
    public typealias StageInput = Upstream.StageInput
    public typealias Head = Upstream.Head
    public typealias Key = Upstream.Key
    public typealias Value = Upstream.Value
    public typealias Output = Upstream.Output
    public typealias State = KeyedStepState<Upstream.State, Key, EventTime>
    public typealias Retimed = Retime<Self>
    public let upstream: Upstream
    @usableFromInline let span: TimeSpan
    @usableFromInline let name: String
    @inlinable @inline(__always) init(upstream: Upstream, span: TimeSpan, name: String) {
        (self.upstream, self.span, self.name) = (upstream, span, name)
    }

    @inlinable public func makeState(_ setup: StageSetup) -> State {
        let before = upstream.makeState(setup)
        let span = span
        let values = setup.keyedState(name, key: Key.self, value: EventTime.self) { $0 + span }
        return State(setup, upstream: before, values: values)
    }
    @inlinable @inline(__always) public func process(
        _ input: StageInput, at time: EventTime, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.process(input, at: time, state: state.upstream) { keyed, time in
            try check(keyed, time, state, emit)
        }
    }
    @inlinable @inline(__always) func check(
        _ keyed: Output, _ time: EventTime, _ state: State, _ emit: (Output, EventTime) throws -> Void
    ) throws {
        if state.values.nextDeadline <= state.clock.watermark { clean(state) }
        var isNew = false
        let first = state.values.update(keyed.key) {
            isNew = true
            return time
        }
        if !isNew {
            let distance = (time - first.pointee).microseconds
            if distance < span.microseconds, distance > -span.microseconds { return }
            // Late ones before the span pass, and leave the later one to be compared with.
            try state.faults.undoing(first) {
                if distance > 0 { first.pointee = time }
                try emit(keyed, time)
            }
        } else {
            state.values.watch(keyed.key, until: time + span)
            do { try emit(keyed, time) } catch {
                // It has not passed: tried again it must not be its own duplicate.
                state.values.remove(keyed.key)
                throw error
            }
        }
    }
    @inlinable @inline(never) func clean(_ state: State) {
        state.values.expire(state.clock.watermark, deadline: { $0 + span }) { key, _ in state.values.remove(key) }
    }
    @inlinable public func signal(
        _ signal: Signal, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.signal(signal, state: state.upstream) { keyed, time in try check(keyed, time, state, emit) }
        if state.values.nextDeadline <= state.clock.watermark { clean(state) }
    }
    @inlinable @inline(__always) public func likelyKey(of input: StageInput) -> Key? { upstream.likelyKey(of: input) }
    public func describe(into text: inout StageDescription) {
        upstream.describe(into: &text)
        text.add("deduplicate within \(span.seconds) s")
    }
}

extension KeyedFlow {
    /// The first value of each key, and no other of the key whose event time is less than `span` away.
    @inlinable @inline(__always) public func deduplicate(
        within span: TimeSpan, named name: String = "deduplicate"
    ) -> Deduplicate<Self> { Deduplicate(upstream: self, span: span, name: name) }
}
