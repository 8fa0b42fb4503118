internal import MillraceCore
internal import MillraceFlow
internal import MillraceRuntime

/// Everything about a task that stays the same from one run to the next.
struct TaskContext: Sendable {
    var address: TaskAddress
    var release: String
    var stage: StagePlan
    /// The columns of the rows a last stage makes.
    var layout: RowLayout
    /// The topic or source that is read.
    var input: String
    /// How many tasks write the shuffle that this one reads; 0 for a stage that reads a source.
    var upstreamTasks: Int
    var table: Table?
    var failures: FailurePolicy
    var commitInterval: TimeSpan
    var commitBytes: Int
    var idleAfter: TimeSpan
    var stateBudget: Int
    var seed: UInt64

    var makeReader: @Sendable (_ from: Int64?) throws(Failure) -> any SourceReader
    var store: any TaskStore
    /// Shuffle, result log, side outputs and dead letters.
    var outbound: any OutboundLogs
    var sink: (any SinkWriter)?
    var clock: any RuntimeClock
    var blocking: BlockingExecutor
    var logger: Logger
    var taps = StageTaps()
}
