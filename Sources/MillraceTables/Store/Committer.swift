import MillraceCore

/// Where commits wait, get their ids in order, and are written and synced together.
///
/// The first to arrive leads: it takes what has gathered, writes it as one RocksDB batch with one sync, publishes, and
/// hands the lead to the next in line. So ids, RocksDB's sequence and the change feed have one order, which is what
/// lets a whole row be overwritten without being read. Nothing queues beyond one commit per waiting thread.
final class Committer: @unchecked Sendable {
    // Sendable because `waiting` and `isLed` are touched only inside `turnstile`.
    /// A thread's commit while it waits. Whoever leads the group it is in may touch it; `isDone` and `leads` change
    /// only inside the turnstile.
    final class Waiting: @unchecked Sendable {
        // Sendable because of the hand-over described above: one thread at a time touches it.
        var commit: Commit
        let isSynced: Bool
        /// In place of a commit: what has to run while nobody writes.
        let work: (@Sendable (Database) throws(Failure) -> Void)?
        var id: Int64 = 0
        var decision: Result<Attempt, Failure>?
        fileprivate var isDone = false
        fileprivate var leads = false
        init(
            _ commit: consuming Commit, isSynced: Bool,
            work: (@Sendable (Database) throws(Failure) -> Void)? = nil
        ) {
            (self.commit, self.isSynced, self.work) = (commit, isSynced, work)
        }
    }

    private let turnstile = Turnstile()
    private var waiting: [Waiting] = []
    private var isLed = false
    private let apply: @Sendable ([Waiting]) -> Void

    /// - Parameter apply: decides every member of a group; called by one thread at a time.
    init(apply: @escaping @Sendable ([Waiting]) -> Void) { self.apply = apply }

    /// Blocks until the commit is decided.
    func submit(_ commit: consuming Commit, isSynced: Bool) throws(Failure) -> Attempt {
        try submit(Waiting(commit, isSynced: isSynced))
    }

    /// Runs `work` in its turn; no commit is written meanwhile, so it must be short.
    func exclusively(
        _ placeholder: consuming Commit, _ work: @escaping @Sendable (Database) throws(Failure) -> Void
    ) throws(Failure) {
        _ = try submit(Waiting(placeholder, isSynced: true, work: work))
    }

    private func submit(_ mine: Waiting) throws(Failure) -> Attempt {
        let leads = turnstile.locked {
            waiting.append(mine)
            if !isLed {
                isLed = true
                return true
            }
            while !mine.isDone && !mine.leads { turnstile.wait() }
            return mine.leads
        }
        if leads { lead() }
        guard let decision = mine.decision else { preconditionFailure("a commit was taken but not decided") }
        return try decision.get()
    }

    private func lead() {
        let group = turnstile.locked {
            let count = Committer.groupLength(waiting)
            let group = Array(waiting[..<count])
            waiting.removeFirst(count)
            return group
        }
        apply(group)
        turnstile.locked {
            for member in group { member.isDone = true }
            if let next = waiting.first { next.leads = true } else { isLed = false }
            turnstile.wakeAll()
        }
    }

    /// How many from the front go together: all without conditions, up to a size; or one with conditions alone, since
    /// it has to see what came before it.
    private static func groupLength(_ waiting: [Waiting]) -> Int {
        guard let first = waiting.first else { return 0 }
        if !first.commit.conditions.isEmpty || first.work != nil { return 1 }
        var bytes = 0
        var count = 0
        for next in waiting {
            bytes += next.commit.byteCount
            if next.work != nil || !next.commit.conditions.isEmpty { break }
            if count > 0, bytes > Limits.groupBytes { break }
            count += 1
        }
        return count
    }
}
