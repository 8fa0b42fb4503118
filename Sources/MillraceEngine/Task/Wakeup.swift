internal import MillraceCore

/// Lets one task sleep until somebody has something for it. Signals coalesce: a task that is awake is not woken twice.
///
/// One waiter at a time; any number of threads may signal. Waiting suspends the task, it blocks no thread.
final class Wakeup: Sendable {
    private enum State {
        case quiet
        case signalled
        case waiting(CheckedContinuation<Void, Never>)
    }
    private let state = Lock(State.quiet)

    func signal() {
        let waiter: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard case .waiting(let continuation) = state else {
                state = .signalled
                return nil
            }
            state = .quiet
            return continuation
        }
        waiter?.resume()
    }

    /// Returns at once when there was a signal since the last wait.
    func wait(isolation: isolated (any Actor)? = #isolation) async {
        await withCheckedContinuation { continuation in
            let isSignalled = state.withLock { state in
                switch state {
                case .signalled:
                    state = .quiet
                    return true
                case .quiet:
                    state = .waiting(continuation)
                    return false
                case .waiting: preconditionFailure("two waiters on one wake-up")
                }
            }
            if isSignalled { continuation.resume() }
        }
    }

    /// As `wait`, but not beyond `deadline`.
    func wait(until deadline: MonotonicTime, clock: any RuntimeClock, isolation: isolated (any Actor)? = #isolation)
        async
    {
        let timer = clock.schedule(at: deadline) { [self] in signal() }
        await wait()
        timer.cancel()
    }
}
