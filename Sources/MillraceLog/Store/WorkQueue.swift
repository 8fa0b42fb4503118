internal import MillraceCore

/// Partitions that want a thread's attention, each in it at most once, in the order they came.
///
/// Bounded by the number of partitions: a partition marks itself as queued before it enters.
final class WorkQueue: Sendable {
    private struct State {
        var waiting: [Partition] = []
        var next = 0
        var isStopped = false
    }
    private let state = ThreadMonitor(State())

    func enqueue(_ partition: Partition) {
        state.withLock { $0.waiting.append(partition) }
        state.signal()
    }

    /// The next partition; waits for one on the calling thread, nil when stopped and empty.
    func take() -> Partition? {
        state.wait { state in
            if let next = Self.pop(&state) { return .done(next) }
            return state.isStopped ? .done(nil) : .wait(until: nil)
        }
    }
    /// The next partition or nil, without waiting.
    func poll() -> Partition? { state.withLock { Self.pop(&$0) } }

    func stop() {
        state.withLock { $0.isStopped = true }
        state.broadcast()
    }

    private static func pop(_ state: inout State) -> Partition? {
        guard state.next < state.waiting.count else { return nil }
        let partition = state.waiting[state.next]
        state.next += 1
        if state.next == state.waiting.count {
            state.waiting.removeAll(keepingCapacity: true)
            state.next = 0
        } else if state.next > 1_024, state.next * 2 > state.waiting.count {
            state.waiting.removeFirst(state.next)
            state.next = 0
        }
        return partition
    }
}
