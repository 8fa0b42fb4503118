import MillraceCore
import Testing

@testable import MillraceTables

/// Rows that are kept: they own what they show, whatever becomes of the read, the table and the store.
@Suite struct KeptRowTests {
    private static let partitions = 7
    private static let each = 400

    private static func key(_ p: Int, _ c: Int) -> [Value] {
        [.text("partition é\(p)"), .text("row \u{0}\(1_000 + c)")]
    }
    private static func values(_ p: Int, _ c: Int) -> [Value?] {
        // Every now and then larger than a chunk.
        let blob = [UInt8](repeating: UInt8(truncatingIfNeeded: c), count: c % 97 == 5 ? 70_000 : c % 300)
        return [.text("p\(p)"), .blob(blob), c % 3 == 0 ? nil : .bigint(Int64(c)), .set([.int(Int32(c)), .int(-1)])]
    }

    private func filled(_ store: TableStore) throws -> StoredTable {
        try store.createKeyspace("k")
        let table = try store.createTable(
            TableSchema.Builder("k", "t").partitionKey("p", .text).clustering("c", .text)
                .staticColumn("s", .text).column("b", .blob).column("n", .bigint)
                .column("e", .set(.int, frozen: false)).build())
        for p in 0..<Self.partitions {
            var commit = store.begin(ties: .byOrder)
            try commit.update(
                static: table, partition: [.text("partition é\(p)")],
                [Assignment(table.schema.require("s"), .set(.text("p\(p)")))])
            for c in 0..<Self.each {
                try commit.put(table, key: Self.key(p, c), Array(Self.values(p, c).dropFirst()))
            }
            try store.commit(commit, synced: false)
        }
        return table
    }

    @Test func rowsShowWhatWasReadWhateverHappensThen() async throws {
        let place = try StorePlace()
        let store = try place.open()
        let table = try filled(store)
        var rows: [Row] = []
        do {
            var cursor = try store.snapshot().rows(table)
            while let row = try cursor.next() { rows.append(row) }
        }
        let single = try #require(try store.row(table, key: Self.key(3, 5)))
        for p in 0..<Self.partitions {
            var commit = store.begin()
            try commit.delete(partition: [.text("partition é\(p)")], from: table)
            try store.commit(commit, synced: false)
        }
        try store.dropTable("k", "t")
        store.close()
        #expect(rows.count == Self.partitions * Self.each)
        let kept = rows
        // On other threads, several at once.
        let wrong = await withTaskGroup(of: Int.self) { group in
            for offset in 0..<4 {
                group.addTask {
                    stride(from: offset, to: kept.count, by: 4).reduce(0) { $0 + (Self.isRight(kept[$1]) ? 0 : 1) }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(wrong == 0)
        #expect(Self.isRight(single))
        #expect(
            try single.lend { (view) throws(Failure) in try view.bytes(table.schema.require("b"))?.count } == 70_000)
    }

    /// Compares a row, of which its key says how it was made.
    private static func isRight(_ row: Row) -> Bool {
        guard case .text(let partition) = row.key.first, case .text(let clustering) = row.key.last,
            let p = partition.last?.wholeNumberValue, let n = Int(clustering.suffix(4))
        else { return false }
        let expected = values(p, n - 1_000)
        let e: Value = .set([.int(-1), .int(Int32(n - 1_000))])
        return row.key == key(p, n - 1_000) && row.columns.map(\.name) == ["s", "b", "n", "e"]
            && row.values == [expected[0], expected[1], expected[2], e]
            && row["n"] == expected[2] && row["s"] == expected[0] && row["e"] == e && row["p"] == row.key[0]
            && row["nothing"] == nil && row.origins.isEmpty
    }

    @Test func onlyWhatWasAskedForIsShown() throws {
        let place = try StorePlace()
        let store = try place.open()
        let table = try filled(store)
        let row = try #require(try store.row(table, key: Self.key(1, 1), columns: ["n"], origins: true))
        #expect(row.values == [.bigint(1)])
        #expect(row["b"] == nil && row["n"] == .bigint(1))
        #expect(row.origins.count == 1 && row.writeTime("n") != nil && row.writeTime("b") == nil)
    }
}
