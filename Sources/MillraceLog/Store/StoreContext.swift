internal import MillraceCore

/// What the partitions of one store share.
final class StoreContext: Sendable {
    let directory: String
    let storage: any Storage
    let clock: any RuntimeClock
    let options: LogOptions
    let files: FileCache
    let budget: AppendBudget
    let writeQueue = WorkQueue()
    let syncQueue = WorkQueue()
    /// Callers that write by themselves.
    let writersHere = WritersHere()
    /// One change of a partition's start at a time.
    let startTurn = Monitored(())
    /// Why nothing is accepted while the volume is nearly full.
    let diskLow = Lock<Failure?>(nil)
    /// Set when the store closes: nothing is accepted any more.
    let isClosing = Lock(false)

    /// Another process owns the log: nothing is changed.
    let isLooking: Bool

    init(
        directory: String, storage: any Storage, clock: any RuntimeClock, options: LogOptions, isLooking: Bool = false
    ) {
        (self.directory, self.storage, self.clock, self.options) = (directory, storage, clock, options)
        self.isLooking = isLooking
        files = FileCache(storage: storage, limit: options.openFiles)
        budget = AppendBudget(limit: options.appendBufferBytes)
    }

    var quarantine: String { directory + "/quarantine" }

    var closedFailure: Failure {
        isLooking
            ? Failure(
                .closed, "The log is open for looking only", advice: "Open it, or ask the process that owns it",
                place: directory)
            : Failure(.closed, "The log is closed", advice: "Open it again", place: directory)
    }
}

/// Counts the threads that write without being the store's, so that closing waits for them.
final class WritersHere: Sendable {
    private let state = ThreadMonitor((count: 0, isClosed: false))

    func enter() -> Bool {
        state.withLock { state in
            if state.isClosed { return false }
            state.count += 1
            return true
        }
    }
    func leave() {
        let isLast = state.withLock { state in
            state.count -= 1
            return state.isClosed && state.count == 0
        }
        if isLast { state.broadcast() }
    }
    /// Lets nobody in any more and waits for those who are.
    func close() {
        state.withLock { $0.isClosed = true }
        state.wait { $0.count == 0 ? .done(()) : .wait(until: nil) }
    }
}
