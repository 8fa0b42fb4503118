/// A thread that looks after something: one pass whenever an interval of the clock has gone by since the last one
/// ended, until it is stopped.
///
/// Whatever it looks after owns it and stops it, so a pass must not keep its owner alive. Thread-safe.
public final class CareThread: Sendable {
    private struct State: Sendable {
        var isDue = false
        var isStopped = false
        var isPauseOver = false
        /// Of the next pass.
        var timer: ClockTimer?
        var passes = 0
    }
    private let name: String
    private let clock: any RuntimeClock
    private let interval: TimeSpan
    private let state = ThreadMonitor(State())
    private let thread = Lock<OwnedThread?>(nil)

    /// - Parameter name: of the thread; see `OwnedThread`.
    public init(name: String, clock: any RuntimeClock, interval: TimeSpan) {
        (self.name, self.clock, self.interval) = (name, clock, interval)
    }

    /// Passes that have ended, with the next one scheduled.
    public var passes: Int { state.withLock { $0.passes } }
    /// For long passes to look at: nobody waits for the rest of them.
    public var isStopped: Bool { state.withLock { $0.isStopped } }

    /// Starts the thread, once.
    ///
    /// - Parameter pass: says whether there is still something to look after; may block.
    public func start(_ pass: @escaping @Sendable () -> Bool) {
        schedule()
        let started = OwnedThread(name: name) { [self] in
            while waitUntilDue(), pass() {
                schedule()
                state.withLock { $0.passes += 1 }
            }
        }
        thread.withLock { $0 = started }
    }

    /// No more passes. One that runs goes on to its end, or to where it looks at `isStopped`.
    public func stop() {
        let timer = state.withLock { state in
            state.isStopped = true
            return state.timer
        }
        timer?.cancel()
        state.broadcast()
    }

    /// Waits for the thread's end; never on the thread itself.
    public func join() { thread.withLock { $0 }?.join() }

    /// For a pass: waits for `span`, but not longer than until `stop`.
    public func pause(_ span: TimeSpan) {
        state.withLock { $0.isPauseOver = false }
        let timer = clock.schedule(at: clock.now + span) { [weak self] in
            self?.state.withLock { $0.isPauseOver = true }
            self?.state.broadcast()
        }
        let _: Bool = state.wait { $0.isStopped || $0.isPauseOver ? .done(true) : .wait(until: nil) }
        timer.cancel()
    }

    private func schedule() {
        let timer = clock.schedule(at: clock.now + interval) { [weak self] in
            self?.state.withLock { $0.isDue = true }
            self?.state.broadcast()
        }
        let isLate = state.withLock { state in
            state.timer = timer
            return state.isStopped
        }
        if isLate { timer.cancel() }
    }

    private func waitUntilDue() -> Bool {
        state.wait { state in
            if state.isStopped { return .done(false) }
            guard state.isDue else { return .wait(until: nil) }
            state.isDue = false
            return .done(true)
        }
    }
}
