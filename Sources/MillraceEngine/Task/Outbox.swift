internal import MillraceCore
internal import MillraceFlow

/// Everything a task produced since its last commit, on its way to logs, tables and dead letters.
struct Outbox: Sendable {
    /// The stage's own output records: for the shuffle, or for the result's log.
    var records = RecordBuffer()
    /// The stage's own output rows.
    var rows: RowBuffer
    /// Side outputs by name.
    var sides: [(name: String, records: RecordBuffer)] = []
    var deadLetters: [DeadLetter] = []
    /// Watermarks to be told to the readers of the shuffle behind the records; `distantPast` says that the task is
    /// idle.
    var marks: [EventTime] = []

    var isEmpty: Bool {
        records.isEmpty && rows.isEmpty && sides.allSatisfy(\.records.isEmpty) && deadLetters.isEmpty
            && marks.isEmpty
    }
    /// Empty, with the storage of records and rows kept.
    mutating func removeAll() {
        records.removeAll()
        rows.removeAll()
        (sides, deadLetters, marks) = ([], [], [])
    }
    var byteCount: Int { records.byteCount + rows.byteCount + sides.reduce(0) { $0 + $1.records.byteCount } }
}

/// Puts a task's records into logs in two steps around the commit (design D8). Called on a thread that may block.
protocol OutboundLogs: AnyObject, Sendable {
    /// Before anything else: fences an earlier run, finishes its transaction when the last commit decided it, and takes
    /// it back when not. A commit whose outcome is unknown is settled here as well, after a restart of the task.
    func recover(_ decided: [TransactionPart]) throws(Failure)
    /// Writes the records so that they are on the disk and not visible to readers of committed records.
    func prepare(_ outbox: Outbox) throws(Failure) -> [TransactionPart]
    /// What the last `prepare` put into the shuffle, for who asks where its records came from.
    var shuffled: [ShuffledRange] { get }
    /// The commit is durable: makes them visible.
    func publish() throws(Failure)
}

extension OutboundLogs {
    var shuffled: [ShuffledRange] { [] }
}
