internal import MillraceCore
internal import Synchronization

/// The memory that all tasks of a node may hold state in, and how much they hold together. Any thread.
///
/// A task reports what it holds after each commit. When all hold too much, each goes down to its share of the budget,
/// by the size of what it holds: a task with little state keeps it, and nobody waits for anybody.
final class SharedBudget: Sendable {
    let bytes: Int
    /// Beyond it a pipeline fails, rather than the process.
    let most: Int
    private let held = Atomic<Int>(0)
    /// Tasks that hold something.
    private let holders = Atomic<Int>(0)

    init(bytes: Int) { (self.bytes, most) = (bytes, Limits.stateBytesMost(of: bytes)) }

    var heldBytes: Int { held.load(ordering: .relaxed) }

    /// A task that held `before` holds `now`.
    ///
    /// - Returns: what it should go down to, or `nil` when there is room.
    func report(before: Int, now: Int) -> Int? {
        let all = held.wrappingAdd(now - before, ordering: .relaxed).newValue
        if (before > 0) != (now > 0) { holders.wrappingAdd(now > 0 ? 1 : -1, ordering: .relaxed) }
        guard all > bytes else { return nil }
        return Int(Double(bytes) * Double(now) / Double(max(all, now, 1)))
    }

    /// For a task that still holds `now` after all was evicted that can be. One that holds less than the others do is
    /// not at fault.
    func check(_ now: Int, of task: TaskAddress) throws(Failure) {
        let all = heldBytes
        guard all > most, now >= all / max(1, holders.load(ordering: .relaxed)) else { return }
        throw Failure(
            .limitReached, "state in memory takes \(all) bytes, \(now) of them here; \(most) may not leave memory",
            advice: "Raise state.budget, a quarter of that; or let state end sooner: see what it is with describe",
            place: task.description, isFatal: true)
    }
}
