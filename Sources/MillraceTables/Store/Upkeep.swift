internal import Synchronization
import MillraceCore

/// The store's own thread: what is dead leaves the disk without anybody asking.
///
/// Every interval it asks which tables are worth a look; see `UpkeepPlan`. It never holds the store while it waits.
final class Upkeep: Sendable {
    private let care: CareThread
    private let state = Lock<Failure?>(nil)

    init(clock: any RuntimeClock, interval: TimeSpan) {
        care = CareThread(name: "table-care", clock: clock, interval: interval)
    }

    /// What did not work the last time; it is tried again at the next interval.
    var failure: Failure? { state.withLock { $0 } }
    /// Rounds that have ended, with the next one scheduled.
    var rounds: Int { care.passes }

    func start(_ store: TableStore) {
        care.start { [self, weak store] in
            guard let store else { return false }
            var failure: Failure?
            do throws(Failure) {
                try store.upkeep { [care] in !care.isStopped }
            } catch {
                failure = error
            }
            let outcome = failure
            state.withLock { $0 = outcome }
            return true
        }
    }

    /// Ends the thread.
    ///
    /// - Parameter waits: until it has let go of the database; never on the thread itself.
    func stop(waits: Bool) {
        care.stop()
        if waits { care.join() }
    }
}

/// When a table is worth the next look. A look reads all of it, so it is not taken without a reason.
struct UpkeepPlan: Sendable {
    /// Not before: the last look was long.
    var rests: MonotonicTime
    /// When enough of what the last look saw will be dead; nil: never.
    var planned: MonotonicTime?
    /// Bytes of the table at the last look.
    var bytes = 0

    /// - Parameter dying: bytes written since that die some day.
    func isDue(at now: MonotonicTime, dying: Int) -> Bool {
        guard now >= rests else { return false }
        if let planned, now >= planned { return true }
        return dying > 0 && dying * Limits.purgeShare >= bytes
    }
}

extension TableStore {
    /// Looks at the tables for which it is time, and purges those where it is worth it.
    func upkeep(_ goesOn: @escaping @Sendable () -> Bool = { true }) throws(Failure) {
        for table in tables where table.facts.mayDie.load(ordering: .relaxed) {
            guard goesOn() else { return }
            let now = clock.now
            let dying = table.facts.dying.load(ordering: .relaxed)
            // A store that was just opened does not know what the table holds.
            let plan = plans.withLock { $0[table.id] } ?? UpkeepPlan(rests: now, planned: now)
            guard plan.isDue(at: now, dying: dying) else { continue }
            table.facts.dying.wrappingSubtract(dying, ordering: .relaxed)
            let next = try look(at: table, goesOn)
            plans.withLock { $0[table.id] = next }
        }
    }

    private func look(
        at table: StoredTable, _ goesOn: @escaping @Sendable () -> Bool
    ) throws(Failure) -> UpkeepPlan {
        let began = clock.now
        if table.facts.hasRanges.load(ordering: .acquiring) { try sweep(table) }
        let database = try database()
        try database.flush()
        var findings = try PurgeWalk(store: self, table: table, goesOn: goesOn).run()
        let isOld = findings.deadSince < (clock.wall - Limits.purgeLatest).seconds
        if let span = findings.span, findings.deadBytes * Limits.purgeShare >= findings.bytes || isOld {
            compact(span, database)
            findings.bytes -= findings.deadBytes
            findings.deadBytes = 0
        }
        let files = database.deletions(in: table.rows)
        if files.deletions > 0, files.deletions * UInt64(Limits.purgeShare) >= files.entries {
            compact(table.rows, database)
        }
        let took = clock.now - began
        let rest = max(Limits.upkeepInterval, .microseconds(took.microseconds * Limits.upkeepRest))
        return UpkeepPlan(
            rests: clock.now + rest, planned: findings.wait.map { clock.now + $0 }, bytes: findings.bytes)
    }

    private func compact(_ range: KeyRange, _ database: Database) {
        let bare = purge.bare
        database.compact(range, exclusive: false)
        // What merging emptied the filter has not seen yet.
        if purge.bare > bare { database.compact(range, exclusive: false) }
    }
}
