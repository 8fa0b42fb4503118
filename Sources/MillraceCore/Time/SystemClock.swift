internal import CPlatform
#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The machine's clocks, and one thread that runs timers.
///
/// The thread starts with the first timer and ends with the clock. Timers that still wait then never run.
public final class SystemClock: RuntimeClock {
    typealias Work = @Sendable () -> Void

    fileprivate struct State {
        var timers = TimerHeap<Work>()
        var hasThread = false
        var isStopped = false
    }
    /// Shared with the timer thread, which outlives the clock by a moment.
    private let state = ThreadMonitor(State())

    public init() {}

    deinit {
        state.withLock { $0.isStopped = true }
        state.signal()
    }

    public var now: MonotonicTime { Self.monotonic() }
    public var wall: EventTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return EventTime(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
    }

    static func monotonic() -> MonotonicTime {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return MonotonicTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    public func schedule(at deadline: MonotonicTime, _ work: @escaping @Sendable () -> Void) -> ClockTimer {
        let state = state
        let (ticket, isFirst, needsThread) = state.withLock { state in
            precondition(state.timers.count < Limits.clockTimers, "more timers wait than Limits.clockTimers")
            let isFirst = state.timers.firstDeadline.map { deadline < $0 } ?? true
            let needsThread = !state.hasThread
            state.hasThread = true
            return (state.timers.insert(at: deadline, work), isFirst, needsThread)
        }
        if needsThread { Self.startThread(state) } else if isFirst { state.signal() }
        return ClockTimer {
            // The work is released outside the lock: what it holds may end in code of ours.
            _ = state.withLock { $0.timers.remove(ticket) }
        }
    }

    public func sleep(until deadline: MonotonicTime) async throws { try await suspend(until: deadline) }

    private static func startThread(_ state: ThreadMonitor<State>) {
        let argument = Unmanaged.passRetained(state).toOpaque()
        #if canImport(Darwin)
            var thread: pthread_t?
        #else
            var thread = pthread_t()
        #endif
        // Signals go to the thread that waits for them; this one is born with all of them blocked.
        var (all, before) = (sigset_t(), sigset_t())
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        let code = pthread_create(&thread, nil, timerThread, argument)
        pthread_sigmask(SIG_SETMASK, &before, nil)
        precondition(code == 0, "pthread_create failed with \(code)")
        #if canImport(Darwin)
            if let thread { pthread_detach(thread) }
        #else
            pthread_detach(thread)
        #endif
    }
}

#if canImport(Darwin)
    private typealias ThreadArgument = UnsafeMutableRawPointer
#else
    private typealias ThreadArgument = UnsafeMutableRawPointer?
#endif

private func timerThread(_ argument: ThreadArgument) -> UnsafeMutableRawPointer? {
    mr_name_thread("millrace-clock")
    let argument: UnsafeMutableRawPointer? = argument
    if let argument { runTimers(Unmanaged<ThreadMonitor<SystemClock.State>>.fromOpaque(argument).takeRetainedValue()) }
    return nil
}

private func runTimers(_ state: ThreadMonitor<SystemClock.State>) {
    while true {
        let due: SystemClock.Work? = state.wait { state in
            if state.isStopped { return .done(nil) }
            if let work = state.timers.popDue(at: SystemClock.monotonic()) { return .done(work) }
            return .wait(until: state.timers.firstDeadline)
        }
        guard let due else { return }
        due()
    }
}
