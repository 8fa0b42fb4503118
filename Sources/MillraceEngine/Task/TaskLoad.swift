internal import MillraceCore

/// How a task spends its time: at work, held up although there is something to do, or without input. Measured between
/// turns, so that a record costs nothing.
struct TaskLoad {
    /// What a task does between two turns.
    enum Pause { case idle, heldUp }

    /// Shares of the last full window, for the board.
    private(set) var busy = 0.0
    private(set) var blocked = 0.0
    /// Length of that window.
    private(set) var window = TimeSpan.zero
    private var work = TimeSpan.zero
    private var wait = TimeSpan.zero
    private var windowStart: MonotonicTime
    private var lastEnd: MonotonicTime
    private var pause = Pause.idle

    init(now: MonotonicTime) { (windowStart, lastEnd) = (now, now) }

    /// A turn is over. True when a window is full and the shares are new.
    mutating func turned(from start: MonotonicTime, to end: MonotonicTime, then next: Pause) -> Bool {
        work = work + (end - start)
        if pause == .heldUp { wait = wait + (start - lastEnd) }
        (lastEnd, pause) = (end, next)
        guard end - windowStart >= Limits.loadWindow else { return false }
        window = end - windowStart
        busy = min(1, work.seconds / window.seconds)
        blocked = min(1 - busy, wait.seconds / window.seconds)
        (work, wait, windowStart) = (.zero, .zero, end)
        return true
    }
}

/// How long the oldest unread record has been there, without reading it: no longer than since the last one that was
/// read, and no longer than since the task had read everything.
struct UnreadAge {
    private var lastRead = EventTime.distantPast
    private var caughtUp = EventTime.distantPast

    /// The log's time of the last record of a batch.
    mutating func read(upTo time: EventTime) { lastRead = time }

    /// When the oldest unread record came, `nil` when there is none or nothing is known yet.
    mutating func oldest(hasUnread: Bool, wall: EventTime) -> EventTime? {
        guard hasUnread else {
            caughtUp = wall
            return nil
        }
        let since = max(lastRead, caughtUp)
        return since == .distantPast ? nil : min(since, wall)
    }
}
