internal import Synchronization

/// The memory that all tasks of a node may hold state in, and how much they hold together. Any thread.
///
/// A task reports what it holds after each commit. When all hold too much, each goes down to its share of the budget,
/// by the size of what it holds: a task with little state keeps it, and nobody waits for anybody.
final class SharedBudget: Sendable {
    let bytes: Int
    private let held = Atomic<Int>(0)

    init(bytes: Int) { self.bytes = bytes }

    var heldBytes: Int { held.load(ordering: .relaxed) }

    /// A task that held `before` holds `now`.
    ///
    /// - Returns: what it should go down to, or `nil` when there is room.
    func report(before: Int, now: Int) -> Int? {
        let all = held.wrappingAdd(now - before, ordering: .relaxed).newValue
        guard all > bytes else { return nil }
        return Int(Double(bytes) * Double(now) / Double(max(all, now, 1)))
    }
}
