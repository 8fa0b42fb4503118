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
    /// The threads that are inside `append`.
    let callers = AppendCallers()
    /// Memory in which a turn gathers small batches; one turn at a time has it, others make their own.
    let gathering = Lock<[UInt8]>([])
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
