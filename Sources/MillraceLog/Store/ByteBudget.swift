internal import MillraceCore

/// Bytes that may wait, and who waits for room among them, in the order they came. The owner has a lock around it and
/// runs what it hands out outside of that lock.
struct ByteBudget: Sendable {
    private struct Waiter {
        var bytes: Int
        var wake: @Sendable () -> Void
    }
    let limit: Int
    private(set) var used = 0
    private var waiters: [Waiter] = []
    private var isClosed = false

    init(limit: Int) { self.limit = limit }

    /// Takes the bytes if there is room. What is larger than the whole budget passes when it is alone.
    mutating func reserve(_ bytes: Int) -> Bool {
        guard hasRoom(for: bytes) else { return false }
        used += bytes
        return true
    }
    private func hasRoom(for bytes: Int) -> Bool { used == 0 || used + bytes <= limit }

    enum Wait { case now, queued, refused }
    /// `wake` is to be run when there may be room: now, or by a release. Refused when too many wait already.
    mutating func wait(for bytes: Int, _ wake: @escaping @Sendable () -> Void) -> Wait {
        if isClosed || hasRoom(for: bytes) { return .now }
        guard waiters.count < Limits.appendWaiters else { return .refused }
        waiters.append(Waiter(bytes: bytes, wake: wake))
        return .queued
    }

    /// Gives bytes back; returns who is to be woken.
    mutating func release(_ bytes: Int) -> [@Sendable () -> Void] {
        used -= bytes
        precondition(used >= 0, "more released than reserved")
        var room = limit - used
        var count = 0
        while count < waiters.count, room >= waiters[count].bytes || (used == 0 && count == 0) {
            room -= waiters[count].bytes
            count += 1
        }
        defer { waiters.removeFirst(count) }
        return waiters[..<count].map(\.wake)
    }

    /// Nobody waits any more; returns who did.
    mutating func close() -> [@Sendable () -> Void] {
        isClosed = true
        defer { waiters.removeAll() }
        return waiters.map(\.wake)
    }
}

/// The bytes of batches that wait to be written. Full means back pressure.
final class AppendBudget: Sendable {
    private let state: Lock<ByteBudget>

    init(limit: Int) { state = Lock(ByteBudget(limit: limit)) }

    func reserve(_ bytes: Int) -> Bool { state.withLock { $0.reserve(bytes) } }

    /// Runs `wake` when there may be room: at once, or after a release. False when too many wait already.
    func whenRoom(for bytes: Int, _ wake: @escaping @Sendable () -> Void) -> Bool {
        let outcome = state.withLock { $0.wait(for: bytes, wake) }
        if outcome == .now { wake() }
        return outcome != .refused
    }
    func release(_ bytes: Int) {
        for wake in state.withLock({ $0.release(bytes) }) { wake() }
    }
    func close() {
        for wake in state.withLock({ $0.close() }) { wake() }
    }
}
