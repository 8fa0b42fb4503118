public import MillraceCore

/// What is kept per key of a process function.
public struct ProcessValue<State: Storable>: Storable {
    @usableFromInline var state: State
    @usableFromInline var timers: [ProcessTimer] = []
    /// The latest event time of the key.
    @usableFromInline var touched: EventTime
    @inlinable init(state: State, touched: EventTime) { (self.state, self.touched) = (state, touched) }
    @inlinable public func store(into writer: inout ByteWriter) {
        touched.store(into: &writer)
        timers.store(into: &writer)
        state.store(into: &writer)
    }
    @inlinable public static func load(from reader: inout ByteReader) throws -> ProcessValue {
        let touched = try EventTime.load(from: &reader)
        let timers = try [ProcessTimer].load(from: &reader)
        var made = ProcessValue(state: try .load(from: &reader), touched: touched)
        made.timers = timers
        return made
    }
}

/// The state of the step: its upstream's, the keys' values, and the keys' wall timers.
public struct ProcessState<Upstream: BitwiseCopyable, Key: StreamKey, State: Storable>: BitwiseCopyable {
    @usableFromInline let upstream: Upstream
    @usableFromInline let values: KeyedState<Key, ProcessValue<State>>
    @usableFromInline let wall: KeyedState<Key, [ProcessTimer]>
    @usableFromInline let clock: StageClock
    /// Time as the steps behind know it: what timers send is not late for them.
    @usableFromInline let after: StageClock
    @usableFromInline let sides: Unmanaged<SideOutputs>
    @usableFromInline let faults: StageFaults
    @usableFromInline init(
        upstream: Upstream, values: KeyedState<Key, ProcessValue<State>>, wall: KeyedState<Key, [ProcessTimer]>,
        setup: StageSetup
    ) {
        (self.upstream, self.values, self.wall) = (upstream, values, wall)
        clock = setup.clock
        after = setup.delayTime()
        sides = Unmanaged.passUnretained(setup.sides)
        faults = setup.faultsInUse()
    }
}

/// A keyed flow through a `KeyedProcess`.
public struct Process<Upstream: KeyedFlow, Function: KeyedProcess>: KeyedStep
where Function.Key == Upstream.Key, Function.Value == Upstream.Value {
    public typealias Input = Upstream.Input
    public typealias StageInput = Upstream.StageInput
    public typealias Head = Upstream.Head
    public typealias Key = Upstream.Key
    public typealias Value = Function.Output
    public typealias Output = Keyed<Key, Function.Output>
    public typealias State = ProcessState<Upstream.State, Key, Function.State>
    public typealias Retimed = Retime<Self>
    @usableFromInline typealias Context = ProcessContext<Key, Function.State>
    @usableFromInline typealias Emit = (Output, EventTime) throws -> Void

    public let upstream: Upstream
    @usableFromInline let function: Function
    /// Longest possible for never.
    @usableFromInline let forget: TimeSpan
    @usableFromInline let name: String
    @inlinable @inline(__always) init(upstream: Upstream, function: Function, forget: TimeSpan, name: String) {
        (self.upstream, self.function, self.forget, self.name) = (upstream, function, forget, name)
    }

    @inlinable public func makeState(_ setup: StageSetup) -> State {
        let before = upstream.makeState(setup)
        let (forget, function) = (forget, function)
        if forget.microseconds == .max { setup.warnUnbounded(name) }
        let values = setup.keyedState(
            name, key: Key.self, value: ProcessValue<Function.State>.self, version: function.version,
            deadline: { Self.deadline($0, forget: forget) },
            migrate: { stored, version in
                let touched = try EventTime.load(from: &stored)
                let timers = try [ProcessTimer].load(from: &stored)
                guard let state = try function.migrate(&stored, from: version) else { return nil }
                var made = ProcessValue(state: state, touched: touched)
                made.timers = timers
                return made
            })
        let wall = setup.keyedState(name + ".wall", key: Key.self, value: [ProcessTimer].self) {
            $0.first?.time ?? .distantFuture
        }
        return State(upstream: before, values: values, wall: wall, setup: setup)
    }
    @inlinable static func deadline(_ held: ProcessValue<Function.State>, forget: TimeSpan) -> EventTime {
        let timer = held.timers.first?.time ?? .distantFuture
        return forget.microseconds == .max ? timer : min(timer, held.touched + forget)
    }

    @inlinable @inline(__always) public func process(
        _ input: StageInput, at time: EventTime, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.process(input, at: time, state: state.upstream) { keyed, time in
            try take(keyed, time, state, emit)
        }
        if state.values.nextDeadline <= state.clock.watermark { fire(state, emit) }
        state.after.advance(to: state.clock.watermark)
    }
    @inlinable func take(_ keyed: Upstream.Output, _ time: EventTime, _ state: State, _ emit: Emit) throws {
        let held = state.values.get(keyed.key)
        let touched = max(held?.touched ?? .distantPast, time)
        try run(keyed.key, held, touched, state) { context in
            try function.process(keyed.value, at: time, in: &context) { output in
                try emit(Keyed(key: keyed.key, value: output), time)
            }
        }
    }
    /// Runs the function on copies and keeps them when it did not throw.
    @inlinable func run(
        _ key: Key, _ held: ProcessValue<Function.State>?, _ touched: EventTime, _ state: State,
        _ body: (inout Context) throws -> Void
    ) throws {
        var context = Context(
            key: key, state: held?.state ?? function.makeState(), clock: state.clock, timers: held?.timers ?? [],
            wallTimers: (state.wall.get(key) ?? []).map { ProcessTimer(time: $0.time, tag: $0.tag, isWall: true) },
            sides: state.sides._withUnsafeGuaranteedRef { $0 })
        try body(&context)
        for send in context.sent { send(context.sides) }
        if context.isCleared, context.timers.isEmpty {
            state.values.remove(key)
        } else {
            let old = held.map { Self.deadline($0, forget: forget) } ?? .distantFuture
            var kept = ProcessValue(state: context.isCleared ? function.makeState() : context.state, touched: touched)
            kept.timers = context.timers
            state.values.set(key, kept)
            let next = Self.deadline(kept, forget: forget)
            if next < old { state.values.watch(key, until: next) }
        }
        guard context.wallTimersChanged else { return }
        guard let first = context.wallTimers.first else {
            state.wall.remove(key)
            return
        }
        state.wall.set(key, context.wallTimers)
        state.wall.watch(key, until: first.time)
    }

    /// Event timers and forgetting, in the order of time. One key's throw does not keep the others from their turn.
    @inlinable @inline(never) func fire(_ state: State, _ emit: Emit) {
        state.values.expire(state.clock.watermark, deadline: { Self.deadline($0, forget: forget) }) { key, entry in
            var held = entry.pointee
            let old = Self.deadline(held, forget: forget)
            guard let timer = held.timers.first, timer.time <= old else {
                state.values.remove(key)
                return
            }
            held.timers.removeFirst()
            state.values.set(key, held)
            state.faults.alone(name, "timer of key \(key)") {
                try run(key, held, held.touched, state) { context in
                    try function.timer(timer, in: &context) { output in
                        try emit(Keyed(key: key, value: output), timer.time)
                    }
                }
            }
            // The entry's place in the queue is used up, whatever `run` asked for.
            if let after = state.values.get(key) {
                let next = Self.deadline(after, forget: forget)
                if next != .distantFuture { state.values.watch(key, until: next) }
            }
        }
    }
    @inlinable @inline(never) func fireWall(_ state: State, _ emit: Emit) {
        state.wall.expire(state.clock.wall, deadline: { $0.first?.time ?? .distantFuture }) { key, entry in
            var timers = entry.pointee
            guard var timer = timers.first else { return }
            timer.isWall = true
            timers.removeFirst()
            if timers.isEmpty { state.wall.remove(key) } else { state.wall.set(key, timers) }
            state.faults.alone(name, "wall timer of key \(key)") {
                let held = state.values.get(key)
                try run(key, held, held?.touched ?? state.clock.watermark, state) { context in
                    try function.timer(timer, in: &context) { output in
                        try emit(Keyed(key: key, value: output), timer.time)
                    }
                }
            }
            if let next = state.wall.get(key)?.first { state.wall.watch(key, until: next.time) }
        }
    }

    @inlinable public func signal(
        _ signal: Signal, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.signal(signal, state: state.upstream) { keyed, time in try take(keyed, time, state, emit) }
        if state.values.nextDeadline <= state.clock.watermark { fire(state, emit) }
        if case .wall = signal, state.wall.nextDeadline <= state.clock.wall { fireWall(state, emit) }
        state.after.advance(to: state.clock.watermark)
    }
    public func describe(into text: inout StageDescription) {
        upstream.describe(into: &text)
        let bound = forget.microseconds == .max ? "for ever" : "until \(forget.seconds) s without a value"
        text.add("process \(Function.self), kept \(bound)")
    }
}

extension KeyedFlow {
    /// A function of one's own with state, timers and side outputs.
    /// - Parameters:
    ///   - forgetAfter: a key's state and timers go when the watermark is this far beyond its last value. Without it
    ///     the state grows with the number of keys, and the plan warns.
    ///   - name: stable across releases, and no other step's of the pipeline.
    @inlinable @inline(__always) public func process<Function: KeyedProcess>(
        _ function: Function, forgetAfter: TimeSpan? = nil, named name: String = "process"
    ) -> Process<Self, Function> where Function.Key == Key, Function.Value == Value {
        Process(
            upstream: self, function: function, forget: forgetAfter ?? TimeSpan(microseconds: .max), name: name)
    }
}
