public import MillraceCore

/// A window behind a shuffle whose aggregate merges: it puts together the partial panes that `PreCombine` sends.
public struct CombinedWindow<Upstream: Flow, Key: StreamKey, A: MergeableAggregate>: ShuffledFlow
where A.Element == Upstream.Output {
    public typealias Input = Upstream.Input
    public typealias StageInput = Partial<Key, A.Accumulator>
    public typealias Head = CombinedWindow
    public typealias Output = Pane<Key, A.Result>
    public struct State: BitwiseCopyable {
        @usableFromInline let core: WindowCore<Key, A.Accumulator>
        @usableFromInline let clock: StageClock
        /// Time as the steps behind know it.
        @usableFromInline let after: StageClock
        @usableFromInline init(core: WindowCore<Key, A.Accumulator>, clock: StageClock, after: StageClock) {
            (self.core, self.clock, self.after) = (core, clock, after)
        }
    }
    public let upstream: Upstream
    @usableFromInline let key: @Sendable (Upstream.Output) throws -> Key
    @usableFromInline let window: TimeWindow
    @usableFromInline let lateness: TimeSpan
    @usableFromInline let trigger: Trigger
    @usableFromInline let aggregate: A
    @usableFromInline let late: LateExit<Upstream.Output>
    @usableFromInline let name: String
    @inlinable @inline(__always) init(
        upstream: Upstream, key: @escaping @Sendable (Upstream.Output) throws -> Key, window: TimeWindow,
        lateness: TimeSpan, trigger: Trigger, aggregate: A, late: LateExit<Upstream.Output>, name: String
    ) {
        (self.upstream, self.key, self.window) = (upstream, key, window)
        (self.lateness, self.trigger) = (lateness, trigger)
        (self.aggregate, self.late, self.name) = (aggregate, late, name)
    }

    @inlinable @inline(__always) public var sender: PreCombine<Upstream, Key, A> {
        PreCombine(
            upstream: upstream, key: key, window: window, lateness: lateness, trigger: trigger, aggregate: aggregate,
            late: late)
    }
    @inlinable public static func stages<Q: FlowPath>(
        into plan: inout PlanBuilder, of pipeline: Q.P, by path: Q.Type
    ) -> [StagePort] where Q.F == Self { plan.shuffle(Q.self, of: pipeline) }

    @inlinable public func makeState(_ setup: StageSetup) -> State {
        let rule = WindowRule(window: window, lateness: lateness, trigger: trigger, merges: true)
        let core = WindowCore<Key, A.Accumulator>(rule: rule, setup: setup, name: name)
        setup.addWindow(core, rule, aggregate)
        let clock = setup.clock
        return State(core: core, clock: clock, after: setup.delayTime())
    }
    @inlinable @inline(__always) public func process(
        _ input: StageInput, at time: EventTime, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        let core = state.core
        let watermark = state.clock.watermark
        if core.words.pointee.nextDue <= watermark.microseconds {
            core.fireDue(watermark, Merging(aggregate), emit)
            state.after.advance(to: watermark)
        }
        if input.start != core.words.pointee.start {
            guard core.open(input.start, watermark: watermark) else {
                state.clock.countLate()
                return
            }
        }
        let pane = core.words.pointee.table.slot(of: input.key) {
            core.missing(input.key) { aggregate.makeAccumulator() }
        }
        try core.words.pointee.faults.undoing(pane) {
            try aggregate.merge(input.accumulator, into: &pane.pointee.accumulator)
        }
        guard core.words.pointee.isWatched else { return }
        core.noteRecord(input.key, pane, records: input.records, aggregate, wall: state.clock.wall, emit)
    }
    @inlinable @inline(__always) public func wantsPreparing(_ state: State) -> Bool { state.core.isFar }
    @inlinable @inline(__always) public func prepare(_ input: StageInput, state: State) {
        state.core.prefetch(input.key)
    }
    @inlinable public func signal(
        _ signal: Signal, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        if state.core.words.pointee.nextDue <= state.clock.watermark.microseconds {
            state.core.fireDue(state.clock.watermark, Merging(aggregate), emit)
        }
        state.after.advance(to: state.clock.watermark)
        if case .wall(let wall) = signal, state.core.words.pointee.nextWall <= wall {
            state.core.reportDue(wall, aggregate, emit)
        }
    }
    public func describe(into text: inout StageDescription) {
        let rule = WindowRule(window: window, lateness: lateness, trigger: trigger, merges: true)
        text.add("window \(rule.description), \(A.self) of partial panes by \(Key.self)")
    }
}
