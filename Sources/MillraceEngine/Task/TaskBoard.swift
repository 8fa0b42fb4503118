internal import MillraceCore

/// What a task last said of itself. Written by the task a few times a second, read by whoever asks.
final class TaskBoard: Sendable {
    struct Figures: Sendable {
        var state = PipelineStatus.State.starting
        var lane = 0
        var mark = TaskMark()
        /// Over all inputs: the next record to read, and how many there are from it on.
        var position: Int64 = 0
        var unread: Int64 = 0
        /// Where the inputs ended when `unread` was noted.
        var inputsEnd: Int64?
        /// About when the oldest unread record was written: the log's time of the last one that was read.
        var oldestUnread: EventTime?
        var watermark: EventTime?
        var watermarkHolder = ""
        /// Since when the watermark has stood where it stands, by the wall clock.
        var holderSince: EventTime?
        var isIdle = false
        var busy = 0.0, blocked = 0.0
        /// Records read and results committed in a second of the last window, and the totals at its end.
        var inPerSecond = 0.0, outPerSecond = 0.0
        private var counted: (records: Int64, results: Int64)?
        var lastCommit: EventTime?
        var commitDuration = TimeSpan.zero
        var stateBytes = 0
        var parkedKeys = 0
        var restarts = 0
        var lastFailure: String?
        /// When the task last did something: what the watch for stuck tasks looks at.
        var lastTurn: MonotonicTime?
        /// It is in the middle of a turn, or has something to read or to write: it should get on.
        var hasWork = false
        /// Between the two, a commit that is under way is all it waits for.
        var isInTurn = false
        var isCommitting = false
        /// Everything it has read is committed.
        var isSettled = false

        /// A window of the task's load is full.
        mutating func measured(_ load: TaskLoad) {
            (busy, blocked) = (load.busy, load.blocked)
            if let before = counted, load.window > .zero {
                inPerSecond = Double(mark.recordsIn - before.records) / load.window.seconds
                outPerSecond = Double(mark.recordsOut - before.results) / load.window.seconds
            }
            counted = (mark.recordsIn, mark.recordsOut)
        }
    }
    private let figures = Lock(Figures())

    func update(_ change: (inout Figures) -> Void) { figures.withLock { change(&$0) } }
    var current: Figures { figures.withLock { $0 } }
}
