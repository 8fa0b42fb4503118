import Foundation
import MillraceCore
import Testing

@testable import MillraceTables

/// The stored form of rows: merging is associative, and no bytes make it trap.
@Suite struct StoreCellTests {
    /// A row of random cells, times close to each other so that ties happen.
    ///
    /// - Parameter counters: the place in the order of commits, with which a counter's times grow. Rows of counters are
    ///   deleted by RocksDB, never by what is stored in them.
    static func row(_ random: inout SeededRandom, counters: Int? = nil) -> [UInt8] {
        var writer = RowWriter()
        let base = Int64(counters.map { $0 / 2 } ?? random.below(6))
        let deletion =
            counters == nil && random.oneIn(6)
            ? Deletion(timestamp: Int64(random.below(6)), seconds: 1) : .none
        let marker =
            random.oneIn(2)
            ? Marker(timestamp: base, ttl: random.oneIn(3) ? 5 : 0, expiry: Int64(random.below(3))) : nil
        writer.begin(base: base, deletion: deletion, marker: marker)
        for column in UInt32(0)..<4 where random.oneIn(2) {
            if counters != nil {
                if random.oneIn(4) {
                    writer.dead(UInt16(column), CellFlags.tombstone, seconds: 1)
                    continue
                }
                writer.counter(column, Int64(random.below(9)), timestamp: base, reset: false)
                continue
            }
            let paths: [[UInt8]] = column < 2 ? [[]] : (0..<UInt8(3)).filter { _ in random.oneIn(2) }.map { [$0] }
            if column >= 2, random.oneIn(3) {
                writer.dead(UInt16(column), CellFlags.collection, seconds: 1, before: Int64(random.below(2)))
            }
            for path in paths {
                let value = [UInt8(random.below(3))]
                path.withUnsafeBytes { path in
                    value.withUnsafeBytes { value in
                        let isDead = random.oneIn(4)
                        let isExpiring = !isDead && random.oneIn(4)
                        writer.cell(
                            Cell(
                                column: column,
                                flags: isDead
                                    ? CellFlags.tombstone : isExpiring ? CellFlags.expiring : CellFlags.live,
                                timestamp: Int64(random.below(6)), seconds: isDead ? Int64(random.below(3)) : 0,
                                ttl: isExpiring ? 5 : 0, expiry: isExpiring ? Int64(random.below(3)) : 0, path: path,
                                value: value))
                    }
                }
            }
        }
        return writer.bytes
    }

    static func merge(_ rows: [[UInt8]]) throws -> [UInt8] {
        try StoredMerge.merge(nil, count: rows.count) { i in
            // Lent beyond the call: the arrays live as long as `rows` does.
            rows[i].withUnsafeBytes { $0 }
        }
    }

    /// A row as what it says, whatever its base is.
    static func content(_ bytes: [UInt8]) throws -> [String] {
        try bytes.withUnsafeBytes { bytes in
            let (head, start) = try RowHead.read(bytes)
            var cursor = start
            var lines = ["\(head.deletion) \(head.marker.map { "\($0)" } ?? "-")"]
            while let cell = try cursor.cell(base: head.base) {
                lines.append(
                    "\(cell.column) \(cell.kind) \(cell.flags & CellFlags.reset) \(cell.timestamp) \(cell.seconds)"
                        + " \(cell.ttl) \(cell.expiry) \(Array(cell.path)) \(Array(cell.value))")
            }
            return lines
        }
    }

    @Test func mergingIsAssociative() throws {
        var random = TestRun.random("associative")
        for _ in 0..<TestRun.count(3_000) {
            let counters = random.oneIn(4)
            let rows = (0..<3).map { Self.row(&random, counters: counters ? $0 : nil) }
            let left = try Self.merge([try Self.merge([rows[0], rows[1]]), rows[2]])
            let right = try Self.merge([rows[0], try Self.merge([rows[1], rows[2]])])
            #expect(try Self.content(left) == Self.content(right), "\(rows); \(TestRun.replay)")
        }
    }

    @Test func exceptForCountersMergingIsCommutativeAndIdempotent() throws {
        var random = TestRun.random("commutative")
        for _ in 0..<TestRun.count(3_000) {
            let (a, b) = (Self.row(&random), Self.row(&random))
            let merged = try Self.merge([a, b])
            #expect(try Self.content(merged) == Self.content(try Self.merge([b, a])), "\(a) \(b); \(TestRun.replay)")
            #expect(
                try Self.content(try Self.merge([merged, b])) == Self.content(merged), "\(a) \(b); \(TestRun.replay)")
        }
    }

    /// Any bytes in place of rows: an error or a row, never a trap. In release, the address sanitizer adds to this.
    @Test func noBytesTrap() throws {
        var random = TestRun.random("bytes")
        var read = 0
        for _ in 0..<TestRun.count(20_000) {
            var bytes = Self.row(&random)
            for _ in 0..<1 + random.below(4) {
                switch random.below(4) {
                case 0: bytes[random.below(bytes.count)] ^= UInt8(1 << random.below(8))
                case 1: bytes[random.below(bytes.count)] = random.oneIn(2) ? 0xFF : 0x80
                case 2: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: random.below(bytes.count))
                default: if bytes.count > 1 { bytes.removeLast(random.below(bytes.count)) }
                }
            }
            let other = Self.row(&random)
            do {
                let merged = try Self.merge([bytes, other])
                _ = try Self.content(merged)
                _ = try merged.withUnsafeBytes { try RowMerge.trim($0, by: Deletion(timestamp: 3, seconds: 0)) }
                _ = try merged.withUnsafeBytes { try PurgeRules.purge($0, PurgeRules.Table(grace: 1), now: 100) }
                read += 1
            } catch is RowFault {}
            do { _ = try bytes.withUnsafeBytes { try RangeDeletions.read($0) } } catch is RowFault {}
        }
        #expect(read > 100)
    }

    /// What purging forgets changes nothing that a reader at the time could see.
    @Test func purgingIsInvisible() throws {
        var random = TestRun.random("purge")
        for _ in 0..<TestRun.count(3_000) {
            let row = try Self.merge([Self.row(&random), Self.row(&random)])
            let now = Int64(random.below(4)) + Limits.purgeMarginSeconds
            func visible(_ bytes: [UInt8]) throws -> [String] {
                try bytes.withUnsafeBytes { bytes in
                    let (head, start) = try RowHead.read(bytes)
                    var cursor = start
                    var lines: [String] = []
                    if let marker = head.marker, marker.isLive(at: now) { lines.append("marker") }
                    while let cell = try cursor.cell(base: head.base) {
                        if cell.isLive(at: now) {
                            lines.append("\(cell.column) \(Array(cell.path)) \(Array(cell.value))")
                        }
                    }
                    return lines
                }
            }
            let verdict = try row.withUnsafeBytes { try PurgeRules.purge($0, PurgeRules.Table(), now: now) }
            switch verdict {
            case .keep: break
            case .drop: #expect(try visible(row).isEmpty, TestRun.replay)
            case .replace(let bytes): #expect(try visible(bytes) == visible(row), TestRun.replay)
            }
        }
    }

    /// Range deletions of a careful table are forgotten with what they cover, and nothing else.
    @Test func oldRangeDeletionsAreSwept() throws {
        let clock = SimulatedClock()
        let place = try StorePlace(clock: clock)
        let store = try place.open()
        try store.createKeyspace("k")
        let table = try store.createTable(
            TableSchema.Builder("k", "t").partitionKey("p", .int).clustering("c", .int).column("v", .int).build(),
            tombstoneGrace: .seconds(100))
        func put(_ p: Int32, _ c: Int32) throws {
            var commit = store.begin()
            try commit.put(table, key: [.int(p), .int(c)], [.int(c)])
            try store.commit(commit, synced: false)
        }
        for p in Int32(0)..<3 { for c in Int32(0)..<10 { try put(p, c) } }
        var commit = store.begin()
        try commit.delete(
            ClusteringRange(from: .init([.int(3)], inclusive: true), to: .init([.int(6)], inclusive: true)),
            ofPartition: [.int(1)], from: table)
        try commit.delete(partition: [.int(2)], from: table)
        try store.commit(commit)
        try put(1, 5)
        func there() throws -> [[Value]] {
            var cursor = try store.snapshot().rows(table)
            var keys: [[Value]] = []
            while let row = try cursor.next() { keys.append(row.key) }
            return keys
        }
        let before = try there()
        #expect(before.count == 10 + 7)
        try store.purge(table)
        // Within the grace an older write stays covered.
        var late = store.begin()
        try late.put(table, key: [.int(2), .int(1)], [.int(1)], WriteOptions(timestamp: 1))
        try store.commit(late)
        #expect(try there() == before)
        clock.advance(by: .seconds(200))
        try store.purge(table)
        #expect(try there() == before)
        #expect(try StoreFollowTests.storedKeys(store, table) == before.count)
    }

    /// A whole row has no cell for a column that is added later, so the deletion before it has to stay.
    @Test func aDeletionCoversOlderWritesToColumnsAddedLater() throws {
        let place = try StorePlace()
        let store = try place.open()
        try store.createKeyspace("k")
        var table = try store.createTable(
            TableSchema.Builder("k", "t").partitionKey("p", .int).column("v", .int).build(),
            tombstoneGrace: .days(10))
        var commit = store.begin()
        try commit.delete(from: table, key: [.int(1)], WriteOptions(timestamp: 20))
        try store.commit(commit)
        commit = store.begin()
        try commit.put(table, key: [.int(1)], [.int(1)])
        try store.commit(commit)
        table = try store.alterTable("k", "t") { (schema) throws(Failure) in try schema.adding("w", .int) }
        let w = try table.schema.require("w")
        for (timestamp, expected) in [(Int64(20), nil), (21, Value.int(21))] {
            var late = store.begin()
            try late.update(
                table, key: [.int(1)], [Assignment(w, .set(.int(Int32(timestamp))))],
                WriteOptions(timestamp: timestamp))
            try store.commit(late)
            for _ in 0..<2 {
                let row = try #require(try store.row(table, key: [.int(1)]))
                #expect(row.values == [.int(1), expected], "\(timestamp)")
                try store.compact()
            }
        }
    }
}

/// The quick way to a partition's key gives the same bytes as the schema's own.
@Suite struct StoreKeyTests {
    @Test func quickKeysAreTheSchemasKeys() throws {
        var random = TestRun.random("keys")
        for type in [ColumnType.int, .bigint, .timestamp, .text] {
            let schema = try TableSchema.Builder("k", "t").partitionKey("p", type).column("v", .int).build()
            let table = StoredTable(
                id: Layout.firstTable, schema: schema, tombstoneGrace: .zero, droppedColumns: [], facts: TableFacts())
            for _ in 0..<TestRun.count(500) {
                let number = Int64(bitPattern: random.next()) >> Int64(random.below(64))
                let value: Value =
                    switch type {
                    case .int: .int(Int32(truncatingIfNeeded: number))
                    case .bigint: .bigint(number)
                    case .timestamp: .timestamp(number)
                    default:
                        .text(
                            "é" + String((0..<random.below(40)).map { _ in random.oneIn(9) ? Character("\0") : "x" }))
                    }
                var (quick, slow) = (ByteWriter(), ByteWriter())
                try RowKey.partition(table, [value], into: &quick)
                slow.raw(table.prefix)
                schema.encode(try schema.partitionKey([value]), into: &slow)
                #expect(quick.bytes == slow.bytes, "\(value); \(TestRun.replay)")
            }
            var writer = ByteWriter()
            #expect(throws: Failure.self) { try RowKey.partition(table, [.text("")], into: &writer) }
        }
    }
}
