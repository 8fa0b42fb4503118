public import MillraceCore

/// A window per key that ends when nothing came for a while.
public struct SessionWindow: Sendable, Hashable {
    @usableFromInline let gap: TimeSpan
    /// Values of a key whose times lie less than `gap` apart are in one session; it ends `gap` after its last value.
    public static func session(gap: TimeSpan) -> SessionWindow {
        precondition(gap > .zero, "a session needs a positive gap")
        return SessionWindow(gap: gap)
    }
}

/// One session of a key.
public struct Session<Accumulator: Storable>: Storable {
    @usableFromInline var first: EventTime
    @usableFromInline var last: EventTime
    @usableFromInline var accumulator: Accumulator
    /// Results sent of it as it is now, and whether the on-time one was among them.
    @usableFromInline var fired: Int
    @usableFromInline init(first: EventTime, last: EventTime, accumulator: Accumulator, fired: Int) {
        (self.first, self.last, self.accumulator, self.fired) = (first, last, accumulator, fired)
    }
    public func store(into writer: inout ByteWriter) {
        first.store(into: &writer)
        last.store(into: &writer)
        writer.unsignedVarint(UInt64(fired))
        accumulator.store(into: &writer)
    }
    public static func load(from reader: inout ByteReader) throws -> Session {
        try load(from: &reader) { try Accumulator.load(from: &$0) }
    }
    static func load(
        from reader: inout ByteReader, _ accumulator: (inout ByteReader) throws -> Accumulator
    ) throws -> Session {
        let (first, last) = (try EventTime.load(from: &reader), try EventTime.load(from: &reader))
        let fired = Int(truncatingIfNeeded: try reader.unsignedVarint())
        return Session(first: first, last: last, accumulator: try accumulator(&reader), fired: fired)
    }
}

/// Sessions of a keyed flow. A session whose bounds change after its result was sent takes the result back.
public struct SessionFlow<Upstream: KeyedFlow, A: MergeableAggregate>: FlowWithUpstream
where A.Element == Upstream.Value {
    public typealias Input = Upstream.Input
    public typealias StageInput = Upstream.StageInput
    public typealias Key = Upstream.Key
    public typealias Output = Pane<Key, A.Result>
    public typealias Item = Session<A.Accumulator>
    public struct State: BitwiseCopyable {
        @usableFromInline let upstream: Upstream.State
        @usableFromInline let sessions: KeyedState<Key, [Item]>
        @usableFromInline let clock: StageClock
        /// Time as the steps behind know it.
        @usableFromInline let after: StageClock
        @usableFromInline let late: LateDoor
        @usableFromInline let faults: StageFaults
    }
    public let upstream: Upstream
    @usableFromInline let gap: TimeSpan
    @usableFromInline let lateness: TimeSpan
    @usableFromInline let aggregate: A
    @usableFromInline let late: LateExit<Upstream.Value>
    @usableFromInline let name: String
    @usableFromInline init(
        upstream: Upstream, gap: TimeSpan, lateness: TimeSpan, aggregate: A, late: LateExit<Upstream.Value>,
        name: String
    ) {
        (self.upstream, self.gap, self.lateness) = (upstream, gap, lateness)
        (self.aggregate, self.late, self.name) = (aggregate, late, name)
    }

    public func makeState(_ setup: StageSetup) -> State {
        let before = upstream.makeState(setup)
        let (gap, lateness) = (gap, lateness)
        let aggregate = aggregate
        let sessions = setup.keyedState(
            name, key: Key.self, value: [Item].self, version: aggregate.version,
            deadline: { Self.deadline($0, gap, lateness) }, migrate: { try Self.migrate(&$0, from: $1, aggregate) })
        let clock = setup.clock
        return State(
            upstream: before, sessions: sessions, clock: clock, after: setup.delayTime(), late: late.open(setup),
            faults: setup.faultsInUse())
    }
    /// As an array of sessions is stored, with accumulators of an older version.
    private static func migrate(_ reader: inout ByteReader, from version: Int, _ aggregate: A) throws -> [Item]? {
        try aggregate.migrating { migrated in
            let count = try reader.checked(count: try reader.unsignedVarint(), minimumElementBytes: 17, limit: .max)
            return try (0..<count).map { _ in try Item.load(from: &reader) { try migrated(&$0, version) } }
        }
    }
    @usableFromInline static func deadline(_ items: [Item], _ gap: TimeSpan, _ lateness: TimeSpan) -> EventTime {
        items.reduce(EventTime.distantFuture) { least, item in
            min(least, item.last + gap + (item.fired > 0 ? lateness : .zero))
        }
    }
    @inlinable public func process(
        _ input: StageInput, at time: EventTime, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.process(input, at: time, state: state.upstream) { keyed, time in
            try add(keyed, time, state, emit)
        }
    }
    @inlinable public func signal(
        _ signal: Signal, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.signal(signal, state: state.upstream) { keyed, time in try add(keyed, time, state, emit) }
        fire(state, emit)
        state.after.advance(to: state.clock.watermark)
    }
    public func describe(into text: inout StageDescription) {
        upstream.describe(into: &text)
        text.add("session window, gap \(gap.seconds) s, lateness \(lateness.seconds) s, \(A.self) by \(Key.self)")
    }
}

extension SessionFlow {
    @inlinable @inline(never) func add(
        _ keyed: Upstream.Output, _ time: EventTime, _ state: State, _ emit: (Output, EventTime) throws -> Void
    ) throws {
        if state.sessions.nextDeadline <= state.clock.watermark { fire(state, emit) }
        let held = state.sessions.get(keyed.key) ?? []
        let touching = held.filter { time - $0.last < gap && $0.first - time < gap }
        let last = touching.reduce(time) { max($0, $1.last) }
        guard last + gap + lateness > state.clock.watermark else {
            return late.leave(keyed.value, time, state.late, state.clock)
        }
        var merged = Item(first: time, last: time, accumulator: aggregate.makeAccumulator(), fired: 0)
        try aggregate.add(keyed.value, at: time, to: &merged.accumulator)
        let isAlone = touching.count == 1
        for item in touching {
            let changes = !isAlone || time < item.first || time > item.last
            if item.fired > 0, changes { send(pane(keyed.key, item, retracted: true), state, emit) }
            try aggregate.merge(item.accumulator, into: &merged.accumulator)
            merged.first = min(merged.first, item.first)
            merged.last = max(merged.last, item.last)
            if isAlone, !changes { merged.fired = item.fired }
        }
        // The on-time moment of what the watermark has passed already is over: the result is late, and leaves at once.
        if merged.last + gap <= state.clock.watermark {
            send(pane(keyed.key, merged, timing: .late), state, emit)
            merged.fired += 1
        }
        var items = held.filter { time - $0.last >= gap || $0.first - time >= gap }
        items.insert(merged, at: items.firstIndex { $0.first > merged.first } ?? items.count)
        state.sessions.set(keyed.key, items)
        // A key is watched at its earliest deadline; a later one is asked for when that has come.
        let deadline = Self.deadline(items, gap, lateness)
        if held.isEmpty || deadline < Self.deadline(held, gap, lateness) {
            state.sessions.watch(keyed.key, until: deadline)
        }
    }
    @inlinable func send(_ pane: Output, _ state: State, _ emit: (Output, EventTime) throws -> Void) {
        state.faults.alone(name, "key \(pane.key)") { try emit(pane, pane.end - .microseconds(1)) }
    }
    @inlinable func pane(
        _ key: Key, _ item: Item, timing: PaneInfo.Timing = .onTime, retracted: Bool = false
    ) -> Output {
        let index = retracted ? item.fired - 1 : item.fired
        return Pane(
            key: key, start: item.first, end: item.last + gap, value: aggregate.result(of: item.accumulator),
            info: PaneInfo(
                index: index, timing: timing, isFinal: !retracted && lateness == .zero, isRetraction: retracted))
    }
    @inlinable @inline(never) func fire(_ state: State, _ emit: (Output, EventTime) throws -> Void) {
        let watermark = state.clock.watermark
        guard state.sessions.nextDeadline <= watermark else { return }
        state.sessions.expire(watermark, deadline: { Self.deadline($0, gap, lateness) }) { key, held in
            var items = held.pointee
            for index in items.indices where items[index].fired == 0 && items[index].last + gap <= watermark {
                send(pane(key, items[index]), state, emit)
                items[index].fired = 1
            }
            items.removeAll { $0.last + gap + lateness <= watermark }
            if items.isEmpty {
                state.sessions.remove(key)
            } else {
                state.sessions.set(key, items)
                state.sessions.watch(key, until: Self.deadline(items, gap, lateness))
            }
        }
    }
}

/// A keyed flow in sessions, waiting for an aggregate.
public struct SessionWindowed<Upstream: KeyedFlow>: Sendable {
    @usableFromInline let upstream: Upstream
    @usableFromInline let gap: TimeSpan
    @usableFromInline let lateness: TimeSpan
    @usableFromInline var late = LateExit<Upstream.Value>()
    @usableFromInline init(upstream: Upstream, gap: TimeSpan, lateness: TimeSpan) {
        (self.upstream, self.gap, self.lateness) = (upstream, gap, lateness)
    }
    /// Sessions merge, so their aggregate has to.
    @inlinable public func aggregate<A: MergeableAggregate>(
        _ aggregate: A, named name: String = "session"
    ) -> SessionFlow<Upstream, A> where A.Element == Upstream.Value {
        SessionFlow(upstream: upstream, gap: gap, lateness: lateness, aggregate: aggregate, late: late, name: name)
    }
    @inlinable public func count(named name: String = "count") -> SessionFlow<Upstream, Count<Upstream.Value>> {
        aggregate(Count(), named: name)
    }
    @inlinable public func sum<N: AggregateNumber>(
        _ value: @escaping @Sendable (Upstream.Value) throws -> N, named name: String = "sum"
    ) -> SessionFlow<Upstream, Sum<Upstream.Value, N>> { aggregate(Sum(value), named: name) }
}

extension SessionWindowed where Upstream.Value: Record {
    /// Sends records that are too late for any session there.
    @inlinable public func late(to side: SideOutput<Upstream.Value>) -> SessionWindowed {
        var copy = self
        copy.late = LateExit(to: side)
        return copy
    }
}

extension KeyedFlow {
    /// Groups each key's values into sessions.
    @inlinable public func window(
        _ window: SessionWindow, at: @escaping @Sendable (Value) throws -> EventTime, lateness: TimeSpan = .zero,
        outOfOrder: TimeSpan = .zero
    ) -> SessionWindowed<Retimed> {
        SessionWindowed(upstream: timed(by: at, outOfOrder: outOfOrder), gap: window.gap, lateness: lateness)
    }
    @inlinable public func window(
        _ window: SessionWindow, lateness: TimeSpan = .zero
    ) -> SessionWindowed<Self> { SessionWindowed(upstream: self, gap: window.gap, lateness: lateness) }
}
