import Foundation
import MillraceCore
import Testing

@testable import MillraceTables

/// The change feed against what was written: every subscriber sees exactly the committed changes of its scope, in the
/// order of commits, or is told of a gap and then sees all that follows it.
@Suite struct FeedModelTests {
    @Test func randomWorkloads() throws {
        for run in 0..<TestRun.count(40) {
            try FeedWorkload(seed: TestRun.seed &+ UInt64(run)).run(steps: 150)
        }
    }

    /// Many threads write while one follows: no commit is missing, none comes twice, all in order.
    @Test func writersBesideAReader() throws {
        let place = try StorePlace(inMemory: true)
        let store = try place.open()
        try store.createKeyspace("k")
        let table = try store.createTable(
            TableSchema.Builder("k", "t").partitionKey("p", .int).clustering("c", .int).column("v", .int).build())
        let (threads, commits) = (4, TestRun.count(300))
        let written = Lock<[CommitID: [Int32]]>([:])
        let done = DispatchSemaphore(value: 0)
        let subscription = try store.subscribe(.table(table))
        for thread in 0..<threads {
            Thread.detachNewThread {
                for c in 0..<commits {
                    do {
                        var commit = store.begin()
                        for v in 0..<Int32(1 + c % 3) {
                            let key: [Value] = [.int(Int32(thread)), .int(Int32(c) * 4 + v)]
                            try commit.put(table, key: key, [.int(v)])
                        }
                        let id = try store.commit(commit, synced: c % 50 == 0)
                        written.withLock { $0[id] = [Int32(thread), Int32(c), Int32(1 + c % 3)] }
                    } catch {
                        Issue.record(error)
                    }
                }
                done.signal()
            }
        }
        var seen: [(id: CommitID, rows: [RowChange])] = []
        while seen.count < threads * commits {
            guard case .changes(let changes) = try subscription.next() else {
                let ready = DispatchSemaphore(value: 0)
                subscription.whenReady { ready.signal() }
                if ready.wait(timeout: .now() + 60) == .timedOut {
                    Issue.record("after \(seen.count) commits nothing came for a minute")
                    return
                }
                continue
            }
            for change in changes {
                if seen.last?.id != change.commit { seen.append((change.commit, [])) }
                seen[seen.count - 1].rows.append(change)
            }
        }
        for _ in 0..<threads { done.wait() }
        let ids = seen.map(\.id)
        #expect(ids == ids.sorted() && Set(ids).count == ids.count)
        for (id, rows) in seen {
            guard let wanted = written.withLock({ $0[id] }) else {
                Issue.record("commit \(id) was never made")
                continue
            }
            let keys = rows.map(\.key)
            #expect(keys == (0..<wanted[2]).map { [.int(wanted[0]), .int(wanted[1] * 4 + $0)] })
        }
    }
}

/// Random commits and subscribers that read when it pleases them.
private final class FeedWorkload {
    struct Difference: Error { var description: String }
    struct Record {
        var id: CommitID
        var bytes: Int
        var planned: [Planned]
        var now: Int64
    }
    final class Follower {
        let scope: FeedScope
        let subscription: ChangeSubscription
        /// Commits it knows of.
        var position: CommitID
        init(_ scope: FeedScope, _ subscription: ChangeSubscription) {
            (self.scope, self.subscription, position) = (scope, subscription, subscription.position)
        }
    }

    let seed: UInt64
    var statements: WorkloadStatements
    let place: StorePlace
    let clock = SimulatedClock()
    let store: TableStore
    let capacity: Int
    var tables: [StoredTable] = []
    var commits: [Record] = []
    var followers: [Follower] = []

    init(seed: UInt64) throws {
        self.seed = seed
        statements = WorkloadStatements(random: SeededRandom(seed: seed))
        capacity = statements.random.oneIn(2) ? 3_000 : 8 << 20
        place = try StorePlace(clock: clock, inMemory: true)
        var options = Workload.options
        options.feedBytes = capacity
        store = try place.open(options)
        try store.createKeyspace("w")
        try store.createType(WorkloadTables.point)
        for schema in try WorkloadTables.schemas() { tables.append(try store.createTable(schema)) }
    }

    func run(steps: Int) throws {
        do {
            for _ in 0..<steps {
                switch statements.random.below(10) {
                case 0: try follow()
                case 1..<4: if !followers.isEmpty { try read(statements.random.pick(followers)) }
                default: try commit()
                }
            }
            for follower in followers { try read(follower) }
        } catch {
            throw Difference(description: "seed \(seed), \(capacity) bytes: \(error)")
        }
    }

    private func commit() throws {
        clock.advance(by: .seconds(1))
        let now = clock.wall.seconds
        var planned: [Planned] = []
        for _ in 0...statements.random.below(3) {
            let table = statements.random.below(tables.count)
            let plan = statements.plan(
                table, tables[table].schema, policy: .any, isOrdered: false, beside: planned, now: now)
            if let plan { planned.append(plan) }
        }
        var commit = store.begin()
        for plan in planned { try Workload.add(plan.statement, to: &commit, tables[plan.table], plan.options) }
        let bytes = commit.byteCount
        let id = try store.commit(commit, synced: false)
        commits.append(Record(id: id, bytes: bytes, planned: planned, now: now))
    }

    private func follow() throws {
        let index = statements.random.below(tables.count)
        let (table, schema) = (tables[index], tables[index].schema)
        let scope: FeedScope
        switch statements.random.below(schema.clustering.isEmpty ? 2 : 3) {
        case 0: scope = FeedScope(table: index, schema: schema)
        case 1: scope = FeedScope(table: index, schema: schema, partition: statements.partition(schema))
        default:
            scope = FeedScope(
                table: index, schema: schema, partition: statements.partition(schema),
                range: statements.range(schema))
        }
        let wanted: ChangeScope =
            if let range = scope.range, let partition = scope.partition {
                .range(table, partition: partition, Workload.range(range))
            } else if let partition = scope.partition {
                .partition(table, partition)
            } else {
                .table(table)
            }
        let after = statements.random.oneIn(2) ? commits.randomElement(using: &statements.random)?.id : nil
        followers.append(Follower(scope, try store.subscribe(wanted, after: after)))
    }

    /// Everything there is for one follower now.
    private func read(_ follower: Follower) throws {
        while true {
            let behind = commits.drop { $0.id <= follower.position }
            switch try follower.subscription.next() {
            case .closed: throw Difference(description: "closed")
            case .nothing:
                if let missed = behind.first(where: { !follower.scope.lines($0.planned, $0.id, $0.now).isEmpty }) {
                    throw Difference(description: "nothing, but commit \(missed.id) was not told: \(missed.planned)")
                }
                follower.position = commits.last?.id ?? follower.position
                return
            case .gap(let resumesAfter):
                let lost = behind.prefix { $0.id <= resumesAfter }
                // What the bytes of a commit are in the feed is a little more than what was put in.
                let most = behind.reduce(0) { $0 + $1.bytes + 200 }
                guard resumesAfter > follower.position, !lost.isEmpty, most > capacity else {
                    throw Difference(
                        description: "a gap to \(resumesAfter) at \(follower.position), \(most) bytes behind")
                }
                follower.position = resumesAfter
            case .changes(let changes):
                let last = follower.subscription.position
                let wanted = behind.prefix { $0.id <= last }.flatMap { record in
                    follower.scope.lines(record.planned, record.id, record.now)
                }
                let found = try changes.compactMap { try follower.scope.line($0) }
                guard found == wanted else {
                    let at = zip(found, wanted).prefix { $0 == $1 }.count
                    throw Difference(
                        description: """
                            change \(at) of \(follower.scope.schema.name) is
                              \(found.dropFirst(at).first ?? "nothing")
                            and should be
                              \(wanted.dropFirst(at).first ?? "nothing")
                            """)
                }
                follower.position = last
            }
        }
    }
}
