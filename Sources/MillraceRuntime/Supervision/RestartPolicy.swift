public import MillraceCore

/// When a child is started again after it ended by itself.
public enum Restart: Sendable, Hashable {
    /// Always, also after it ended without a failure.
    case permanent
    /// After a failure only.
    case transient
    /// Never. It is forgotten when it ends.
    case temporary
}

/// The wait before the n-th restart in a row: doubling from `first` to `last`, with jitter either way.
public struct Backoff: Sendable, Hashable {
    public var first: TimeSpan
    public var last: TimeSpan
    public var jitterPercent: Int64

    public init(
        first: TimeSpan = Limits.restartBackoffFirst, last: TimeSpan = Limits.restartBackoffLast,
        jitterPercent: Int64 = Limits.restartJitterPercent
    ) {
        precondition(first.microseconds >= 0 && last >= first, "a back-off grows from first to last")
        precondition((0...100).contains(jitterPercent), "jitter is a percentage")
        (self.first, self.last, self.jitterPercent) = (first, last, jitterPercent)
    }

    /// - Parameter attempt: 1 for the first restart in a row.
    public func delay(attempt: Int, random: inout SeededRandom) -> TimeSpan {
        precondition(attempt > 0, "attempts count from 1")
        // 2^40 times the smallest span is beyond any `last`; no overflow on the way.
        let doubled = first * (Int64(1) << Int64(min(attempt - 1, 40)))
        let middle = min(doubled, last).microseconds
        let spread = middle / 100 * jitterPercent
        guard spread > 0 else { return TimeSpan(microseconds: middle) }
        return TimeSpan(microseconds: Int64.random(in: (middle - spread)...(middle + spread), using: &random))
    }
}

/// How often and how soon a child may come back.
public struct RestartPolicy: Sendable, Hashable {
    /// Restarts allowed within `period`; `nil` never gives up.
    public var intensity: Int?
    public var period: TimeSpan
    public var backoff: Backoff
    /// A child that ran for so long before it failed begins with the first back-off again.
    public var quiet: TimeSpan

    public init(
        intensity: Int? = Limits.restartIntensity, period: TimeSpan = Limits.restartPeriod,
        backoff: Backoff = Backoff(),
        quiet: TimeSpan = Limits.restartPeriod
    ) {
        precondition(intensity.map { $0 >= 0 } ?? true, "an intensity is not negative")
        (self.intensity, self.period, self.backoff, self.quiet) = (intensity, period, backoff, quiet)
    }
}

/// The restarts of a child, or of a group that restarts together.
public struct RestartCount: Sendable, Hashable {
    /// Times of restarts within the period, oldest first; at most `intensity` of them.
    private var recent: [MonotonicTime] = []
    /// Restarts since the last quiet time.
    public private(set) var inARow = 0
    public private(set) var total = 0

    public init() {}

    /// Notes a failure of something that started at `startedAt`. Gives the attempt number for the back-off, or `nil`
    /// when the policy's intensity is exceeded.
    public mutating func failed(at now: MonotonicTime, startedAt: MonotonicTime, policy: RestartPolicy) -> Int? {
        if now - startedAt >= policy.quiet { inARow = 0 }
        if let intensity = policy.intensity {
            recent.removeAll { now - $0 >= policy.period }
            guard recent.count < intensity else { return nil }
            recent.append(now)
        }
        inARow += 1
        total += 1
        return inARow
    }

    /// Restarts that are left before the supervisor gives up; `nil` when it never does.
    public func left(at now: MonotonicTime, policy: RestartPolicy) -> Int? {
        policy.intensity.map { max(0, $0 - recent.filter { now - $0 < policy.period }.count) }
    }
}
