import Foundation
import MillraceCore
import Testing

@testable import MillraceTables

#if canImport(Glibc)
    import Glibc
#endif

/// Kills and power cuts under the random workload, with random options, flushes, compactions, snapshots and dropped
/// tables: what is there afterwards is what the model says after the first n commits, and n is no smaller than what was
/// acknowledged with a sync. T23.
@Suite(.serialized) struct StoreReplayTests {
    @Test(arguments: TimestampPolicy.allCases) func afterAKillThereIsAPrefix(policy: TimestampPolicy) async throws {
        let place = try StorePlace()
        let oracle = try ReplayOracle(seed: TestRun.seed, policy: policy)
        var random = TestRun.random("replay \(policy)")
        try Replay.create(place.directory, policy)
        for kill in 1...TestRun.count(50) {
            let directory = place.directory
            let (seed, options, delay) = (TestRun.seed, random.next(), 1_000 + random.below(60_000))
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [
                    directory = directory as String, seed = seed as UInt64, policy = policy.rawValue as String,
                    options = options as UInt64, delay = delay as Int
                ] in
                try Replay.run(directory, seed, policy, options: options, log: directory, dyingAfter: delay)
            }
            try oracle.check(place.directory, acknowledgedIn: place.directory, options, "kill \(kill)")
        }
        #expect(oracle.step > TestRun.count(50))
    }

    @Test(.enabled(if: StorePowerCutTests.canMount, "needs root and loop devices to cut the power of a volume"))
    func afterAPowerCutThereIsAPrefix() async throws {
        let base = try #require(StorePowerCutTests.makeVolume())
        defer { try? FileManager.default.removeItem(atPath: base) }
        let policy = TimestampPolicy.any
        let oracle = try ReplayOracle(seed: TestRun.seed &+ 1, policy: policy)
        var random = TestRun.random("replay power")
        let mount = base + "/mount"
        try Shell.run("/bin/mount", "-o", "loop", base + "/image", mount)
        try Replay.create(mount, policy)
        for cut in 1...TestRun.count(10) {
            let (seed, options, delay) = (TestRun.seed &+ 1, random.next(), 2_000 + random.below(150_000))
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [
                    base = base as String, seed = seed as UInt64, policy = policy.rawValue as String,
                    options = options as UInt64, delay = delay as Int
                ] in
                do {
                    try Replay.run(
                        base + "/mount", seed, policy, options: options, log: base, dyingAfter: delay,
                        cutting: base + "/mount")
                } catch {
                    // The volume is gone and the kill is near.
                    while true { usleep(1_000) }
                }
            }
            try Shell.run("/bin/umount", mount)
            try Shell.run("/bin/mount", "-o", "loop", base + "/image", mount)
            try oracle.check(mount, acknowledgedIn: base, options, "cut \(cut)")
        }
        try Shell.run("/bin/umount", mount)
        #expect(oracle.step > TestRun.count(10))
    }
}

/// A workload whose n-th step is the same in every process: made from the seed and n alone, at a time that n gives.
enum Replay {
    static let start = EventTime.seconds(1_800_000_000)
    static let stepKey = Array("step".utf8)
    /// Every so often a table is dropped with its rows and made anew.
    static let dropped = 2
    static func drops(_ step: Int) -> Bool { step % 41 == 40 }

    static func clock(at step: Int) -> SimulatedClock { SimulatedClock(wall: start + .seconds(Int64(step))) }

    static func open(_ directory: String, _ options: UInt64, _ clock: SimulatedClock) throws -> TableStore {
        var settings = CommittingChild.options(seed: options)
        settings.upkeepInterval = nil
        return try TableStore.open(directory: directory + "/t", options: settings, clock: clock)
    }

    static func create(_ directory: String, _ policy: TimestampPolicy) throws {
        let store = try open(directory, 1, clock(at: 0))
        try store.createKeyspace("w")
        try store.createType(WorkloadTables.point)
        for schema in try WorkloadTables.schemas() { try store.createTable(schema, tombstoneGrace: grace(policy)) }
        store.close()
    }
    static func grace(_ policy: TimestampPolicy) -> TimeSpan { policy == .commits ? .zero : .seconds(20) }

    static func step(of store: TableStore) throws -> Int {
        try store.state(stepKey).map { $0.reduce(0) { $0 << 8 | Int($1) } } ?? 0
    }

    /// What a step commits, and whether the order of its statements counts.
    static func plan(_ step: Int, _ seed: UInt64, _ policy: TimestampPolicy, _ schemas: [TableSchema]) -> (
        [Planned], Bool
    ) {
        var statements = WorkloadStatements(random: SeededRandom(seed: seed &+ UInt64(step) &* 0x9E37_79B9_7F4A_7C15))
        let isOrdered = policy == .commits && statements.random.oneIn(2)
        var planned: [Planned] = []
        for _ in 0...statements.random.below(4) {
            let table = statements.random.below(schemas.count)
            let plan = statements.plan(
                table, schemas[table], policy: policy, isOrdered: isOrdered, beside: planned,
                now: (start + .seconds(Int64(step))).seconds)
            if let plan { planned.append(plan) }
        }
        return (planned, isOrdered)
    }

    /// Goes on from where the store is until the process dies.
    static func run(
        _ directory: String, _ seed: UInt64, _ policy: String, options: UInt64, log: String, dyingAfter: Int,
        cutting volume: String? = nil
    ) throws {
        guard let policy = TimestampPolicy(rawValue: policy) else { preconditionFailure("no policy \(policy)") }
        let clock = SimulatedClock(wall: start)
        let store = try open(directory, options, clock)
        let schemas = try WorkloadTables.schemas()
        var step = try step(of: store)
        clock.advance(by: .seconds(Int64(step)))
        let acknowledged = Glibc.open(log + "/acknowledged", O_WRONLY | O_CREAT, 0o600)
        let power = volume.map { Glibc.open($0, O_RDONLY) }
        var random = SeededRandom(seed: options)
        CommittingChild.death(after: dyingAfter, cutting: volume).start()
        while true {
            step += 1
            clock.advance(by: .seconds(1))
            if drops(step) {
                let schema = schemas[dropped]
                if store.table(schema.keyspace, schema.name) != nil {
                    try store.dropTable(schema.keyspace, schema.name)
                }
                try store.createTable(schema, tombstoneGrace: grace(policy))
            }
            let tables = try schemas.map { try store.require($0.keyspace, $0.name) }
            let (planned, isOrdered) = plan(step, seed, policy, schemas)
            var commit = store.begin(ties: isOrdered ? .byOrder : .byValue)
            if !drops(step) {
                for plan in planned { try Workload.add(plan.statement, to: &commit, tables[plan.table], plan.options) }
            }
            commit.setState(stepKey, Layout.bigEndian(Int64(step)))
            let isSynced = random.oneIn(3)
            try store.commit(commit, synced: isSynced)
            if isSynced, CommittingChild.isOn(power) {
                var number = Int64(step).bigEndian
                pwrite(acknowledged, &number, 8, 0)
            }
            switch random.below(120) {
            case 0...3: try store.flush()
            case 4: try store.compact()
            case 5: for table in tables { try store.purge(table) }
            case 6: try store.upkeep()
            case 7: try store.snapshot(into: directory + "/kept\(options)-\(step)")
            default: break
            }
        }
    }
}

/// The model, carried on to the step that a store has come to.
final class ReplayOracle {
    let seed: UInt64
    let policy: TimestampPolicy
    private(set) var step = 0
    private var models: [TableModel]

    init(seed: UInt64, policy: TimestampPolicy) throws {
        (self.seed, self.policy) = (seed, policy)
        models = try WorkloadTables.schemas().map { TableModel(schema: $0) }
    }

    private func advance(to goal: Int) throws {
        if goal < step {
            // A power cut took what was not synced.
            step = 0
            models = try WorkloadTables.schemas().map { TableModel(schema: $0) }
        }
        let schemas = models.map(\.schema)
        while step < goal {
            step += 1
            if Replay.drops(step) {
                models[Replay.dropped] = TableModel(schema: schemas[Replay.dropped])
                continue
            }
            let (planned, isOrdered) = Replay.plan(step, seed, policy, schemas)
            let now = Replay.start + .seconds(Int64(step))
            for (i, plan) in planned.enumerated() {
                try models[plan.table].apply(
                    plan.statement, timestamp: plan.timestamp ?? now.microseconds, ttl: plan.ttl,
                    order: isOrdered ? 2 * (i + 1) : 0, serial: step * 8 + i, now: now.seconds)
            }
        }
    }

    func check(_ directory: String, acknowledgedIn log: String, _ options: UInt64, _ what: String) throws {
        let acknowledged = try CommittingChild.acknowledged(log)
        let clock = SimulatedClock(wall: Replay.start)
        let store = try Replay.open(directory, options, clock)
        defer { store.close() }
        let reached = try Replay.step(of: store)
        clock.advance(by: .seconds(Int64(reached)))
        #expect(
            reached >= acknowledged, "\(what): \(acknowledged) acknowledged, \(reached) there; \(TestRun.replay)")
        try advance(to: reached)
        let snapshot = try store.snapshot()
        for (index, model) in models.enumerated() {
            // The next step may have dropped its table already, and may have made it anew.
            let isBetween = index == Replay.dropped && Replay.drops(reached + 1)
            guard let table = store.table(model.schema.keyspace, model.schema.name) else {
                #expect(isBetween, "\(what): a table is gone; \(TestRun.replay)")
                continue
            }
            let found = try Workload.rows(table, RowQuery(), snapshot)
            let wanted = try Workload.expected(model, clock.wall.seconds)
            let isRight = found == wanted || isBetween && found.isEmpty
            #expect(isRight, "\(what), step \(reached), \(model.schema.name), \(policy); \(TestRun.replay)")
        }
        for name in try FileManager.default.contentsOfDirectory(atPath: directory) where name.hasPrefix("kept") {
            try FileManager.default.removeItem(atPath: directory + "/" + name)
        }
    }
}
