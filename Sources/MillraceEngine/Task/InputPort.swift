internal import MillraceCore
internal import MillraceFlow

/// One input of a task, as it stays from one run to the next.
struct TaskPort: Sendable {
    /// The topic or source that is read.
    var name: String
    /// How many tasks write the shuffle that is read here; 0 for an input of the pipeline's own.
    var upstreamTasks = 0
    /// For an input of the pipeline's own, which one.
    var input: Int?
    /// Where the log that is read ends now, whatever the task is doing; `nil` for a source that cannot say.
    var end: (@Sendable () -> Int64)?
    var makeReader: @Sendable (_ from: Int64?) throws(Failure) -> any SourceReader
}

/// One input of a running task: its reader, how far it is, and what failed of it.
struct InputPort {
    let name: String
    let reader: any SourceReader
    /// The same reader, when its records are values and this stage's kernel takes them as they are.
    let values: (any ValueReader)?
    var failing: FailingRecords
    /// Everything before it is part of a commit that was begun.
    var committed: Int64
    var hasEnded = false
    /// The last turn found nothing to read. Only then can the input be idle.
    var isDrained = false

    /// Where a restart would go on.
    var position: Int64 { reader.settledPosition }
    var unread: Int64 { max(0, reader.end - reader.position) }
}
