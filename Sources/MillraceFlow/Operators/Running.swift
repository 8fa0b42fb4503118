public import MillraceCore

/// What a running aggregate keeps per key.
public struct RunningValue<Accumulator: Storable>: Storable {
    @usableFromInline var accumulator: Accumulator
    /// The latest event time of the key.
    @usableFromInline var touched: EventTime
    @inlinable init(accumulator: Accumulator, touched: EventTime) {
        (self.accumulator, self.touched) = (accumulator, touched)
    }
    @inlinable public func store(into writer: inout ByteWriter) {
        touched.store(into: &writer)
        accumulator.store(into: &writer)
    }
    @inlinable public static func load(from reader: inout ByteReader) throws -> RunningValue {
        let touched = try EventTime.load(from: &reader)
        return RunningValue(accumulator: try .load(from: &reader), touched: touched)
    }
}

/// An aggregate over all values of a key so far: one result per value.
public struct Running<Upstream: KeyedFlow, A: Aggregate>: KeyedStep where A.Element == Upstream.Value {
    public typealias Input = Upstream.Input
    public typealias StageInput = Upstream.StageInput
    public typealias Head = Upstream.Head
    public typealias Key = Upstream.Key
    public typealias Value = A.Result
    public typealias Output = Keyed<Key, A.Result>
    public typealias State = KeyedStepState<Upstream.State, Key, RunningValue<A.Accumulator>>
    public typealias Retimed = Retime<Self>
    public let upstream: Upstream
    @usableFromInline let aggregate: A
    /// Longest possible for none.
    @usableFromInline let idle: TimeSpan
    @usableFromInline let name: String
    @inlinable @inline(__always) init(upstream: Upstream, aggregate: A, idle: TimeSpan, name: String) {
        (self.upstream, self.aggregate, self.idle, self.name) = (upstream, aggregate, idle, name)
    }

    @inlinable public func makeState(_ setup: StageSetup) -> State {
        let before = upstream.makeState(setup)
        let (idle, aggregate) = (idle, aggregate)
        if idle.microseconds == .max { setup.warnUnbounded(name) }
        let values = setup.keyedState(
            name, key: Key.self, value: RunningValue<A.Accumulator>.self, version: aggregate.version,
            deadline: idle.microseconds == .max ? nil : { $0.touched + idle },
            migrate: { stored, version in
                let touched = try EventTime.load(from: &stored)
                let made = try aggregate.migrate(&stored, from: version)
                return made.map { RunningValue(accumulator: $0, touched: touched) }
            })
        return State(setup, upstream: before, values: values)
    }
    @inlinable @inline(__always) public func process(
        _ input: StageInput, at time: EventTime, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.process(input, at: time, state: state.upstream) { keyed, time in
            try add(keyed, time, state, emit)
        }
    }
    @inlinable @inline(__always) func add(
        _ keyed: Upstream.Output, _ time: EventTime, _ state: State, _ emit: (Output, EventTime) throws -> Void
    ) throws {
        if state.values.nextDeadline <= state.clock.watermark { clean(state) }
        var isNew = false
        let held = state.values.update(keyed.key) {
            isNew = true
            return RunningValue(accumulator: aggregate.makeAccumulator(), touched: time)
        }
        if isNew, idle.microseconds != .max { state.values.watch(keyed.key, until: time + idle) }
        try state.faults.undoing(held) { try add(keyed, time, to: held, emit) }
    }
    @inlinable @inline(__always) func add(
        _ keyed: Upstream.Output, _ time: EventTime, to held: UnsafeMutablePointer<RunningValue<A.Accumulator>>,
        _ emit: (Output, EventTime) throws -> Void
    ) throws {
        // Forgotten by now, even if the watermark has not come to take it away.
        if idle.microseconds != .max, held.pointee.touched + idle <= time {
            held.pointee = RunningValue(accumulator: aggregate.makeAccumulator(), touched: time)
        }
        if held.pointee.touched < time { held.pointee.touched = time }
        try aggregate.add(keyed.value, at: time, to: &held.pointee.accumulator)
        try emit(Keyed(key: keyed.key, value: aggregate.result(of: held.pointee.accumulator)), time)
    }
    @inlinable @inline(never) func clean(_ state: State) {
        state.values.expire(state.clock.watermark, deadline: { $0.touched + idle }) { key, _ in
            state.values.remove(key)
        }
    }
    @inlinable public func signal(
        _ signal: Signal, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.signal(signal, state: state.upstream) { keyed, time in try add(keyed, time, state, emit) }
        if state.values.nextDeadline <= state.clock.watermark { clean(state) }
    }
    public func describe(into text: inout StageDescription) {
        upstream.describe(into: &text)
        let bound = idle.microseconds == .max ? "for ever" : "until \(idle.seconds) s without a value"
        text.add("running \(A.self), kept \(bound)")
    }
}

extension KeyedFlow {
    /// An aggregate over everything so far, with a result for every value.
    /// - Parameter idle: a key's state is forgotten when the watermark is this far beyond its last value. Without it
    ///   the state grows with the number of keys, and the plan warns.
    @inlinable @inline(__always) public func running<A: Aggregate>(
        _ aggregate: A, forgetAfter idle: TimeSpan? = nil, named name: String = "running"
    ) -> Running<Self, A> where A.Element == Value {
        Running(
            upstream: self, aggregate: aggregate, idle: idle ?? TimeSpan(microseconds: .max), name: name)
    }
}
