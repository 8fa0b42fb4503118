internal import CPlatform
internal import MillraceCore

/// The threads that are inside `append`: counted, so that closing waits for them, and told whether they may write.
///
/// A write into the page cache is a copy, as long as the system lets it be one. When it made a caller wait, the store's
/// writer does that for a while: a lane or a task is held up at most that often.
final class AppendCallers: Sendable {
    private struct State {
        var count = 0
        var isClosed = false
        /// Until then callers leave writing to the store.
        var restUntil: MonotonicTime?
    }
    private let state = ThreadMonitor(State())

    /// False when the store is closed.
    func enter() -> Bool {
        state.withLock { state in
            if state.isClosed { return false }
            state.count += 1
            return true
        }
    }
    func leave() {
        let isLast = state.withLock { state in
            state.count -= 1
            return state.isClosed && state.count == 0
        }
        if isLast { state.broadcast() }
    }
    /// Lets nobody in any more and waits for those who are.
    func close() {
        state.withLock { $0.isClosed = true }
        state.wait { $0.count == 0 ? .done(()) : .wait(until: nil) }
    }

    /// How often the calling thread has slept.
    static var waits: Int64 { mr_thread_waits() }

    func mayWrite(at now: MonotonicTime) -> Bool { state.withLock { $0.restUntil.map { $0 <= now } ?? true } }
    /// - Parameter waits: how often the thread slept meanwhile; one that was only interrupted by others did not.
    func wrote(for span: TimeSpan, waits: Int64, at start: MonotonicTime) {
        guard span >= Limits.callersWriteLongest, waits > 0 else { return }
        state.withLock { $0.restUntil = start + span * (1 + Limits.callersWriteRest) }
    }
}
