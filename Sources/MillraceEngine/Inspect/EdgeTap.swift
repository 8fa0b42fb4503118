public import MillraceCore
public import MillraceFlow
internal import Synchronization

/// A record or row as it passes, lent for the length of a call on its task's lane.
public struct TapSight {
    public var partition: Int
    /// Of a record that was read from a log or a source.
    public var offset: Int64?
    public var time: EventTime
    public var key: UnsafeRawBufferPointer?
    public var value: UnsafeRawBufferPointer?
    /// Of a row; empty for a record.
    public var columns: [RowColumn] = []
    public var cells: [RowCell] = []
}

/// Looks at what passes an edge of a running pipeline: the input of a stage, or what it is about to commit.
///
/// A tap ends by itself, after so many records or so much time. It looks at a bounded number of records a second and
/// keeps a bounded number of bytes: neither a busy edge nor a client that does not read holds the pipeline up.
public final class EdgeTap: Sendable {
    public enum Side: String, Sendable, Hashable, CaseIterable { case input = "in", output = "out" }

    public struct Options: Sendable {
        public var stage = 0
        public var side = Side.input
        /// `nil` is all of them.
        public var partition: Int?
        /// Share of the records that are looked at.
        public var sample = 1.0
        /// Records after which it ends.
        public var limit = 100
        public var duration = TimeSpan.seconds(60)
        public init() {}
    }

    /// Records so far: passed, looked at, shown, and lost because nobody took what was kept.
    public struct Counts: Sendable, Hashable {
        public var passed: Int64 = 0, looked: Int64 = 0, shown: Int64 = 0, lost: Int64 = 0
    }

    private struct State {
        var counts = Counts()
        var kept: [[UInt8]] = []
        var bytes = 0
        var isOver = false
        /// Looks left in the second that began then.
        var looks = Limits.tapLooksPerSecond
        var second: MonotonicTime
        var wake: (@Sendable () -> Void)?
    }

    public let options: Options
    private let end: MonotonicTime
    private let show: @Sendable (TapSight) -> [UInt8]?
    private let state: Lock<State>

    /// - Parameter show: what is kept of a record, or `nil` to pass over it. Runs on the task's lane: short, no locks.
    public init(_ options: Options, now: MonotonicTime, show: @escaping @Sendable (TapSight) -> [UInt8]?) {
        (self.options, self.show, end) = (options, show, now + options.duration)
        state = Lock(State(second: now))
    }

    /// What was kept since the last call.
    public func take(now: MonotonicTime) -> (kept: [[UInt8]], counts: Counts, isOver: Bool) {
        state.withLock { state in
            defer { (state.kept, state.bytes) = ([], 0) }
            if now >= end { state.isOver = true }
            return (state.kept, state.counts, state.isOver)
        }
    }

    /// Calls `wake` once when there is something to take, at once when there is already.
    public func whenReady(_ wake: @escaping @Sendable () -> Void) {
        let isReady = state.withLock { state in
            if !state.kept.isEmpty || state.isOver { return true }
            state.wake = wake
            return false
        }
        if isReady { wake() }
    }

    public func cancel() { state.withLock { $0.isOver = true } }
    var isOver: Bool { state.withLock { $0.isOver } }

    /// How many of `count` records it may look at, from the first on.
    fileprivate func admit(_ count: Int, partition: Int, now: MonotonicTime) -> (from: Int64, looks: Int) {
        guard options.partition == nil || options.partition == partition else { return (0, 0) }
        return state.withLock { state in
            if now >= end { state.isOver = true }
            guard !state.isOver else { return (0, 0) }
            if now - state.second >= .seconds(1) { (state.looks, state.second) = (Limits.tapLooksPerSecond, now) }
            let looks = min(count, state.looks)
            state.looks -= looks
            defer {
                state.counts.passed += Int64(count)
                state.counts.looked += Int64(looks)
            }
            return (state.counts.passed, looks)
        }
    }

    /// Whether the record is of the sample: its number in the stream decides, spread evenly and without randomness.
    fileprivate func isSampled(_ number: Int64) -> Bool {
        if options.sample >= 1 { return true }
        // The golden ratio's multiples are spread as evenly as can be over the whole of a word.
        let spread = UInt64(bitPattern: number) &* 0x9E37_79B9_7F4A_7C15
        return Double(spread >> 11) < options.sample * Double(UInt64(1) << 53)
    }

    fileprivate func look(at sight: TapSight) {
        guard let bytes = show(sight) else { return }
        let wake: (@Sendable () -> Void)? = state.withLock { state in
            guard !state.isOver else { return nil }
            guard state.bytes + bytes.count <= Limits.tapBytes else {
                state.counts.lost += 1
                return nil
            }
            state.kept.append(bytes)
            state.bytes += bytes.count
            state.counts.shown += 1
            if state.counts.shown >= Int64(options.limit) { state.isOver = true }
            return state.wake.take()
        }
        wake?()
    }
}

/// Where taps are put on one side of a task. Without a tap it costs one relaxed load for each batch.
final class TapPoint: Sendable {
    private let isOn = Atomic<Bool>(false)
    private let taps = Lock<[EdgeTap]>([])

    var isTapped: Bool { isOn.load(ordering: .relaxed) }

    func add(_ tap: EdgeTap) throws(Failure) {
        let isAdded = taps.withLock { taps in
            taps.removeAll(where: \.isOver)
            guard taps.count < Limits.tapsPerPoint else { return false }
            taps.append(tap)
            isOn.store(true, ordering: .relaxed)
            return true
        }
        guard isAdded else {
            throw Failure(
                .limitReached, "\(Limits.tapsPerPoint) taps look at this already",
                advice: "Close one, or wait until one ends", isRetriable: true)
        }
    }

    func see(_ batch: UnsafeBufferPointer<RawRecord>, partition: Int, now: MonotonicTime) {
        each(batch.count, partition, now) { tap, from, looks in
            for index in 0..<looks where tap.isSampled(from + Int64(index)) {
                let record = batch[index]
                tap.look(
                    at: TapSight(
                        partition: partition, offset: record.offset, time: record.timestamp, key: record.key,
                        value: record.value))
            }
        }
    }

    func see(_ records: RecordBuffer, partition: Int, now: MonotonicTime) {
        each(records.count, partition, now) { tap, from, looks in
            var index = 0
            records.forEach { record in
                defer { index += 1 }
                guard index < looks, tap.isSampled(from + Int64(index)) else { return }
                tap.look(at: TapSight(partition: partition, time: record.time, key: record.key, value: record.value))
            }
        }
    }

    func see(_ rows: RowBuffer, partition: Int, now: MonotonicTime) {
        each(rows.count, partition, now) { tap, from, looks in
            rows.forEach { row, cells in
                guard row < looks, tap.isSampled(from + Int64(row)) else { return }
                tap.look(
                    at: TapSight(
                        partition: partition, time: rows.time(ofRow: row), columns: rows.layout.columns, cells: cells))
            }
        }
    }

    private func each(
        _ count: Int, _ partition: Int, _ now: MonotonicTime, _ body: (EdgeTap, _ from: Int64, _ looks: Int) -> Void
    ) {
        guard count > 0 else { return }
        for tap in taps.withLock({ $0 }) {
            let (from, looks) = tap.admit(count, partition: partition, now: now)
            if looks > 0 { body(tap, from, looks) }
        }
        taps.withLock { taps in
            taps.removeAll(where: \.isOver)
            if taps.isEmpty { isOn.store(false, ordering: .relaxed) }
        }
    }
}

/// Both sides of one task.
struct StageTaps: Sendable {
    let input = TapPoint()
    let output = TapPoint()
}

extension Node {
    public func tap(_ tap: EdgeTap, pipeline: String) throws(Failure) {
        let runner = try runner(pipeline)
        let stages = runner.plan.stages.count
        guard (0..<stages).contains(tap.options.stage) else {
            throw Failure(
                .invalidArgument, "\(pipeline) has no stage \(tap.options.stage)",
                advice: "Its stages are 0 to \(stages - 1)", place: pipeline)
        }
        for seat in runner.seats where seat.context.address.stage == tap.options.stage {
            try (tap.options.side == .input ? seat.context.taps.input : seat.context.taps.output).add(tap)
        }
    }
}
