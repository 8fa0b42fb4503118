public import MillraceCore

extension Limits {
    /// Rows that one `explain` tells about.
    static let explainedRows = 20
    /// Records that it shows of each commit's input.
    static let explainedRecords = 5
    /// Commits that a search for who wrote a shuffle's records looks at: of 300 a second, those of ten minutes. Each
    /// costs about a microsecond.
    static let searchedCommits = 200_000
    /// Commits of an earlier stage that are told about; the others are counted.
    static let explainedCommits = 8
    /// Earlier commits of a task in whose input the key of a row is looked for.
    static let explainedEarlierCommits = 100
    /// Bytes of records in which the key of one row is looked for.
    static let explainedBytes = 32 << 20
    /// Dead letters that one listing shows.
    static let listedDeadLetters = 100
    /// Dead letters that are sent again at once.
    static let redriveBatch = 1_000
    /// Rows that `--show` prints in a second: what eyes can follow. The others are counted.
    static let shownRowsPerSecond = 12
    /// A file is read in pieces of this size: larger ones cost the same. A longer line makes the buffer grow, up to the
    /// next limit.
    static let lineBufferBytes = 256 << 10
    static let lineBytes = 64 << 20
    /// A row of a CSV file. Beyond it a quote was not closed, rather than a field that long.
    static let csvRowBytes = 1 << 20
    /// What a source may reject before its task looks at it, and how much of each is kept.
    static let rejectedPerRead = 1_000
    static let rejectedBytes = 64 << 10
    /// Standard input that is read and not committed: the program that writes waits.
    static let standardInputBytes = 16 << 20
    /// How often a generator with a rate makes what is due.
    static let generatorInterval = TimeSpan.milliseconds(10)
    /// A configuration file: a few lines.
    static let configurationBytes = 1 << 20
    /// One command to a running node: a verb, a pipeline, a key.
    static let controlRequestBytes = 4_096
    /// One answer: the status of a node with ten thousand tasks.
    static let controlAnswerBytes = 16 << 20
    /// How long one side of the control socket waits for the other.
    static let controlMilliseconds: Int32 = 5_000
    /// Bytes a task reads from its source before it lets the next task of its lane run: about a millisecond of work.
    static let bytesPerTurn = 1 << 20
    /// How often a node looks after its tasks: lanes are uneven, and a stuck task unnoticed, for so long at most.
    static let watchInterval = TimeSpan.seconds(1)
    /// How often a task looks at the wall clock: timers and idle inputs are this late at most.
    static let tickInterval = TimeSpan.milliseconds(100)
    /// How often an idle task tells those who wait for it what time it is: windows of an idle input are this late at
    /// most, and each telling costs a synced write.
    static let idleMarkInterval = TimeSpan.seconds(1)
    /// By how much the wall clock may part from monotonic time between two looks before it counts as having been set.
    static let clockJump = TimeSpan.seconds(1)
    /// Over which a task's load is measured: long against a turn, short for eyes.
    static let loadWindow = TimeSpan.seconds(1)
    /// Taps on one task at once: each looks at records on the task's own time.
    static let tapsPerPoint = 8
    /// Records that one tap looks at in a second, over all tasks. More pass unseen and are counted.
    static let tapLooksPerSecond = 20_000
    /// What one tap keeps for a client that does not take it; more is dropped and counted.
    static let tapBytes = 256 << 10
    /// Records of one tap before it ends, and how long it may last.
    public static let tapRecordsMost = 10_000
    public static let tapLongest = TimeSpan.hours(1)
    /// Log partitions that one commit writes into: a shuffle's, a result's, side outputs and the dead letters.
    static let transactionParts = 40_000
    /// What stays of a shuffle's partition once it has been read: enough to look at after something went wrong.
    static let shuffleBytes: Int64 = 64 << 20
    static let shuffleSegmentBytes: Int64 = 16 << 20
    /// Tasks that write the shuffles of one stage: as many as the inputs have partitions.
    static let upstreamTasks = 20_000
    /// Names of pipelines are parts of topics' names, which Kafka bounds at 249 bytes.
    static let pipelineNameBytes = 128
    /// One batch into a log: well below what topics take by default.
    static let outboundBatchBytes = 512 << 10
    /// Keys of one task that wait because a record of theirs failed. Beyond it records are dead-lettered one by one.
    static let parkedKeys = 10_000
    /// Rows and state in memory that are not in the store's files yet. After a hard end they are taken in again one by
    /// one before anything runs, at 1 µs an entry: two of these are a third of a second.
    static let storeWriteBytes = 16 << 20
    /// State changes of one task that are kept as blocks. More means that more hot keys are never written one by one;
    /// they are read at every start, and held in memory: together an eighth of what state may take, at most.
    static func journalBytes(of stateBudget: Int, tasks: Int) -> Int {
        min(8 << 20, max(16 << 10, stateBudget / 8 / max(1, tasks)))
    }
    /// What state that cannot leave memory may take before its pipeline fails, and one window or step that is read back
    /// whole: beyond it the system would end the process, and every pipeline with it. Small budgets are for tests.
    static func stateBytesMost(of budget: Int) -> Int { max(4 << 20, 4 * budget) }
    /// What an entry takes in memory besides its bytes, about.
    static let stateEntryBytes = 32
    /// Blocks of one task: each costs a read at a start.
    static let journalBlocks = 1_024
    /// Dead letters of one task that wait for the next commit; the task reads no further when there are so many.
    static let deadLettersPerCommit = 10_000
}
