public import MillraceCore

/// All topics in one directory, with the threads that write, sync and clean them.
///
/// One process owns the directory. Every method may be called from any thread; those that throw may block on the disk.
public final class LogStore: Sendable {
    /// What opening found.
    public let recovery: RecoveryReport
    /// How far consumer groups have read.
    public let positions: ConsumerPositions
    let context: StoreContext
    let producers: ProducerRegistry
    /// Nil where another process owns the directory.
    private let lock: (any StorageFile)?
    private let threads = Lock<[OwnedThread]>([])
    private let maintenance: Maintenance
    private let topicTable: Lock<[String: Topic]>
    /// Serialises changes to the set of topics and their metadata.
    let changes = ThreadMonitor(false)

    private init(
        context: StoreContext, lock: (any StorageFile)?, topics: [String: Topic], recovery: RecoveryReport,
        producers: ProducerRegistry, positions: ConsumerPositions
    ) {
        (self.context, self.lock, self.recovery) = (context, lock, recovery)
        (self.producers, self.positions) = (producers, positions)
        maintenance = Maintenance(context: context)
        topicTable = Lock(topics)
    }

    public var directory: String { context.directory }

    // MARK: Opening and closing

    /// Opens the store in `directory`, made when it is missing, and recovers what a crash left.
    ///
    /// Throws when another process owns it or it cannot be read; a single damaged partition does not: it refuses by
    /// itself.
    public static func open(
        directory: String, storage: any Storage, clock: any RuntimeClock, options: LogOptions = LogOptions()
    ) throws(Failure) -> LogStore {
        let context = StoreContext(directory: directory, storage: storage, clock: clock, options: options)
        let lock = try takeLock(context)
        do throws(Failure) {
            let store = try assembled(context, lock: lock)
            // A start on a full disk is read-only from its first moment on.
            store.maintenance.watchFreeSpace()
            if options.execution == .threads { store.startThreads() }
            return store
        } catch {
            lock.close()
            throw error
        }
    }

    static func assembled(_ context: StoreContext, lock: (any StorageFile)?) throws(Failure) -> LogStore {
        var report = RecoveryReport()
        report.wasClean = try CleanMarker.take(context)
        let topics = try openTopics(context, &report)
        return LogStore(
            context: context, lock: lock, topics: topics, recovery: report,
            producers: try ProducerRegistry(context: context), positions: try ConsumerPositions(context: context))
    }

    private static func takeLock(_ context: StoreContext) throws(Failure) -> any StorageFile {
        let storage = context.storage
        let file = try attempting("The log's directory could not be made", place: context.directory) {
            () throws(IOFault) in
            try storage.makeDirectory(context.directory)
            try storage.syncDirectory(String.parent(of: context.directory))
            try storage.makeDirectory(context.directory + "/topics")
            try storage.syncDirectory(context.directory)
            return try storage.open(context.directory + "/lock", .create)
        }
        let isOurs = try attempting("The log could not be locked") { () throws(IOFault) in try file.lockExclusively() }
        guard isOurs else {
            file.close()
            throw Failure(
                .inUse, "Another process has this log open", advice: "Stop it, or ask it instead",
                place: context.directory)
        }
        return file
    }

    private static func openTopics(
        _ context: StoreContext, _ report: inout RecoveryReport
    ) throws(Failure) -> [String: Topic] {
        let root = context.directory + "/topics"
        if !report.wasClean {
            try attempting("The topics' directory could not be synced", place: root) { () throws(IOFault) in
                try context.storage.syncDirectory(root)
            }
        }
        let names = try attempting("The topics could not be listed", place: root) { () throws(IOFault) in
            try context.storage.list(root)
        }
        var topics: [String: Topic] = [:]
        for name in names {
            do throws(Failure) { try TopicName.validate(name) } catch { continue }
            do throws(IOFault) {
                guard try context.storage.status(of: "\(root)/\(name)")?.kind == .directory else { continue }
                topics[name] = try TopicRecovery.open(
                    name, directory: "\(root)/\(name)", context: context, report: &report)
            } catch {
                throw Failure(error, "The topic \(name) could not be opened", place: "\(root)/\(name)")
            }
        }
        return topics
    }

    private func startThreads() {
        let context = context
        var started = [
            OwnedThread(name: "log-write") {
                while let partition = context.writeQueue.take() { partition.writePending() }
            }
        ]
        for number in 0..<max(1, context.options.syncThreads) {
            started.append(
                OwnedThread(name: "log-sync-\(number)") {
                    while let partition = context.syncQueue.take() { partition.syncPending() }
                })
        }
        let threads = started
        self.threads.withLock { $0 = threads }
        maintenance.start { [weak self] in self?.topics }
    }

    deinit { stopThreads() }

    private func stopThreads() {
        context.writeQueue.stop()
        context.syncQueue.stop()
        context.budget.close()
        maintenance.stop()
    }

    /// One round of maintenance on the calling thread: for tests and tools that do not want to wait for the interval.
    public func maintain(cleans: Bool = true) { maintenance.pass(topics, cleans: cleans) }
    /// What maintenance last could not do; it tries again by itself.
    public var maintenanceFailure: Failure? { maintenance.failure }

    /// Does what waits on the calling thread: for `LogOptions.Execution.manual`, where there are no threads.
    public func turn() {
        precondition(context.options.execution == .manual, "the store's threads do this")
        while true {
            if let partition = context.writeQueue.poll() {
                partition.writePending()
            } else if let partition = context.syncQueue.poll() {
                partition.syncPending()
            } else {
                return
            }
        }
    }

    /// Writes and syncs what was accepted, notes that the end was clean, and gives the directory free.
    ///
    /// Appends from now on fail. Throws when something could not be made durable; the next start then recovers.
    public func close() throws(Failure) {
        let isFirst = context.isClosing.withLock { closing in
            defer { closing = true }
            return !closing
        }
        guard isFirst else { return }
        context.callers.close()
        if context.options.execution == .manual { turn() }
        stopThreads()
        for thread in threads.withLock({ $0 }) { thread.join() }
        maintenance.join()
        defer {
            context.files.forgetAll()
            lock?.close()
        }
        let failure = closeTopics()
        if let failure { throw failure }
        try CleanMarker.leave(context)
    }

    private func closeTopics() -> Failure? {
        var failure: Failure?
        for topic in topics {
            for partition in topic.partitions {
                do throws(Failure) { try partition.close() } catch { failure = failure ?? error }
            }
            do throws(IOFault) {
                try topic.points.sync()
                try topic.points.holds.store(topic.partitions)
            } catch {
                failure = failure ?? Failure(error, "The recovery points could not be synced", place: topic.name)
            }
        }
        return failure
    }

    // MARK: Topics

    /// All topics, by name.
    public var topics: [Topic] {
        topicTable.withLock { table in table.values.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) } }
    }
    public func topic(_ name: String) -> Topic? { topicTable.withLock { $0[name] } }

    func insert(_ topic: Topic) { topicTable.withLock { $0[topic.name] = topic } }
    func removeFromTable(_ name: String) { _ = topicTable.withLock { $0.removeValue(forKey: name) } }
    var topicCount: Int { topicTable.withLock { $0.count } }
}

/// Carries a class that only the holder of a lock touches.
struct UncheckedBox<Value>: @unchecked Sendable {
    // Sendable because every use is inside the lock that holds the box.
    let value: Value
    init(_ value: Value) { self.value = value }
}
