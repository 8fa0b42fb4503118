internal import MillraceCore

/// Notices when the wall clock is set, or the machine was asleep: it then moves otherwise than monotonic time.
struct WallWatch {
    private var last: (wall: EventTime, now: MonotonicTime)?

    /// Whether the wall clock has moved by itself since the last call, by more than clocks drift.
    mutating func jumped(to wall: EventTime, at now: MonotonicTime) -> Bool {
        defer { last = (wall, now) }
        guard let last else { return false }
        let own = (wall - last.wall) - (now - last.now)
        return own > Limits.clockJump || own < TimeSpan.zero - Limits.clockJump
    }
}
