internal import MillraceCore

/// What a store does on its own: recovery points, holds, expiry, time-outs, room on the disk, retention and compaction.
/// Never on the path of an append, on one thread, at a limited rate.
final class Maintenance: Sendable {
    private struct State: Sendable {
        var isDue = false
        var isStopped = false
        var timer: ClockTimer?
        var lastCleaning: MonotonicTime?
        var failure: Failure?
    }
    private let context: StoreContext
    private let state = ThreadMonitor(State())

    init(context: StoreContext) { self.context = context }

    /// The last thing that did not work; it is tried again at the next interval.
    var failure: Failure? { state.withLock { $0.failure } }

    /// The thread's loop: a pass whenever the clock says so, until `stop`.
    func run(_ topics: () -> [Topic]) {
        schedule()
        while waitUntilDue() {
            pass(topics(), cleans: isCleaningDue())
            schedule()
        }
    }

    private func schedule() {
        let deadline = context.clock.now + context.options.maintenanceInterval
        let timer = context.clock.schedule(at: deadline) { [weak self] in
            guard let self else { return }
            self.state.withLock { $0.isDue = true }
            self.state.broadcast()
        }
        state.withLock { $0.timer = timer }
    }

    private func waitUntilDue() -> Bool {
        state.wait { state in
            if state.isStopped { return .done(false) }
            guard state.isDue else { return .wait(until: nil) }
            state.isDue = false
            return .done(true)
        }
    }

    private func isCleaningDue() -> Bool {
        let now = context.clock.now
        let interval = context.options.cleaningInterval
        return state.withLock { state in
            if let last = state.lastCleaning, now < last + interval { return false }
            state.lastCleaning = now
            return true
        }
    }

    func stop() {
        let timer = state.withLock { state in
            state.isStopped = true
            return state.timer
        }
        timer?.cancel()
        state.broadcast()
    }
    private var isStopped: Bool { state.withLock { $0.isStopped } }

    /// One round over everything. Also called by hand, where there are no threads.
    func pass(_ topics: [Topic], cleans: Bool) {
        watchFreeSpace()
        let now = context.clock.wall
        for topic in topics {
            attempt { () throws(Failure) in
                try attempting("The recovery points could not be synced", place: topic.name) { () throws(IOFault) in
                    try topic.points.sync()
                    try topic.points.holds.store(topic.partitions)
                }
            }
            for partition in topic.partitions {
                if isStopped { return }
                partition.expireProducers(now: now)
                if let limit = context.options.transactionTimeout {
                    partition.abortTransactions(olderThan: now - limit)
                }
                guard cleans else { continue }
                var throttle = Pace(context: context, state: { [self] in isStopped }, pause: { [self] in pause($0) })
                attempt { () throws(Failure) in try partition.applyRetention(now: now) }
                attempt { () throws(Failure) in try partition.compactIfDirty(now: now, &throttle) }
                partition.dropColdIndexes()
            }
        }
    }

    private func attempt(_ body: () throws(Failure) -> some Any) {
        do throws(Failure) { _ = try body() } catch { state.withLock { $0.failure = error } }
    }

    /// Waits, but not longer than until `stop`.
    private func pause(_ span: TimeSpan) {
        let end = context.clock.now + span
        let clock = context.clock
        let _: Bool = state.wait { state in
            state.isStopped || clock.now >= end ? .done(true) : .wait(until: end)
        }
    }

    /// Appends stop before the disk is full to the last byte, so that small files can still be written; they go on by
    /// themselves when there is room again.
    func watchFreeSpace() {
        let least = context.options.freeBytesLeast
        do throws(IOFault) {
            let free = try context.storage.freeBytes(at: context.directory)
            let failure =
                free >= least
                ? nil
                : Failure(
                    .diskFull, "Only \(free) bytes are free on the volume; \(least) are kept back",
                    advice: "Free space or shorten retention; reads go on and writes resume by themselves",
                    place: context.directory, isRetriable: true)
            context.diskLow.withLock { $0 = failure }
        } catch { return }
    }
}

/// Keeps compaction at its rate: after each piece of work as long a pause as the piece was allowed to take.
private struct Pace: Throttle {
    let context: StoreContext
    let state: () -> Bool
    let pause: (TimeSpan) -> Void
    private var owed = 0

    init(context: StoreContext, state: @escaping () -> Bool, pause: @escaping (TimeSpan) -> Void) {
        (self.context, self.state, self.pause) = (context, state, pause)
    }

    mutating func spend(_ bytes: Int) -> Bool {
        if state() { return false }
        guard context.options.execution == .threads else { return true }
        owed += bytes
        // Pauses of a few milliseconds: shorter ones cost more than they even out.
        guard Int64(owed) * 100 >= context.options.compactionBytesPerSecond else { return true }
        let microseconds = Int64(owed) * 1_000_000 / max(1, context.options.compactionBytesPerSecond)
        owed = 0
        pause(.microseconds(microseconds))
        return !state()
    }
}

extension Partition {
    func expireProducers(now: EventTime) {
        let oldest = now - context.options.producerExpiry
        state.withLock { state in
            guard !state.producers.isEmpty else { return }
            state.producers.expire(idleSince: oldest, start: state.start)
        }
    }

    /// Aborts what its producer has forgotten, so that it does not keep read-committed readers waiting for ever.
    func abortTransactions(olderThan time: EventTime) {
        for transaction in openTransactions where transaction.since < time {
            var properties = RecordBatchBuilder.Properties()
            (properties.producerID, properties.producerEpoch) = (transaction.producerID, transaction.producerEpoch)
            let latest = state.withLock { $0.producers.entries[transaction.producerID]?.epoch }
            properties.producerEpoch = max(transaction.producerEpoch, latest ?? 0)
            let marker = RecordBatchBuilder.control(
                .abort(coordinatorEpoch: 0), milliseconds: context.clock.wall.flooredMilliseconds,
                properties: properties)
            // A marker that is refused is written at the next pass.
            append(marker) { _ in }
        }
    }

    /// Closed segments' indexes are read back when needed.
    func dropColdIndexes() {
        state.withLock { state in
            for at in state.segments.indices.dropLast() { state.segments[at].index = nil }
        }
    }
}
