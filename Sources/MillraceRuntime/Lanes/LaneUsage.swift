public import MillraceCore

/// What a lane did with its time since it was made. Read twice and subtract for a ratio.
public struct LaneUsage: Sendable, Hashable {
    /// Running jobs.
    public var busy: TimeSpan
    /// Waiting for work.
    public var idle: TimeSpan
    /// Inside `Lane.blocking`: a call that waits for a disk or another lane.
    public var blocked: TimeSpan
    /// Jobs and posts begun.
    public var jobs: Int64
    /// Jobs and posts that wait.
    public var waiting: Int
    /// The most that ever waited.
    public var mostWaiting: Int
    /// For how long the job that runs now has been running; zero when idle. Long means stuck.
    public var current: TimeSpan

    public init(
        busy: TimeSpan = .zero, idle: TimeSpan = .zero, blocked: TimeSpan = .zero, jobs: Int64 = 0, waiting: Int = 0,
        mostWaiting: Int = 0, current: TimeSpan = .zero
    ) {
        (self.busy, self.idle, self.blocked, self.jobs) = (busy, idle, blocked, jobs)
        (self.waiting, self.mostWaiting, self.current) = (waiting, mostWaiting, current)
    }

    /// The part of the time between `earlier` and this that was busy, 0 … 1.
    public func busyRatio(since earlier: LaneUsage) -> Double { ratio(busy - earlier.busy, since: earlier) }
    public func blockedRatio(since earlier: LaneUsage) -> Double { ratio(blocked - earlier.blocked, since: earlier) }

    private func ratio(_ part: TimeSpan, since earlier: LaneUsage) -> Double {
        let whole = (busy - earlier.busy) + (idle - earlier.idle) + (blocked - earlier.blocked)
        return whole.microseconds > 0 ? Double(part.microseconds) / Double(whole.microseconds) : 0
    }
}
