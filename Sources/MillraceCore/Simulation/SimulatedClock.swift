/// Time that moves only when a test says so.
///
/// Timers run on the thread that advances, in the order of (deadline, scheduling), with `now` at their deadline; a
/// timer may schedule others. One thread advances at a time.
public final class SimulatedClock: RuntimeClock {
    fileprivate struct State {
        var now: MonotonicTime
        var wall: EventTime
        var timers = TimerHeap<@Sendable () -> Void>()
        var isAdvancing = false
    }
    private let state: Lock<State>

    /// - Parameter wall: by default 2026-01-01T00:00:00Z.
    public init(now: MonotonicTime = MonotonicTime(nanoseconds: 0), wall: EventTime = .seconds(1_767_225_600)) {
        state = Lock(State(now: now, wall: wall))
    }

    public var now: MonotonicTime { state.withLock { $0.now } }
    public var wall: EventTime { state.withLock { $0.wall } }

    public func sleep(until deadline: MonotonicTime) async throws { try await suspend(until: deadline) }

    /// A deadline that has passed runs with the next `advance`, even one by zero.
    public func schedule(at deadline: MonotonicTime, _ work: @escaping @Sendable () -> Void) -> ClockTimer {
        let ticket = state.withLock { state in
            precondition(state.timers.count < Limits.clockTimers, "more timers wait than Limits.clockTimers")
            return state.timers.insert(at: deadline, work)
        }
        return ClockTimer { [state] in _ = state.withLock { $0.timers.remove(ticket) } }
    }

    /// Moves both clocks on and runs what falls due on the way.
    public func advance(by span: TimeSpan) {
        precondition(span >= .zero, "monotonic time does not go back; see jumpWall")
        advance(to: now + span)
    }
    /// As `advance(by:)`; a time that has passed runs what is due and moves nothing.
    public func advance(to time: MonotonicTime) {
        state.withLock { state in
            precondition(!state.isAdvancing, "one thread advances at a time, and no timer does")
            state.isAdvancing = true
        }
        while let work = state.withLock({ $0.popDue(by: time) }) { work() }
        state.withLock { state in
            state.move(to: time)
            state.isAdvancing = false
        }
    }
    /// Advances to the next timer and runs what is due then; false when no timer waits.
    @discardableResult
    public func advanceToNextTimer() -> Bool {
        guard let deadline = nextDeadline else { return false }
        advance(to: max(deadline, now))
        return true
    }

    /// Sets the wall off by `span`, either way, as an operator or NTP does. Timers do not notice.
    public func jumpWall(by span: TimeSpan) { state.withLock { $0.wall = $0.wall + span } }

    public var pendingTimers: Int { state.withLock { $0.timers.count } }
    public var nextDeadline: MonotonicTime? { state.withLock { $0.timers.firstDeadline } }
}

extension SimulatedClock.State {
    fileprivate mutating func popDue(by time: MonotonicTime) -> (@Sendable () -> Void)? {
        guard let deadline = timers.firstDeadline, deadline <= time || deadline <= now else { return nil }
        move(to: deadline)
        return timers.popDue(at: now)
    }
    fileprivate mutating func move(to time: MonotonicTime) {
        guard time > now else { return }
        wall = wall + (time - now)
        now = time
    }
}
