internal import MillraceCore

/// The bytes of batches that wait to be written. Full means back pressure: callers wait in the order they came.
final class AppendBudget: Sendable {
    private struct Waiter {
        var bytes: Int
        var wake: @Sendable () -> Void
    }
    private struct State {
        var used = 0
        var waiters: [Waiter] = []
        var isClosed = false
    }
    private let limit: Int
    private let state = Lock(State())

    init(limit: Int) { self.limit = limit }

    /// Takes the bytes if there is room. A batch larger than the whole budget passes when it is alone.
    func reserve(_ bytes: Int) -> Bool {
        state.withLock { state in
            guard state.used == 0 || state.used + bytes <= limit else { return false }
            state.used += bytes
            return true
        }
    }

    /// Runs `wake` when there may be room: at once, or after a release. False when too many wait already.
    func whenRoom(for bytes: Int, _ wake: @escaping @Sendable () -> Void) -> Bool {
        enum Outcome { case now, queued, refused }
        let outcome: Outcome = state.withLock { state in
            if state.isClosed || state.used == 0 || state.used + bytes <= limit { return .now }
            guard state.waiters.count < Limits.appendWaiters else { return .refused }
            state.waiters.append(Waiter(bytes: bytes, wake: wake))
            return .queued
        }
        if outcome == .now { wake() }
        return outcome != .refused
    }

    func release(_ bytes: Int) {
        let woken: [@Sendable () -> Void] = state.withLock { state in
            state.used -= bytes
            precondition(state.used >= 0, "more released than reserved")
            var room = limit - state.used
            var count = 0
            while count < state.waiters.count, room >= state.waiters[count].bytes || (state.used == 0 && count == 0) {
                room -= state.waiters[count].bytes
                count += 1
            }
            defer { state.waiters.removeFirst(count) }
            return state.waiters[..<count].map(\.wake)
        }
        for wake in woken { wake() }
    }

    func close() {
        let woken: [@Sendable () -> Void] = state.withLock { state in
            state.isClosed = true
            defer { state.waiters.removeAll() }
            return state.waiters.map(\.wake)
        }
        for wake in woken { wake() }
    }
}
