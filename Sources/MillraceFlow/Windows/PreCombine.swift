public import MillraceCore

/// A part of a key's window, on its way to the partition that keeps the key.
public struct Partial<Key: StreamKey, Accumulator: Storable>: ShuffleRecord {
    public var key: Key
    /// The start of the slice, in microseconds.
    public var start: Int64
    public var accumulator: Accumulator
    /// The records in it, where a trigger counts them; else 1.
    public var records: UInt32
    @inlinable @inline(__always) public init(key: Key, start: Int64, accumulator: Accumulator, records: UInt32) {
        (self.key, self.start, self.accumulator, self.records) = (key, start, accumulator, records)
    }
    @inlinable public static var portCount: Int { 1 }
    @inlinable public static func decode(_ raw: RawRecord, port: Int, time: inout EventTime) throws -> Self {
        try StageBytes.decode(raw, &time) { key, value in
            let start: Int64 = try value.integer()
            let records = UInt32(truncatingIfNeeded: try value.unsignedVarint())
            return Partial(
                key: try Key.load(from: &key), start: start, accumulator: try Accumulator.load(from: &value),
                records: records)
        }
    }
    @inlinable public var partitionHash: UInt64 { key.streamHash(seed: 0) }
    @inlinable public func encode(key keyBytes: inout ByteWriter, value bytes: inout ByteWriter, time: EventTime) {
        key.store(into: &keyBytes)
        time.store(into: &bytes)
        bytes.integer(start)
        bytes.unsignedVarint(UInt64(records))
        accumulator.store(into: &bytes)
    }
}

/// Aggregates in front of the shuffle, so that what crosses it is one partial pane per key and commit, not every
/// record.
///
/// It decides what is late, by its own partition's watermark: what it lets through is in time behind the shuffle too,
/// because there the watermark is the lowest of all partitions'. It keeps nothing across a commit.
public struct PreCombine<Upstream: Flow, Key: StreamKey, A: MergeableAggregate>: FlowWithUpstream
where A.Element == Upstream.Output {
    public typealias Input = Upstream.Input
    public typealias StageInput = Upstream.StageInput
    public typealias Head = Upstream.Head
    public typealias Output = Partial<Key, A.Accumulator>
    public typealias State = WindowState<Upstream.State, Key, A.Accumulator>

    public let upstream: Upstream
    @usableFromInline let key: @Sendable (Upstream.Output) throws -> Key
    @usableFromInline let window: TimeWindow
    @usableFromInline let lateness: TimeSpan
    @usableFromInline let trigger: Trigger
    @usableFromInline let aggregate: A
    @usableFromInline let late: LateExit<Upstream.Output>
    @inlinable @inline(__always) init(
        upstream: Upstream, key: @escaping @Sendable (Upstream.Output) throws -> Key, window: TimeWindow,
        lateness: TimeSpan, trigger: Trigger, aggregate: A, late: LateExit<Upstream.Output>
    ) {
        (self.upstream, self.key, self.window) = (upstream, key, window)
        (self.lateness, self.trigger, self.aggregate, self.late) = (lateness, trigger, aggregate, late)
    }

    @inlinable public func makeState(_ setup: StageSetup) -> State {
        let before = upstream.makeState(setup)
        let rule = WindowRule(window: window, lateness: lateness, trigger: trigger, merges: true)
        let core = WindowCore<Key, A.Accumulator>(rule: rule, setup: setup, name: "")
        setup.keep(CoreOwner(core))
        return State(
            upstream: before, core: core, clock: setup.clock, after: setup.clock, late: late.open(setup))
    }
    @inlinable @inline(__always) public func process(
        _ input: StageInput, at time: EventTime, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.process(input, at: time, state: state.upstream) { value, time in try add(value, time, state, emit)
        }
    }
    @inlinable @inline(__always) func add(
        _ value: Upstream.Output, _ time: EventTime, _ state: State, _ emit: (Output, EventTime) throws -> Void
    ) throws {
        let core = state.core
        let watermark = state.clock.watermark
        if core.words.pointee.nextDue <= watermark.microseconds { try core.sendDue(watermark, emit) }
        let t = time.microseconds
        if t < core.words.pointee.start || t >= core.words.pointee.end {
            if core.isFull { try core.sendAll(emit) }
            if core.words.pointee.overlaps { return try addToEach(value, time, state) }
            guard core.locate(t, watermark: watermark) else {
                return late.leave(value, time, state.late, state.clock)
            }
        }
        try addToCurrent(value, time, core)
    }
    @inlinable @inline(__always) func addToCurrent(
        _ value: Upstream.Output, _ time: EventTime, _ core: WindowCore<Key, A.Accumulator>
    ) throws {
        let key = try key(value)
        let pane = core.words.pointee.table.slot(of: key) {
            (PaneState(accumulator: aggregate.makeAccumulator()), false)
        }
        try aggregate.add(value, at: time, to: &pane.pointee.accumulator)
        if core.words.pointee.isWatched { pane.pointee.pending &+= 1 }
    }
    @inlinable @inline(never) func addToEach(_ value: Upstream.Output, _ time: EventTime, _ state: State) throws {
        let isOpen = try state.core.forEachWindow(of: time.microseconds, watermark: state.clock.watermark) {
            try addToCurrent(value, time, state.core)
        }
        if !isOpen { late.leave(value, time, state.late, state.clock) }
    }
    @inlinable public func signal(
        _ signal: Signal, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.signal(signal, state: state.upstream) { value, time in try add(value, time, state, emit) }
        switch signal {
        case .flush: try state.core.sendAll(emit)
        case .watermark, .wall:
            if state.core.words.pointee.nextDue <= state.clock.watermark.microseconds || state.core.isFull {
                try state.core.sendDue(state.clock.watermark, emit)
            }
        }
    }
    public func describe(into text: inout StageDescription) {
        upstream.describe(into: &text)
        let bytes = PaneTable<Key, PaneState<A.Accumulator>>.entryBytes
        text.add(
            "pre-combine \(A.self) in \(window) by \(Key.self), at most \(Limits.preCombineKeys) keys of \(bytes) bytes"
        )
    }
}

/// Frees a core that keeps nothing across commits.
@usableFromInline final class CoreOwner<Key: StreamKey, Accumulator: Storable> {
    private let core: WindowCore<Key, Accumulator>
    @usableFromInline init(_ core: WindowCore<Key, Accumulator>) { self.core = core }
    deinit { core.destroy() }
}

extension WindowCore {
    @inlinable var isFull: Bool { keys > Limits.preCombineKeys }

    /// Sends what is there; slices stay open.
    @inlinable @inline(never) func sendAll(_ emit: (Partial<Key, Accumulator>, EventTime) throws -> Void) throws {
        for slice in words.pointee.slices {
            try slice.table.forEachOrdered { key, state in
                try emit(
                    Partial(
                        key: key, start: slice.start, accumulator: state.pointee.accumulator,
                        records: max(1, state.pointee.pending)),
                    EventTime(microseconds: slice.start))
            }
            slice.table.removeAll()
        }
    }
    /// Sends everything before the watermark is told behind the shuffle, and forgets the slices that are over.
    @inlinable @inline(never) func sendDue(
        _ watermark: EventTime, _ emit: (Partial<Key, Accumulator>, EventTime) throws -> Void
    ) throws {
        leave()
        try sendAll(emit)
        let rule = words.pointee.rule
        let now = watermark.microseconds
        words.pointee.slices.removeAll { slice in
            guard rule.window.lastEnd(ofSliceAt: slice.start).saturatingAdd(rule.lateness) <= now else { return false }
            giveBack(slice.table)
            return true
        }
        for index in words.pointee.slices.indices where words.pointee.slices[index].end <= now {
            words.pointee.slices[index].isFired = true
        }
        words.pointee.firedThrough = max(words.pointee.firedThrough, now)
        findDue()
    }
}
