import MillraceCore

/// The machine's clock, made of what the standard library has: for tests of threads.
final class PlainClock: RuntimeClock {
    private let start = ContinuousClock.now
    var now: MonotonicTime {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return MonotonicTime(nanoseconds: seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
    var wall: EventTime { EventTime(microseconds: now.nanoseconds / 1_000) }
    func sleep(until deadline: MonotonicTime) async throws {
        try await Task.sleep(for: .nanoseconds(max(0, deadline.nanoseconds - now.nanoseconds)))
    }
    func schedule(at deadline: MonotonicTime, _ work: @escaping @Sendable () -> Void) -> ClockTimer {
        let task = Task {
            try await sleep(until: deadline)
            work()
        }
        return ClockTimer { task.cancel() }
    }
}
