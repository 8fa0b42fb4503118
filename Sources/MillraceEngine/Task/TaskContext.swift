internal import MillraceCore
internal import MillraceFlow
internal import MillraceRuntime

/// Where a run of a task goes on.
struct TaskStart: Sendable {
    /// Its number, by which it is fenced.
    var run: UInt64
    var mark: TaskMark
}

/// Everything about a task that stays the same from one run to the next.
struct TaskContext: Sendable {
    var address: TaskAddress
    var release: String
    var stage: StagePlan
    /// The columns of the rows a last stage makes.
    var layout: RowLayout
    /// What is read, by the stage's port numbers. Either all are inputs of the pipeline's own, or all are shuffles.
    var ports: [TaskPort]
    var table: Table?
    var failures: FailurePolicy
    var commitInterval: TimeSpan
    var commitBytes: Int
    var idleAfter: TimeSpan
    /// Shared by all tasks of the node.
    var stateBudget: SharedBudget
    /// Of its state's journal, in memory and in the store.
    var journalBytes = 0
    var seed: UInt64

    var store: any TaskStore
    /// Shuffle, result log, side outputs and dead letters.
    var outbound: any OutboundLogs
    var sink: (any SinkWriter)?
    var clock: any RuntimeClock
    var blocking: BlockingExecutor
    /// `blocking`, but in simulations.
    var commits: any CommitThreads
    var logger: Logger
    /// Which task writes under a producer's id, for people.
    var producerName: @Sendable (Int64) -> String = { "upstream producer \($0)" }
    /// When a guard watches the process.
    var blame: BlameBook?
    var taps = StageTaps()
    /// Where this task says whether it waits for time, with its own number; and where the readers of its shuffle do.
    var demand: TimeDemand?
    var readersDemand: TimeDemand?
    let fence = TaskFence()

    /// What a run of the task begins with, after whatever ended the one before: settles its last commit, and says from
    /// where to go on. Blocks.
    func recover() throws(Failure) -> TaskStart {
        let run = fence.begin()
        let mark = try store.mark(of: address) ?? TaskMark()
        CrashPoint.reached("task.restoring")
        try outbound.recover(mark.transaction)
        try sink?.recover(lastCommit: mark.commits)
        CrashPoint.reached("task.restored")
        return TaskStart(run: run, mark: mark)
    }

    /// How many tasks tell this one their watermarks; 0 for a stage that reads the pipeline's inputs.
    var upstreamTasks: Int { ports.reduce(0) { $0 + $1.upstreamTasks } }
    /// What is read, for people.
    var inputs: String { ports.map(\.name).joined(separator: " and ") }
}
