internal import MillraceCore
internal import MillraceFlow

/// Where a task's commits go: the one synced write of design D7, seen from the task.
///
/// The table store in a node, a model in tests. All calls may block: they are made on threads for blocking calls,
/// except the state reader's, which a kernel uses on its lane for state that is not in memory.
protocol TaskStore: AnyObject, Sendable {
    /// The mark of the task's last commit; `nil` for a task that never committed.
    func mark(of task: TaskAddress) throws(Failure) -> TaskMark?
    func stateReader(of task: TaskAddress) -> any StateReader
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
    var delta: StateDelta
    /// For a last stage that writes a table.
    var rows: RowBuffer?
    var table: Table?
}

/// The records `first ..< end` of an input that a commit covers.
struct CommittedRange: Equatable, Sendable {
    var input: String
    var first: Int64
    var end: Int64
}

/// The records of one commit in one partition of a log: decided by the commit, visible after it (design D8).
struct TransactionPart: Equatable, Sendable {
    var topic: String
    var partition: Int
    /// The first record's offset: what an undecided transaction is recognised by after a crash.
    var firstOffset: Int64
}
