import MillraceCore

/// Writes groups of commits. Owned by the committer: one thread at a time.
final class Applier: @unchecked Sendable {
    // Sendable because the committer lets one thread at a time call `apply`.
    private unowned let store: TableStore
    private let database: Database
    private var mark: DurableMark?
    private var hybrid: HybridClock
    private var failure: Failure?

    init(store: TableStore, database: Database, mark: DurableMark?, lastCommit: Int64) {
        (self.store, self.database, self.mark) = (store, database, mark)
        hybrid = HybridClock(last: lastCommit)
    }

    deinit { mark?.close() }

    func apply(_ group: [Committer.Waiting]) {
        if let failure {
            for member in group { member.decision = .failure(failure) }
            return
        }
        do throws(Failure) {
            if let first = group.first, let work = first.work {
                try work(database)
                first.decision = .success(.applied(CommitID(microseconds: hybrid.last)))
                return
            }
            if let first = group.first, !first.commit.conditions.isEmpty {
                if let refused = try refusal(of: first.commit) {
                    first.decision = .success(.refused(refused))
                    return
                }
            }
            try write(group)
        } catch {
            for member in group { member.decision = .failure(error) }
            guard error.isFatal || error.isRetriable else { return }
            failure = Failure(
                .fenced, "no more writes after a failed one", advice: "Call reopen", place: store.directory,
                cause: error, isFatal: true)
            store.fence(error)
        }
    }

    private func write(_ group: [Committer.Waiting]) throws(Failure) {
        let wall = store.clock.wall
        // Room for all of the group, and for what follows it.
        var batch = RawBatch(capacity: group.count > 1 ? group.reduce(256) { $0 + $1.commit.byteCount } : 0)
        var last: Int64 = 0
        for member in group {
            member.id = hybrid.next(wall: wall)
            last = member.id
            member.commit.settle(id: member.id)
            if group.count > 1 { batch.append(member.commit.batch) }
        }
        if group.count == 1 { swap(&batch, &group[0].commit.batch) }
        let changes = ChangeFeed.Entry.records(batch, group)
        for member in group where !member.commit.provenance.isEmpty {
            batch.put(Layout.commitKey(member.id), member.commit.provenance)
        }
        batch.put(Layout.clockKey, Layout.bigEndian(last))
        let isSynced = group.contains { $0.isSynced }
        try database.write(&batch, sync: isSynced)
        if isSynced { note(DurableMark.Position(sequence: database.latestSequence, commit: last)) }
        store.commits.add(group.count)
        store.groups.increment()
        store.feed.publish(changes, batch)
        for member in group { member.decision = .success(.applied(CommitID(microseconds: member.id))) }
    }

    /// The commits are durable whether or not the mark can be written, so its failure is not theirs.
    private func note(_ position: DurableMark.Position) {
        do throws(IOFault) {
            try mark?.note(position, now: store.clock.now)
        } catch {
            store.markFailures.increment()
        }
    }

    private func refusal(of commit: Commit) throws(Failure) -> [Row?]? {
        let snapshot = TableSnapshot(database, clock: store.clock)
        var rows: [Row?] = []
        var holds = true
        for condition in commit.conditions {
            let row = try snapshot.row(for: condition)
            rows.append(row)
            if !condition.holds(for: row) { holds = false }
        }
        return holds ? nil : rows
    }
}
