public import MillraceCore

/// Sessions of a keyed flow.
///
/// A result names its session by its bounds, and a session that grows has other bounds: the result it had before is
/// taken back. One that was said to be complete is taken back at once; an early one when the next takes its place, so
/// that there is always one to look at. Discarded panes are parts, and stay.
public struct SessionFlow<Upstream: KeyedFlow, A: MergeableAggregate>: FlowWithUpstream
where A.Element == Upstream.Value {
    public typealias Input = Upstream.Input
    public typealias StageInput = Upstream.StageInput
    public typealias Head = Upstream.Head
    public typealias Key = Upstream.Key
    public typealias Output = Pane<Key, A.Result>
    public typealias Item = OpenSession<A.Accumulator>
    @usableFromInline typealias Emit = (Output, EventTime) throws -> Void
    public struct State: BitwiseCopyable {
        @usableFromInline let upstream: Upstream.State
        @usableFromInline let sessions: KeyedState<Key, [Item]>
        /// When a key's unreported records are due by the wall clock; only for triggers that go by it.
        @usableFromInline let wall: KeyedState<Key, EventTime>?
        @usableFromInline let clock: StageClock
        /// Time as the steps behind know it.
        @usableFromInline let after: StageClock
        @usableFromInline let late: LateDoor
        @usableFromInline let faults: StageFaults
    }
    public let upstream: Upstream
    @usableFromInline let rule: SessionRule
    @usableFromInline let aggregate: A
    @usableFromInline let late: LateExit<Upstream.Value>
    @usableFromInline let name: String
    @usableFromInline init(
        upstream: Upstream, rule: SessionRule, aggregate: A, late: LateExit<Upstream.Value>, name: String
    ) {
        (self.upstream, self.rule, self.aggregate, self.late, self.name) = (upstream, rule, aggregate, late, name)
    }

    public func makeState(_ setup: StageSetup) -> State {
        let before = upstream.makeState(setup)
        let (rule, aggregate) = (rule, aggregate)
        let sessions = setup.keyedState(
            name, key: Key.self, value: [Item].self, version: aggregate.version, deadline: { rule.deadline($0) },
            migrate: { try Self.migrate(&$0, from: $1, aggregate) })
        let wall =
            rule.trigger.goesByWall
            ? setup.keyedState(name + ".wall", key: Key.self, value: EventTime.self) { $0 } : nil
        let clock = setup.clock
        return State(
            upstream: before, sessions: sessions, wall: wall, clock: clock, after: setup.delayTime(),
            late: late.open(setup), faults: setup.faultsInUse())
    }
    /// As an array of sessions is stored, with accumulators of an older version.
    private static func migrate(_ reader: inout ByteReader, from version: Int, _ aggregate: A) throws -> [Item]? {
        try aggregate.migrating { migrated in
            let count = try reader.checked(count: try reader.unsignedVarint(), minimumElementBytes: 28, limit: .max)
            return try (0..<count).map { _ in try Item.load(from: &reader) { try migrated(&$0, version) } }
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
        if case .wall(let wall) = signal, let due = state.wall, due.nextDeadline <= wall {
            reportDue(wall, due, state, emit)
        }
    }
    public func describe(into text: inout StageDescription) {
        upstream.describe(into: &text)
        text.add("\(rule.description), \(A.self) by \(Key.self)")
    }
}

/// A record's way into its session.
extension SessionFlow {
    @inlinable @inline(never) func add(
        _ keyed: Upstream.Output, _ time: EventTime, _ state: State, _ emit: Emit
    ) throws {
        let watermark = state.clock.watermark
        if state.sessions.nextDeadline <= watermark { fire(state, emit) }
        let held = state.sessions.find(keyed.key)
        let touched = held.map { rule.touching(time, $0.pointee) } ?? 0..<0
        var merged = Item(at: time, accumulator: aggregate.makeAccumulator())
        if let held, !touched.isEmpty { merged.last = max(time, held.pointee[touched.upperBound - 1].last) }
        guard merged.last + rule.gap + rule.lateness > watermark else {
            return late.leave(keyed.value, time, state.late, state.clock)
        }
        // Whatever throws does so before anything is changed.
        try aggregate.add(keyed.value, at: time, to: &merged.accumulator)
        var isSame = false
        var before = EventTime.distantFuture
        if let held {
            before = rule.deadline(held.pointee)
            for index in touched { try join(held.pointee[index], into: &merged) }
            if touched.count == 1 {
                let item = held.pointee[touched.lowerBound]
                isSame = item.first == merged.first && item.last == merged.last
                if isSame { (merged.fired, merged.isOver) = (item.fired, item.isOver) }
            }
        }
        if !isSame, !merged.sent.isEmpty {
            for sent in merged.sent where sent.timing != .early { takeBack(keyed.key, sent, state, emit) }
            merged.sent.removeAll { $0.timing != .early }
        }
        if !rule.trigger.isFinalOnly, merged.last + rule.gap <= watermark { merged.isOver = true }
        let items = state.sessions.update(keyed.key) { [] }
        if touched.count == 1 {
            items.pointee[touched.lowerBound] = merged
        } else {
            items.pointee.replaceSubrange(touched, with: CollectionOfOne(merged))
        }
        noteRecord(keyed.key, &items.pointee[touched.lowerBound], state, emit)
        // A key is watched at its earliest deadline; a later one is asked for when that has come.
        let deadline = rule.deadline(items.pointee)
        if deadline < before { state.sessions.watch(keyed.key, until: deadline) }
    }
    /// Makes a session part of one that grows into it.
    @inlinable func join(_ item: Item, into merged: inout Item) throws {
        try aggregate.merge(item.accumulator, into: &merged.accumulator)
        merged.first = min(merged.first, item.first)
        merged.last = max(merged.last, item.last)
        merged.pending += item.pending
        merged.reportAt = min(merged.reportAt, item.reportAt)
        if !item.sent.isEmpty { merged.sent += item.sent }
    }
    /// A result may leave at once, or later by the wall clock.
    @inlinable func noteRecord(_ key: Key, _ item: inout Item, _ state: State, _ emit: Emit) {
        let trigger = rule.trigger
        guard !trigger.isFinalOnly, let repetition = item.isOver ? trigger.late : trigger.early else { return }
        switch repetition {
        case .count(let least):
            if item.pending >= least { report(key, &item, item.isOver ? .late : .early, state, emit) }
        case .every(let span):
            guard item.reportAt == .distantFuture else { return }
            item.reportAt = state.clock.wall + span
            if let wall = state.wall { ask(key, at: item.reportAt, wall) }
        }
    }
}

/// Results of sessions.
extension SessionFlow {
    /// Sends what the watermark has passed, and drops what is over.
    @inlinable @inline(never) func fire(_ state: State, _ emit: Emit) {
        let watermark = state.clock.watermark
        guard state.sessions.nextDeadline <= watermark else { return }
        state.sessions.expire(watermark, deadline: { rule.deadline($0) }) { key, _ in
            // Through `update`, so that the change is part of the next commit.
            let items = state.sessions.update(key) { [] }
            var index = 0
            while index < items.pointee.count {
                if finish(key, &items.pointee[index], watermark, state, emit) {
                    items.pointee.remove(at: index)
                } else {
                    index += 1
                }
            }
            if items.pointee.isEmpty {
                state.sessions.remove(key)
            } else {
                state.sessions.watch(key, until: rule.deadline(items.pointee))
            }
        }
    }
    /// Returns whether the session is over for good.
    @inlinable func finish(
        _ key: Key, _ item: inout Item, _ watermark: EventTime, _ state: State, _ emit: Emit
    ) -> Bool {
        let end = item.last + rule.gap
        let isLast = end + rule.lateness <= watermark
        if rule.trigger.isFinalOnly {
            if isLast { report(key, &item, .onTime, isFinal: true, state, emit) }
        } else if !item.isOver, end <= watermark {
            item.isOver = true
            // Nothing came since an early result that was told as a part.
            if rule.trigger.panes != .discarding || item.pending > 0 {
                report(key, &item, .onTime, isFinal: isLast, state, emit)
            }
        } else if isLast, item.pending > 0 {
            // What came late and was not reported leaves now or never.
            report(key, &item, .late, isFinal: true, state, emit)
        }
        return isLast
    }
    /// The wall clock has come to where records of some keys are to be reported.
    @inlinable @inline(never) func reportDue(
        _ now: EventTime, _ wall: KeyedState<Key, EventTime>, _ state: State, _ emit: Emit
    ) {
        wall.expire(now, deadline: { $0 }) { key, _ in
            wall.remove(key)
            guard state.sessions.find(key) != nil else { return }
            let items = state.sessions.update(key) { [] }
            var next = EventTime.distantFuture
            for index in items.pointee.indices {
                if items.pointee[index].reportAt <= now {
                    let timing: PaneInfo.Timing = items.pointee[index].isOver ? .late : .early
                    report(key, &items.pointee[index], timing, state, emit)
                }
                next = min(next, items.pointee[index].reportAt)
            }
            if next != .distantFuture { ask(key, at: next, wall) }
        }
    }
    @inlinable func ask(_ key: Key, at time: EventTime, _ wall: KeyedState<Key, EventTime>) {
        if let asked = wall.get(key), asked <= time { return }
        wall.set(key, time)
        wall.watch(key, until: time)
    }

    /// Sends a session's result, and the taking back of those that it replaces.
    @inlinable func report(
        _ key: Key, _ item: inout Item, _ timing: PaneInfo.Timing, isFinal: Bool = false, _ state: State, _ emit: Emit
    ) {
        let panes = rule.trigger.panes
        if !item.sent.isEmpty {
            for sent in item.sent where panes == .retracting || sent.first != item.first || sent.last != item.last {
                takeBack(key, sent, state, emit)
            }
            item.sent.removeAll()
        }
        send(
            Pane(
                key: key, start: item.first, end: item.last + rule.gap, value: aggregate.result(of: item.accumulator),
                info: PaneInfo(index: item.fired, timing: timing, isFinal: isFinal)), state, emit)
        item.fired += 1
        (item.pending, item.reportAt) = (0, .distantFuture)
        if isFinal { return }
        if panes == .discarding {
            item.accumulator = aggregate.makeAccumulator()
        } else {
            item.sent = [
                SentSession(
                    first: item.first, last: item.last, accumulator: item.accumulator, index: item.fired - 1,
                    timing: timing)
            ]
        }
    }
    @inlinable func takeBack(_ key: Key, _ sent: SentSession<A.Accumulator>, _ state: State, _ emit: Emit) {
        send(
            Pane(
                key: key, start: sent.first, end: sent.last + rule.gap, value: aggregate.result(of: sent.accumulator),
                info: PaneInfo(index: sent.index, timing: sent.timing, isFinal: false, isRetraction: true)),
            state, emit)
    }
    /// A result is a piece of work of its own: when a closure behind throws, the others still leave.
    @inlinable func send(_ pane: Output, _ state: State, _ emit: Emit) {
        state.faults.alone(name, "key \(pane.key)") { try emit(pane, pane.end - .microseconds(1)) }
    }
}
