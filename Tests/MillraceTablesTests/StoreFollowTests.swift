import Foundation
import MillraceCore
import Testing

@testable import MillraceTables

/// The change feed, conditional writes, counters, paging while data changes, snapshots and purging.
@Suite struct StoreFollowTests {
    private func store(
        _ clock: any RuntimeClock = SystemClock(), _ options: TableStoreOptions = TableStoreOptions()
    ) throws -> (StorePlace, TableStore, StoredTable) {
        let place = try StorePlace(clock: clock)
        let store = try place.open(options)
        try store.createKeyspace("k")
        let table = try store.createTable(
            TableSchema.Builder("k", "t").partitionKey("p", .int).clustering("c", .int).column("v", .int).build())
        return (place, store, table)
    }

    private func put(_ store: TableStore, _ table: StoredTable, _ p: Int, _ c: Int, _ v: Int) throws -> CommitID {
        var commit = store.begin()
        try commit.put(table, key: [.int(Int32(p)), .int(Int32(c))], [.int(Int32(v))])
        return try store.commit(commit, synced: false)
    }

    @Test func subscribersGetChangesInTheOrderOfCommits() throws {
        let (place, store, table) = try store()
        defer { withExtendedLifetime(place) {} }
        let whole = try store.subscribe(.table(table))
        let one = try store.subscribe(.partition(table, [.int(1)]))
        let range = try store.subscribe(
            .range(table, partition: [.int(1)], ClusteringRange(from: .init([.int(5)], inclusive: true))))
        var ids: [CommitID] = []
        for i in 0..<30 { ids.append(try put(store, table, i % 3, i / 3, i)) }
        func all(_ subscription: ChangeSubscription) throws -> [RowChange] {
            var changes: [RowChange] = []
            while case .changes(let more) = try subscription.next() { changes += more }
            return changes
        }
        let changes = try all(whole)
        #expect(changes.map(\.commit) == ids)
        #expect(changes.map { $0.cells.first?.value } == (0..<30).map { .int(Int32($0)) })
        #expect(try all(one).count == 10)
        #expect(try all(range).map { $0.key[1] } == (5..<10).map { .int(Int32($0)) })
        // From a position in the middle.
        let later = try store.subscribe(.table(table), after: ids[19])
        #expect(try all(later).map(\.commit) == Array(ids[20...]))
        let woken = Lock(0)
        whole.whenReady { woken.withLock { $0 += 1 } }
        var commit = store.begin()
        try commit.delete(partition: [.int(1)], from: table)
        try store.commit(commit)
        #expect(woken.withLock { $0 } == 1)
        guard case .rangeDeleted(let deleted) = try #require(try all(whole).first).kind else {
            Issue.record("not a deletion")
            return
        }
        #expect(deleted.isWholePartition)
    }

    @Test func whoFallsBehindIsTold() throws {
        var options = TableStoreOptions()
        options.feedBytes = 4_000
        let (place, store, table) = try store(SystemClock(), options)
        defer { withExtendedLifetime(place) {} }
        let subscription = try store.subscribe(.table(table))
        var ids: [CommitID] = []
        for i in 0..<500 { ids.append(try put(store, table, i, 0, i)) }
        guard case .gap(let resumesAfter) = try subscription.next() else {
            Issue.record("no gap")
            return
        }
        var seen: [CommitID] = []
        while case .changes(let more) = try subscription.next() { seen += more.map(\.commit) }
        #expect(seen == ids.filter { $0 > resumesAfter })
        #expect(seen.last == ids.last && seen.count < ids.count)
        // A position from before the store was opened is a gap, not silence.
        store.close()
        let again = try place.open()
        let old = try again.subscribe(.table(try again.require("k", "t")), after: ids[400])
        guard case .gap = try old.next() else {
            Issue.record("no gap after reopening")
            return
        }
    }

    @Test func ofManyThatInsertIfAbsentOneWins() throws {
        let (place, store, table) = try store()
        defer { withExtendedLifetime(place) {} }
        let winners = Lock<[Int]>([])
        let threads = 8
        let done = DispatchSemaphore(value: 0)
        for thread in 0..<threads {
            Thread.detachNewThread {
                for row in 0..<10 {
                    var commit = store.begin()
                    commit.requireAbsent(table, key: [.int(1), .int(Int32(row))])
                    do {
                        try commit.put(table, key: [.int(1), .int(Int32(row))], [.int(Int32(thread))])
                        if try store.attempt(commit).isApplied { winners.withLock { $0.append(row) } }
                    } catch {
                        Issue.record(error)
                    }
                }
                done.signal()
            }
        }
        for _ in 0..<threads { done.wait() }
        let statistics = try store.statistics()
        #expect(statistics.commits >= 12 && statistics.groups <= statistics.commits)
        #expect(winners.withLock { $0.sorted() } == Array(0..<10))
    }

    @Test func conditionsCompareAndShowWhatTheyMet() throws {
        let (place, store, table) = try store()
        defer { withExtendedLifetime(place) {} }
        let v = try table.schema.require("v")
        _ = try put(store, table, 1, 1, 10)
        func attempt(_ test: Condition.Test, _ value: Int32) throws -> Attempt {
            var commit = store.begin()
            commit.require(Condition(table, key: [.int(1), .int(1)], [test]))
            try commit.put(table, key: [.int(1), .int(1)], [.int(value)])
            return try store.attempt(commit)
        }
        #expect(try attempt(.column(v, .equal, .int(10)), 11).isApplied)
        guard case .refused(let rows) = try attempt(.column(v, .equal, .int(10)), 12) else {
            Issue.record("applied")
            return
        }
        #expect(rows.first??["v"] == .int(11))
        #expect(try attempt(.column(v, .greater, .int(10)), 13).isApplied)
        #expect(try !attempt(.notExists, 14).isApplied)
        #expect(try store.row(table, key: [.int(1), .int(1)])?["v"] == .int(13))
    }

    @Test func countersAddUpOverThreads() throws {
        let place = try StorePlace()
        let store = try place.open()
        try store.createKeyspace("k")
        let table = try store.createTable(
            TableSchema.Builder("k", "hits").partitionKey("p", .text).column("n", .counter).build())
        let n = try table.schema.require("n")
        let done = DispatchSemaphore(value: 0)
        for _ in 0..<4 {
            Thread.detachNewThread {
                for i in 0..<100 {
                    do {
                        var commit = store.begin()
                        try commit.update(table, key: [.text("x")], [Assignment(n, .increment(Int64(i)))])
                        try store.commit(commit, synced: false)
                        if i % 30 == 0 { try store.flush() }
                    } catch {
                        Issue.record(error)
                    }
                }
                done.signal()
            }
        }
        for _ in 0..<4 { done.wait() }
        #expect(try store.row(table, key: [.text("x")])?["n"] == .bigint(4 * 4_950))
        try store.compact()
        #expect(try store.row(table, key: [.text("x")])?["n"] == .bigint(4 * 4_950))
        var commit = store.begin()
        #expect(throws: Failure.self) {
            try commit.update(table, key: [.text("x")], [Assignment(n, .set(.bigint(1)))])
        }
        #expect(throws: Failure.self) {
            try commit.update(table, key: [.text("x")], [Assignment(n, .increment(1))], WriteOptions(ttl: 3))
        }
    }

    @Test func pagesNeitherMissNorRepeatWhileDataChanges() throws {
        var random = TestRun.random("pages")
        let (place, store, table) = try store()
        defer { withExtendedLifetime(place) {} }
        for p in 0..<10 { for c in 0..<30 { _ = try put(store, table, p, c * 2, 0) } }
        for query in [
            RowQuery(), RowQuery(.all, perPartitionLimit: 25), .partition([.int(3)], order: .reversed),
            RowQuery(.keys([[.int(5)], [.int(2)]]), limit: 47),
        ] {
            var seen: [[Value]] = []
            var state: PagingState?
            repeat {
                let page = try store.snapshot().page(table, query, size: 1 + random.below(20), after: state)
                seen += page.rows.map(\.key)
                // Odd rows come and go between the pages; even ones stay.
                for _ in 0..<5 {
                    let (p, c) = (random.below(10), random.below(30) * 2 + 1)
                    if random.oneIn(2) {
                        _ = try put(store, table, p, c, 1)
                    } else {
                        var commit = store.begin()
                        try commit.delete(from: table, key: [.int(Int32(p)), .int(Int32(c))])
                        try store.commit(commit, synced: false)
                    }
                }
                state = page.next
            } while state != nil
            #expect(Set(seen).count == seen.count, "a row came twice; \(TestRun.replay)")
            if query.limit == nil, query.perPartitionLimit == nil {
                let even = seen.filter { if case .int(let c) = $0[1] { c % 2 == 0 } else { false } }
                if case .all = query.partitions { #expect(even.count == 300) } else { #expect(even.count == 30) }
            }
            if let limit = query.limit { #expect(seen.count == limit) }
        }
    }

    @Test func aPagingStateThatWasChangedIsRefused() throws {
        var random = TestRun.random("paging state")
        let (place, store, table) = try store()
        defer { withExtendedLifetime(place) {} }
        for c in 0..<30 { _ = try put(store, table, 1, c, 0) }
        let state = try #require(try store.snapshot().page(table, size: 10).next)
        for _ in 0..<TestRun.count(2_000) {
            var bytes = state.bytes
            switch random.below(3) {
            case 0: bytes[random.below(bytes.count)] ^= UInt8(1 << random.below(8))
            case 1: bytes.removeLast(1 + random.below(bytes.count))
            default: bytes = (0..<random.below(64)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            }
            let failure = #expect(throws: Failure.self, TestRun.replay) {
                try store.snapshot().page(table, size: 10, after: PagingState(bytes: bytes))
            }
            #expect(failure?.code == .invalidArgument)
        }
        #expect(throws: Failure.self) {
            try store.snapshot().page(table, .partition([.int(1)], order: .reversed), size: 10, after: state)
        }
    }

    @Test func whatHasExpiredLeavesTheDisk() throws {
        let clock = SimulatedClock()
        let place = try StorePlace(clock: clock)
        let store = try place.open()
        try store.createKeyspace("k")
        let table = try store.createTable(
            TableSchema.Builder("k", "t").partitionKey("p", .int).column("a", .int).column("b", .int).build())
        let a = try table.schema.require("a"), b = try table.schema.require("b")
        for i in Int32(0)..<100 {
            var commit = store.begin()
            try commit.insert(
                into: table, key: [.int(i)], [Assignment(a, .set(.int(i))), Assignment(b, .set(.int(i)))],
                WriteOptions(ttl: 10))
            if i % 2 == 0 {
                try commit.update(table, key: [.int(i)], [Assignment(b, .set(.int(7)))], WriteOptions(ttl: 20))
            }
            try store.commit(commit, synced: false)
            if i % 10 == 0 { try store.flush() }
        }
        #expect(try store.row(table, key: [.int(5)], origins: true)?.ttl("a") == 10)
        clock.advance(by: .seconds(11))
        #expect(try store.row(table, key: [.int(5)]) == nil)
        #expect(try store.row(table, key: [.int(4)])?["b"] == .int(7))
        #expect(try store.row(table, key: [.int(4)])?["a"] == nil)
        try store.compact(table)
        #expect(try store.row(table, key: [.int(4)])?["b"] == .int(7))
        clock.advance(by: .seconds(200))
        try store.compact(table)
        #expect(try Self.storedKeys(store, table) == 0)
    }

    static func storedKeys(_ store: TableStore, _ table: StoredTable) throws -> Int {
        let cursor = DatabaseCursor(DatabaseSnapshot(try store.database()), table.rows)
        cursor.seekToFirst()
        var count = 0
        while cursor.isValid {
            count += 1
            cursor.next()
        }
        try cursor.check()
        return count
    }

    @Test func aSnapshotIsAMomentThatCanBeKeptAndRestored() throws {
        let (place, store, table) = try store()
        for c in 0..<50 { _ = try put(store, table, 1, c, c) }
        let kept = place.directory + "/kept"
        try store.snapshot(into: kept)
        for c in 0..<100 { _ = try put(store, table, 1, c, -1) }
        let then = try TableStore.open(snapshot: kept, clock: SystemClock())
        var cursor = try then.snapshot().rows(try then.require("k", "t"))
        var values: [Value?] = []
        while let row = try cursor.next() { values.append(row["v"]) }
        #expect(values == (0..<50).map { .int(Int32($0)) })
        #expect(throws: Failure.self) { try then.commit(then.begin()) }
        then.close()
        try TableStore.restore(snapshot: kept, to: place.directory + "/restored", clock: SystemClock())
        let restored = try TableStore.open(directory: place.directory + "/restored", clock: SystemClock())
        #expect(try restored.row(try restored.require("k", "t"), key: [.int(1), .int(49)])?["v"] == .int(49))
        #expect(try restored.verify().isComplete)
        _ = try put(restored, try restored.require("k", "t"), 9, 9, 9)
        // Neither goes into what is there.
        func refusal(_ body: () throws(Failure) -> Void) -> Failure.Code? {
            do throws(Failure) { try body() } catch { return error.code }
            return nil
        }
        let target = place.directory + "/restored"
        #expect(
            refusal { () throws(Failure) in
                try TableStore.restore(snapshot: kept, to: target, clock: SystemClock())
            } == .alreadyExists)
        #expect(refusal { () throws(Failure) in try store.snapshot(into: kept) } == .alreadyExists)
    }

    @Test func fewRowsAreCountedAndManyEstimated() throws {
        let (place, store, table) = try store()
        defer { withExtendedLifetime(place) {} }
        for c in 0..<30 { _ = try put(store, table, c % 4, c, c) }
        #expect(try store.size(of: table).rows == 30)
        for c in 0..<4_000 { _ = try put(store, table, 1, c, c) }
        #expect(try store.size(of: table).rows >= Limits.countedRows)
        try store.compact()
        #expect((3_000...5_000).contains(try store.size(of: table).rows))
    }

    @Test func aSchemaChangeIsWholeOrNothing() throws {
        let (place, store, table) = try store()
        _ = try put(store, table, 1, 1, 1)
        #expect(throws: Failure.self) { try store.createTable(table.schema) }
        #expect(throws: Failure.self) {
            try store.alterTable("k", "t") { schema throws(Failure) in try schema.dropping("c") }
        }
        #expect(throws: Failure.self) { try store.dropKeyspace("k") }
        let wider = try store.alterTable("k", "t") { schema throws(Failure) in try schema.adding("w", .text) }
        var commit = store.begin()
        try commit.update(wider, key: [.int(1), .int(1)], [Assignment(wider.schema.require("w"), .set(.text("x")))])
        try store.commit(commit)
        try store.alterTable("k", "t") { schema throws(Failure) in try schema.dropping("w") }
        try store.alterTable("k", "t") { schema throws(Failure) in try schema.adding("w", .text) }
        try store.alterTable("k", "t") { schema throws(Failure) in try schema.renaming("c", to: "d") }
        store.close()
        let again = try place.open()
        let reread = try again.require("k", "t")
        let row = try #require(try again.row(reread, key: [.int(1), .int(1)]))
        #expect(row["v"] == .int(1) && row["w"] == nil && row["d"] == .int(1))
        try again.dropTable("k", "t")
        #expect(again.table("k", "t") == nil)
        #expect(try Self.storedKeys(again, reread) == 0)
    }
}
