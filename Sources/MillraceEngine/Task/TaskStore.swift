internal import MillraceCore
internal import MillraceFlow

/// What tasks have committed. Calls may block and are made on threads for that, except those of a state reader: a
/// kernel uses it on its lane for state that is not in memory.
protocol TaskReader: AnyObject {
    /// The mark of the task's last commit; `nil` for a task that never committed.
    func mark(of task: TaskAddress) throws(Failure) -> TaskMark?
    /// State entries of their own; what the journal says besides is not in it.
    func stateReader(of task: TaskAddress) -> any StateReader
    /// Gives the blocks of a task's journal that are there, in the order of their numbers.
    func readJournal(
        of task: TaskAddress, _ numbers: Range<Int64>, _ body: (Int64, [UInt8]) throws(Failure) -> Void
    ) throws(Failure)
}

/// Where a task's commits go: the one synced write of design D7, seen from the task.
///
/// The table store in a node, a model in tests.
protocol TaskStore: TaskReader, Sendable {
    /// Everything as of one moment, for who reads while tasks commit.
    func snapshot() throws(Failure) -> any TaskReader
    /// Returns when everything in the commit is on the disk and visible, all at once; throws when nothing of it is.
    func commit(_ commit: TaskCommit) throws(Failure)
}

/// What one task commits at once.
struct TaskCommit: Sendable {
    var task: TaskAddress
    /// Named in the provenance of each cell, so that a result leads back to the code that made it.
    var release: String
    var mark: TaskMark
    /// What it was made from.
    var inputs: [CommittedRange]
    /// What it sends through a shuffle.
    var shuffled: [ShuffledRange] = []
    var state: StateChange
    /// For a last stage that writes a table.
    var rows: RowBuffer?
    var table: Table?
}

/// What a commit does to a task's stored state; see `StateJournal`.
struct StateChange: Sendable {
    /// Everything that changed, as the journal's next block; `nil` when there is nothing to keep there.
    var block: (number: Int64, entries: StateDelta)?
    /// Entries of their own.
    var entries: StateDelta
    /// Blocks that the journal no longer needs, and those it has from now on.
    var dropped: Range<Int64>
    var kept: Range<Int64>
}

/// The records `first ..< end` of an input that a commit covers.
struct CommittedRange: Equatable, Sendable {
    var input: String
    var first: Int64
    var end: Int64
}

/// A commit's records in one partition of the shuffle behind its stage. Other tasks' may lie in between.
struct ShuffledRange: Equatable, Sendable {
    var partition: Int
    var offsets: Range<Int64>
}

/// The records of one commit in one partition of a log: decided by the commit, visible after it (design D8).
struct TransactionPart: Equatable, Sendable {
    var topic: String
    var partition: Int
    /// The first record's offset: what an undecided transaction is recognised by after a crash.
    var firstOffset: Int64
}
