public import MillraceCore

/// The state of a window step: its upstream's, and a few pointers.
public struct WindowState<Upstream: BitwiseCopyable, Key: StreamKey, Accumulator: Storable>: BitwiseCopyable {
    @usableFromInline let upstream: Upstream
    @usableFromInline let core: WindowCore<Key, Accumulator>
    @usableFromInline let clock: StageClock
    /// Time as the steps behind know it.
    @usableFromInline let after: StageClock
    @usableFromInline let late: LateDoor
    @usableFromInline init(
        upstream: Upstream, core: WindowCore<Key, Accumulator>, clock: StageClock, after: StageClock, late: LateDoor
    ) {
        (self.upstream, self.core, self.late) = (upstream, core, late)
        (self.clock, self.after) = (clock, after)
    }
}

/// A window over a keyed flow in one stage: values are aggregated where they arrive.
public struct LocalWindow<Upstream: KeyedFlow, A: MergeableOrNot>: FlowWithUpstream
where A.Base.Element == Upstream.Value {
    public typealias Input = Upstream.Input
    public typealias StageInput = Upstream.StageInput
    public typealias Head = Upstream.Head
    public typealias Output = Pane<Upstream.Key, A.Base.Result>
    public typealias State = WindowState<Upstream.State, Upstream.Key, A.Base.Accumulator>

    public let upstream: Upstream
    @usableFromInline let window: TimeWindow
    @usableFromInline let lateness: TimeSpan
    @usableFromInline let trigger: Trigger
    @usableFromInline let aggregate: A
    @usableFromInline let late: LateExit<Upstream.Value>
    @usableFromInline let name: String
    @inlinable @inline(__always) init(
        upstream: Upstream, window: TimeWindow, lateness: TimeSpan, trigger: Trigger, aggregate: A,
        late: LateExit<Upstream.Value>, name: String
    ) {
        (self.upstream, self.window, self.lateness, self.trigger) = (upstream, window, lateness, trigger)
        (self.aggregate, self.late, self.name) = (aggregate, late, name)
    }

    @inlinable public func makeState(_ setup: StageSetup) -> State {
        let before = upstream.makeState(setup)
        let rule = WindowRule(window: window, lateness: lateness, trigger: trigger, merges: A.merges)
        let core = WindowCore<Upstream.Key, A.Base.Accumulator>(rule: rule, setup: setup, name: name)
        setup.addWindow(core, rule, aggregate.base)
        let clock = setup.clock
        return State(
            upstream: before, core: core, clock: clock, after: setup.delayTime(), late: late.open(setup))
    }
    @inlinable @inline(__always) public func process(
        _ input: StageInput, at time: EventTime, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.process(input, at: time, state: state.upstream) { keyed, time in
            try add(keyed, time, state, emit)
        }
    }
    @inlinable @inline(__always) public func wantsPreparing(_ state: State) -> Bool { state.core.isFar }
    @inlinable @inline(__always) public func prepare(_ input: StageInput, state: State) {
        if let key = upstream.likelyKey(of: input) { state.core.prefetch(key) }
    }
    @inlinable @inline(__always) func add(
        _ keyed: Keyed<Upstream.Key, Upstream.Value>, _ time: EventTime, _ state: State,
        _ emit: (Output, EventTime) throws -> Void
    ) throws {
        let core = state.core
        let watermark = state.clock.watermark
        if core.words.pointee.nextDue <= watermark.microseconds {
            core.fireDue(watermark, aggregate, emit)
            state.after.advance(to: watermark)
        }
        let t = time.microseconds
        if t < core.words.pointee.start || t >= core.words.pointee.end {
            if core.words.pointee.overlaps { return try addToEach(keyed, time, state, emit) }
            guard core.locate(t, watermark: watermark) else {
                return late.leave(keyed.value, time, state.late, state.clock)
            }
        }
        try addToCurrent(keyed, time, state, emit)
    }
    @inlinable @inline(__always) func addToCurrent(
        _ keyed: Keyed<Upstream.Key, Upstream.Value>, _ time: EventTime, _ state: State,
        _ emit: (Output, EventTime) throws -> Void
    ) throws {
        let core = state.core
        let pane = core.words.pointee.table.slot(of: keyed.key) {
            core.missing(keyed.key) { aggregate.base.makeAccumulator() }
        }
        try aggregate.base.add(keyed.value, at: time, to: &pane.pointee.accumulator)
        guard core.words.pointee.isWatched else { return }
        core.noteRecord(keyed.key, pane, records: 1, aggregate.base, wall: state.clock.wall, emit)
    }
    @inlinable @inline(never) func addToEach(
        _ keyed: Keyed<Upstream.Key, Upstream.Value>, _ time: EventTime, _ state: State,
        _ emit: (Output, EventTime) throws -> Void
    ) throws {
        let isOpen = try state.core.forEachWindow(of: time.microseconds, watermark: state.clock.watermark) {
            try addToCurrent(keyed, time, state, emit)
        }
        if !isOpen { late.leave(keyed.value, time, state.late, state.clock) }
    }
    @inlinable public func signal(
        _ signal: Signal, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.signal(signal, state: state.upstream) { keyed, time in try add(keyed, time, state, emit) }
        if state.core.words.pointee.nextDue <= state.clock.watermark.microseconds {
            state.core.fireDue(state.clock.watermark, aggregate, emit)
        }
        state.after.advance(to: state.clock.watermark)
        if case .wall(let wall) = signal, state.core.words.pointee.nextWall <= wall {
            state.core.reportDue(wall, aggregate.base, emit)
        }
    }
    public func describe(into text: inout StageDescription) {
        upstream.describe(into: &text)
        let rule = WindowRule(window: window, lateness: lateness, trigger: trigger, merges: A.merges)
        text.add("window \(rule.description), \(A.Base.self) by \(Upstream.Key.self)")
    }
}

extension StageSetup {
    @usableFromInline func addWindow<Key: StreamKey, A: Aggregate>(
        _ core: WindowCore<Key, A.Accumulator>, _ rule: WindowRule, _ aggregate: A
    ) {
        if rule.window.kind == .cumulative, !rule.window.isShared {
            refuse(
                "a cumulative window works with aggregates that merge, no lateness and the plain trigger only",
                advice: "Use a tumbling window with an early trigger, or outOfOrder instead of lateness")
        }
        let frame = "\(Key.self) \(rule.window.description) "
        let schema = StateSchema(version: aggregate.version, layout: frame + aggregate.layout)
        add(WindowSlot(core, schema: schema, frame: frame) { try aggregate.migrate(&$0, from: $1) })
    }
}
