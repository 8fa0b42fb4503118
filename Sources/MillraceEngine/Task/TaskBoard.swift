internal import MillraceCore

/// What a task last said of itself. Written by the task a few times a second, read by whoever asks.
final class TaskBoard: Sendable {
    struct Figures: Sendable {
        var state = PipelineStatus.State.starting
        var lane = 0
        var mark = TaskMark()
        var end: Int64 = 0
        var oldestUnread: EventTime?
        var watermark: EventTime?
        var watermarkHolder = ""
        var holderSince: EventTime?
        var busy = 0.0, blocked = 0.0
        var lastCommit: EventTime?
        var commitDuration = TimeSpan.zero
        var stateBytes = 0
        var parkedKeys = 0
        var restarts = 0
        var lastFailure: String?
        /// When the task last did something: what the watch for stuck tasks looks at.
        var lastTurn: MonotonicTime?
        /// It has something to read or to write, so that it should be doing something.
        var hasWork = false
    }
    private let figures = Lock(Figures())

    func update(_ change: (inout Figures) -> Void) { figures.withLock { change(&$0) } }
    var current: Figures { figures.withLock { $0 } }
}
