public import MillraceCore

/// The state of a window step: its upstream's, and two pointers.
public struct WindowState<Upstream: BitwiseCopyable, Key: StreamKey, Accumulator: Storable>: BitwiseCopyable {
    @usableFromInline let upstream: Upstream
    @usableFromInline let core: WindowCore<Key, Accumulator>
    @usableFromInline let clock: StageClock
    @usableFromInline init(upstream: Upstream, core: WindowCore<Key, Accumulator>, clock: StageClock) {
        (self.upstream, self.core, self.clock) = (upstream, core, clock)
    }
}

/// A window over a keyed flow in one stage: values are aggregated where they arrive.
public struct LocalWindow<Upstream: KeyedFlow, A: MergeableOrNot>: FlowWithUpstream
where A.Base.Element == Upstream.Value {
    public typealias Input = Upstream.Input
    public typealias StageInput = Upstream.StageInput
    public typealias Output = Pane<Upstream.Key, A.Base.Result>
    public typealias State = WindowState<Upstream.State, Upstream.Key, A.Base.Accumulator>

    public let upstream: Upstream
    @usableFromInline let window: TimeWindow
    @usableFromInline let lateness: TimeSpan
    @usableFromInline let aggregate: A
    @usableFromInline let name: String
    @inlinable @inline(__always) init(
        upstream: Upstream, window: TimeWindow, lateness: TimeSpan, aggregate: A, name: String
    ) {
        (self.upstream, self.window, self.lateness) = (upstream, window, lateness)
        (self.aggregate, self.name) = (aggregate, name)
    }

    @inlinable public func makeState(_ setup: StageSetup) -> State {
        let before = upstream.makeState(setup)
        let core = WindowCore<Upstream.Key, A.Base.Accumulator>(
            window: window, lateness: lateness, seed: setup.seed, name: name)
        setup.addWindow(core, name: name, key: Upstream.Key.self, layout: aggregate.base.layout, window: window)
        return State(upstream: before, core: core, clock: setup.clock)
    }
    @inlinable @inline(__always) public func process(
        _ input: StageInput, at time: EventTime, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.process(input, at: time, state: state.upstream) { keyed, time in
            try add(keyed, time, state, emit)
        }
    }
    @inlinable @inline(__always) func add(
        _ keyed: Keyed<Upstream.Key, Upstream.Value>, _ time: EventTime, _ state: State,
        _ emit: (Output, EventTime) throws -> Void
    ) throws {
        let core = state.core
        let watermark = state.clock.watermark
        if core.words.pointee.nextDue <= watermark.microseconds { try core.fireDue(watermark, aggregate, emit) }
        let t = time.microseconds
        if t < core.words.pointee.start || t >= core.words.pointee.end {
            guard core.locate(t, watermark: watermark) else {
                state.clock.countLate()
                return
            }
        }
        let pane = core.words.pointee.table.slot(of: keyed.key) {
            core.missing(keyed.key) { aggregate.base.makeAccumulator() }
        }
        try aggregate.base.add(keyed.value, at: time, to: &pane.pointee.accumulator)
        if core.words.pointee.isFired { try core.fireLate(keyed.key, pane, aggregate.base, emit) }
    }
    @inlinable public func signal(
        _ signal: Signal, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.signal(signal, state: state.upstream) { keyed, time in try add(keyed, time, state, emit) }
        if state.core.words.pointee.nextDue <= state.clock.watermark.microseconds {
            try state.core.fireDue(state.clock.watermark, aggregate, emit)
        }
    }
    public func describe(into text: inout StageDescription) {
        upstream.describe(into: &text)
        text.add("window \(window), lateness \(lateness.seconds) s, \(A.Base.self)")
    }
}

extension StageSetup {
    @usableFromInline func addWindow<Key: StreamKey, Accumulator: Storable>(
        _ core: WindowCore<Key, Accumulator>, name: String, key: Key.Type, layout: String, window: TimeWindow
    ) {
        let schema = StateSchema(version: 1, layout: "\(Key.self) \(window) \(layout)")
        add(WindowSlot(core, name: name, schema: schema))
    }
}
