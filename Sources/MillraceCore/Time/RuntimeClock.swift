/// A reading of the monotonic clock in nanoseconds since an arbitrary start. Never stored: it dies with the process.
public struct MonotonicTime: Hashable, Comparable, Sendable, BitwiseCopyable {
    public var nanoseconds: Int64

    @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
    @inlinable public static func < (a: MonotonicTime, b: MonotonicTime) -> Bool { a.nanoseconds < b.nanoseconds }
    @inlinable public static func + (t: MonotonicTime, d: TimeSpan) -> MonotonicTime {
        MonotonicTime(nanoseconds: t.nanoseconds.saturating(plus: d.microseconds.saturating(times: 1_000)))
    }
    @inlinable public static func - (a: MonotonicTime, b: MonotonicTime) -> TimeSpan {
        TimeSpan(microseconds: a.nanoseconds.saturating(minus: b.nanoseconds) / 1_000)
    }
}

/// The only source of time. Real in a node, simulated in tests; handed down, never global.
public protocol RuntimeClock: AnyObject, Sendable {
    /// Monotonic: for durations, time-outs and timers.
    var now: MonotonicTime { get }
    /// The wall: for timestamps. May jump either way.
    var wall: EventTime { get }
    /// Returns at `deadline` or later. Throws `CancellationError` as soon as the task is cancelled.
    func sleep(until deadline: MonotonicTime) async throws
    /// Runs `work` once at `deadline` or later, on a thread of the clock's; `work` must be short and must not block.
    /// At most `Limits.clockTimers` wait at once.
    func schedule(at deadline: MonotonicTime, _ work: @escaping @Sendable () -> Void) -> ClockTimer
}

/// A scheduled piece of work that can be taken back. Cancelling after it ran does nothing.
public struct ClockTimer: Sendable {
    private let onCancel: @Sendable () -> Void
    public init(onCancel: @escaping @Sendable () -> Void) { self.onCancel = onCancel }
    public func cancel() { onCancel() }
}

extension RuntimeClock {
    public func sleep(for span: TimeSpan) async throws { try await sleep(until: now + span) }
}
