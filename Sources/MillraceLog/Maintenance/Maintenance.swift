internal import MillraceCore

/// What a store does on its own: recovery points, holds, expiry, time-outs, room on the disk, retention and compaction.
/// Never on the path of an append, on one thread, at a limited rate.
final class Maintenance: Sendable {
    private struct State: Sendable {
        var lastCleaning: MonotonicTime?
        var failure: Failure?
    }
    private let context: StoreContext
    private let care: CareThread
    private let state = Lock(State())

    init(context: StoreContext) {
        self.context = context
        care = CareThread(name: "log-maintain", clock: context.clock, interval: context.options.maintenanceInterval)
    }

    /// The last thing that did not work; it is tried again at the next interval.
    var failure: Failure? { state.withLock { $0.failure } }

    /// - Parameter topics: nil when the store is gone.
    func start(_ topics: @escaping @Sendable () -> [Topic]?) {
        care.start { [self] in
            guard let topics = topics() else { return false }
            pass(topics, cleans: isCleaningDue())
            return true
        }
    }
    func stop() { care.stop() }
    func join() { care.join() }

    private func isCleaningDue() -> Bool {
        let now = context.clock.now
        let interval = context.options.cleaningInterval
        return state.withLock { state in
            if let last = state.lastCleaning, now < last + interval { return false }
            state.lastCleaning = now
            return true
        }
    }

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
                if care.isStopped { return }
                partition.expireProducers(now: now)
                if let limit = context.options.transactionTimeout {
                    partition.abortTransactions(olderThan: now - limit)
                }
                guard cleans else { continue }
                var throttle = Pace(options: context.options, care: care)
                attempt { () throws(Failure) in try partition.applyRetention(now: now) }
                attempt { () throws(Failure) in try partition.compactIfDirty(now: now, &throttle) }
                partition.dropColdIndexes()
            }
        }
    }

    private func attempt(_ body: () throws(Failure) -> some Any) {
        do throws(Failure) { _ = try body() } catch { state.withLock { $0.failure = error } }
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
    private let options: LogOptions
    private let care: CareThread
    private var owed = 0

    init(options: LogOptions, care: CareThread) { (self.options, self.care) = (options, care) }

    mutating func spend(_ bytes: Int) -> Bool {
        if care.isStopped { return false }
        guard options.execution == .threads else { return true }
        owed += bytes
        // Pauses of a few milliseconds: shorter ones cost more than they even out.
        guard Int64(owed) * 100 >= options.compactionBytesPerSecond else { return true }
        let microseconds = Int64(owed) * 1_000_000 / max(1, options.compactionBytesPerSecond)
        owed = 0
        care.pause(.microseconds(microseconds))
        return !care.isStopped
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
