import Foundation
import MillraceCore
import Testing

@testable import MillraceTables

/// What is dead leaves the disk without anybody asking.
@Suite struct StoreUpkeepTests {
    /// A store that is looked after, with one table.
    private final class Cared {
        let clock = SimulatedClock()
        let place: StorePlace
        let store: TableStore
        let table: StoredTable

        init(grace: TimeSpan = .zero) throws {
            place = try StorePlace(clock: clock)
            var options = TableStoreOptions()
            // Small files, so that some lie wholly inside what expires.
            options.tuning = { database in
                database.writeBufferBytes = 256 << 10
                database.fileBytes = 64 << 10
                database.levelBaseBytes = 256 << 10
                database.compresses = false
            }
            store = try place.open(options)
            try store.createKeyspace("k")
            table = try store.createTable(
                TableSchema.Builder("k", "t").partitionKey("p", .int).clustering("c", .int).column("v", .blob)
                    .column("w", .int).build(), tombstoneGrace: grace)
        }

        func fill(_ rows: Range<Int>, partition: Int32 = 1, ttl: Int32?) throws {
            for base in stride(from: rows.lowerBound, to: rows.upperBound, by: 500) {
                var commit = store.begin(ties: .byOrder)
                for c in base..<min(base + 500, rows.upperBound) {
                    try commit.put(
                        table, key: [.int(partition), .int(Int32(c))],
                        [.blob([UInt8](repeating: UInt8(truncatingIfNeeded: c), count: 100)), nil],
                        WriteOptions(ttl: ttl))
                }
                try store.commit(commit, synced: false)
            }
        }

        /// Lets the store's own thread have its turns for `span` of simulated time, until `done`.
        ///
        /// A turn may begin while the clock jumps, and then seems to take as long as the jump: so the span is long.
        func live(_ span: TimeSpan, rounds count: Int = 24, until done: () throws -> Bool) throws -> Bool {
            for _ in 0..<count {
                let rounds = store.care?.rounds ?? 0
                clock.advance(by: max(Limits.upkeepInterval, .microseconds(span.microseconds / Int64(count))))
                while store.care?.rounds == rounds { usleep(1_000) }
                if try done() { return true }
            }
            return try done()
        }

        var keys: Int { get throws { try StoreFollowTests.storedKeys(store, table) } }
        var bytes: Int { get throws { try store.statistics().fileBytes } }
    }

    @Test func whatHasExpiredLeavesTheDiskByItself() throws {
        let cared = try Cared()
        try cared.fill(0..<5_000, ttl: 100)
        try cared.fill(0..<300, partition: 2, ttl: nil)
        try cared.store.flush()
        let before = try cared.bytes
        #expect(before > 500_000)
        // Nobody is forgotten before its time.
        cared.clock.advance(by: .seconds(30))
        #expect(try !cared.live(.minutes(1), rounds: 2) { try cared.keys != 5_300 })
        #expect(try cared.live(.minutes(10)) { try cared.keys == 300 && cared.bytes < before / 8 })
        var cursor = try cared.store.snapshot().rows(cared.table)
        var rows = 0
        while try cursor.next() != nil { rows += 1 }
        #expect(rows == 300)
        #expect(cared.store.upkeepFailure == nil)
        // With nothing left that dies it rests.
        let purged = try cared.store.statistics().purgedRows
        #expect(purged >= 5_000)
        cared.store.close()
    }

    /// Expired rows here and there among others, and cells of rows that stay.
    @Test func scatteredDeathsToo() throws {
        let cared = try Cared()
        try cared.fill(0..<2_000, ttl: nil)
        let w = try cared.table.schema.require("w")
        var commit = cared.store.begin()
        for c in stride(from: 0, to: 2_000, by: 3) {
            let key: [Value] = [.int(1), .int(Int32(c))]
            if c % 2 == 0 {
                try commit.put(cared.table, key: key, [.blob([1]), .int(1)], WriteOptions(ttl: 50))
            } else {
                try commit.update(cared.table, key: key, [Assignment(w, .set(.int(7)))], WriteOptions(ttl: 50))
            }
        }
        try cared.store.commit(commit)
        #expect(try cared.live(.days(60)) { try cared.keys == 2_000 - 334 })
        var cursor = try cared.store.snapshot().rows(cared.table)
        var seen = 0
        while let row = try cursor.next() {
            seen += 1
            #expect(row["w"] == nil)
        }
        #expect(seen == 2_000 - 334)
        cared.store.close()
    }

    /// A write with an older timestamp that came in time is not brought back by the purging of what covers it.
    @Test func aGraceIsKept() throws {
        let cared = try Cared(grace: .seconds(200))
        let (store, table) = (cared.store, cared.table)
        let base = cared.clock.wall.microseconds
        func put(_ c: Int32, at time: Int64) throws {
            var commit = store.begin()
            try commit.put(table, key: [.int(1), .int(c)], [.blob([1]), nil], WriteOptions(timestamp: time))
            try store.commit(commit)
        }
        var commit = store.begin()
        for c in Int32(0)..<2_000 {
            try commit.put(table, key: [.int(1), .int(c)], [.blob([1]), nil], WriteOptions(timestamp: base))
        }
        try store.commit(commit)
        commit = store.begin()
        for c in Int32(0)..<1_000 { try commit.delete(from: table, key: [.int(1), .int(c)]) }
        try commit.delete(
            ClusteringRange(from: .init([.int(1_500)], inclusive: true)), ofPartition: [.int(1)], from: table)
        try store.commit(commit)
        try store.compact()
        // Late, and covered.
        for c in [Int32(3), 500, 1_501, 1_999, 2_500] { try put(c, at: base + 1) }
        func live() throws -> Int {
            var cursor = try store.snapshot().rows(table)
            var rows = 0
            while try cursor.next() != nil { rows += 1 }
            return rows
        }
        let rows = try live()
        #expect(rows == 500)
        #expect(try cared.live(.days(60)) { try cared.keys == rows })
        #expect(store.upkeepFailure == nil)
        #expect(try live() == rows)
        // The range's list went too: a later write of that time is there.
        try put(1_600, at: base + 1)
        #expect(try live() == rows + 1)
        store.close()
    }

    /// Closing does not wait for a purge to end, and nothing of it is lost or half done.
    @Test func closingEndsIt() throws {
        let cared = try Cared()
        try cared.fill(0..<20_000, ttl: 1)
        try cared.fill(0..<100, partition: 2, ttl: nil)
        cared.clock.advance(by: .seconds(200))
        cared.store.close()
        var options = TableStoreOptions()
        options.upkeepInterval = nil
        let again = try cared.place.open(options)
        let table = try again.require("k", "t")
        var cursor = try again.snapshot().rows(table)
        var rows = 0
        while try cursor.next() != nil { rows += 1 }
        #expect(rows == 100)
        #expect(try again.verify().isComplete)
        try again.purge(table)
        #expect(try StoreFollowTests.storedKeys(again, table) == 100)
    }
}

/// Where a partition's range deletions overlap, the latest counts, in whatever order they come.
@Suite struct RangeDeletionTests {
    @Test func theUnionIsNormalAndSaysTheSame() throws {
        var random = TestRun.random("ranges")
        for _ in 0..<TestRun.count(2_000) {
            func list() -> [RangeDeletions.Entry] {
                (0..<random.below(6)).map { _ in
                    let bounds = [UInt8(random.below(12)), UInt8(random.below(12))].sorted()
                    return .init(
                        lower: [2, bounds[0]], upper: [2, bounds[1]],
                        deletion: Deletion(timestamp: Int64(random.below(5)), seconds: Int64(random.below(2))))
                }
            }
            let lists = [list(), list(), list()]
            let merged = RangeDeletions.merge(lists)
            #expect(RangeDeletions.isNormal(merged), TestRun.replay)
            for point in UInt8(0)..<13 {
                for suffix in [[2, point], [2, point, 0]] as [[UInt8]] {
                    let covering = lists.joined().filter {
                        !suffix.lexicographicallyPrecedes($0.lower) && suffix.lexicographicallyPrecedes($0.upper)
                    }
                    let latest = covering.map(\.deletion).max {
                        ($0.timestamp, $0.seconds) < ($1.timestamp, $1.seconds)
                    }
                    let found = suffix.withUnsafeBytes { RangeDeletions.deletion(of: $0, in: merged) }
                    #expect(found == latest ?? .none, "\(lists) at \(suffix); \(TestRun.replay)")
                }
            }
            let left = RangeDeletions.merge([RangeDeletions.merge([lists[0], lists[1]]), lists[2]])
            let right = RangeDeletions.merge([lists[0], RangeDeletions.merge([lists[2], lists[1]])])
            #expect(left == merged && right == merged, "\(lists); \(TestRun.replay)")
        }
    }

    /// Very many in one partition: read, merged and written without the time going with the square.
    @Test func manyInOnePartition() throws {
        let place = try StorePlace(inMemory: true)
        let store = try place.open()
        try store.createKeyspace("k")
        let table = try store.createTable(
            TableSchema.Builder("k", "t").partitionKey("p", .int).clustering("c", .int).column("v", .int).build(),
            tombstoneGrace: .days(10))
        let count = Int32(TestRun.count(3_000))
        var commit = store.begin()
        for c in 0..<count {
            try commit.put(table, key: [.int(1), .int(c)], [.int(c)], WriteOptions(timestamp: 1))
            guard c % 2 == 0 else { continue }
            try commit.delete(.prefix([.int(c)]), ofPartition: [.int(1)], from: table)
        }
        try store.commit(commit)
        try store.compact()
        var cursor = try store.snapshot().rows(table, .partition([.int(1)]))
        var found: [Int32] = []
        while let row = try cursor.next() { if case .int(let c) = row.key[1] { found.append(c) } }
        #expect(found == (0..<count).filter { $0 % 2 == 1 })
        #expect(cursor.tombstones >= Int(count) / 2)
        #expect(try store.row(table, key: [.int(1), .int(4)]) == nil)
        #expect(try store.row(table, key: [.int(1), .int(5)])?["v"] == .int(5))
    }
}
