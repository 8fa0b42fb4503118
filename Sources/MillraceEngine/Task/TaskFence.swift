internal import MillraceCore

/// Sees to it that one run of a task at a time has effects.
///
/// A run that did not end in time is given up, and its successor starts from the last commit. What the old one still
/// does when it comes back must not be committed; and what it was committing must be over before the new one looks.
final class TaskFence: Sendable {
    private struct State {
        var current: UInt64 = 0
        var isCommitting = false
    }
    private let state = ThreadMonitor(State())

    /// Begins a run: from now on no earlier one commits anything. Waits for a commit that is under way; blocks.
    ///
    /// - Returns: the run's number.
    func begin() -> UInt64 {
        state.wait { state in
            if state.isCommitting { return .wait(until: nil) }
            state.current += 1
            return .done(state.current)
        }
    }

    /// Runs a commit of a run, unless a later run has begun. One at a time, since a run has one under way.
    func commit<R>(as run: UInt64, _ body: () throws(Failure) -> R) throws(Failure) -> R {
        let isCurrent = state.withLock { state in
            guard state.current == run else { return false }
            state.isCommitting = true
            return true
        }
        guard isCurrent else { throw Failure(.fenced, "another run of the task has taken over") }
        defer {
            state.withLock { $0.isCommitting = false }
            state.broadcast()
        }
        return try body()
    }
}
