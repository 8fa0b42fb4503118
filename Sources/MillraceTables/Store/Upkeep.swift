internal import Synchronization
import MillraceCore

/// The store's own thread: what is dead leaves the disk without anybody asking.
///
/// Every interval it asks which tables are worth a look; see `UpkeepPlan`. It never holds the store while it waits.
final class Upkeep: Sendable {
    private struct State: Sendable {
        var isDue = false
        var isStopped = false
        var timer: ClockTimer?
        var failure: Failure?
        var rounds = 0
    }
    private let clock: any RuntimeClock
    private let interval: TimeSpan
    private let state = ThreadMonitor(State())
    private let thread = Lock<OwnedThread?>(nil)

    init(clock: any RuntimeClock, interval: TimeSpan) { (self.clock, self.interval) = (clock, interval) }

    /// What did not work the last time; it is tried again at the next interval.
    var failure: Failure? { state.withLock { $0.failure } }
    /// Rounds that have ended, with the next one scheduled.
    var rounds: Int { state.withLock { $0.rounds } }
    var goesOn: Bool { state.withLock { !$0.isStopped } }

    func start(_ store: TableStore) {
        schedule()
        let thread = OwnedThread(name: "table-care") { [self, weak store] in
            while waitUntilDue() {
                guard let store else { return }
                var failure: Failure?
                do throws(Failure) {
                    try store.upkeep { [self] in goesOn }
                } catch {
                    failure = error
                }
                schedule()
                let outcome = failure
                state.withLock { state in
                    state.failure = outcome
                    state.rounds += 1
                }
            }
        }
        self.thread.withLock { $0 = thread }
    }

    /// Ends the thread.
    ///
    /// - Parameter waits: until it has let go of the database; never on the thread itself.
    func stop(waits: Bool) {
        let timer = state.withLock { state in
            state.isStopped = true
            return state.timer
        }
        timer?.cancel()
        state.broadcast()
        if waits { thread.withLock { $0 }?.join() }
    }

    private func schedule() {
        let timer = clock.schedule(at: clock.now + interval) { [weak self] in
            guard let self else { return }
            self.state.withLock { $0.isDue = true }
            self.state.broadcast()
        }
        state.withLock { $0.timer = timer }
    }

    private func waitUntilDue() -> Bool {
        state.wait { state in
            if state.isStopped { return .done(false) }
            guard state.isDue else { return .wait(until: nil) }
            state.isDue = false
            return .done(true)
        }
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
