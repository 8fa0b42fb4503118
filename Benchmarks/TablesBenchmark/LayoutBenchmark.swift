import MillraceCore
import MillraceTables

/// Why a row is one value: the same four columns as one row, and as one key for each cell.
extension TablesBenchmark {
    func layout() throws(Failure) {
        let table = try store.createTable(
            TableSchema.Builder("bench", "four").partitionKey("k", .bigint).column("a", .bigint)
                .column("b", .bigint).column("c", .double).column("d", .text).build())
        let columns = try ["a", "b", "c", "d"].map { (name) throws(Failure) in try table.schema.require(name) }
        var random = SeededRandom(seed: 3)
        let count = rows / 4
        func key() -> Int64 { Int64(random.next() % UInt64(count)) }
        func values(_ i: Int) -> [Value?] {
            [.bigint(Int64(i)), .bigint(Int64(i &* 7)), .double(Double(i)), .text("item-\(i % 100)")]
        }
        func batches(_ name: String, _ body: (inout Commit, Int) throws(Failure) -> Void) throws(Failure) {
            try measure(name, count) { () throws(Failure) in
                for base in stride(from: 0, to: count, by: 1_000) {
                    var commit = store.begin(ties: .byOrder)
                    for i in base..<base + 1_000 { try body(&commit, i) }
                    try store.commit(commit, synced: false)
                }
            }
        }
        func gets(_ name: String) throws(Failure) {
            var found = 0
            try measure(name, count) { () throws(Failure) in
                for _ in 0..<count {
                    found +=
                        try store.view(table, key: [.bigint(key())]) { (row) throws(Failure) in
                            try row.bytes(columns[3]) == nil ? 0 : 1
                        } ?? 0
                }
            }
        }
        try batches("row of 4 columns, put whole") { (commit, i) throws(Failure) in
            try commit.put(table, key: [.bigint(key())], values(i))
        }
        try gets("get of rows put whole")
        try batches("row of 4 columns, one column updated") { (commit, i) throws(Failure) in
            try commit.update(table, key: [.bigint(key())], [Assignment(columns[i % 4], .set(values(i)[i % 4]!))])
        }
        try gets("get of rows with updates to merge")
        try store.compact(table)
        try gets("get of rows after compaction")
        var cell = ByteWriter(capacity: 64)
        try batches("row of 4 columns, one key a cell") { (commit, i) throws(Failure) in
            let key = key()
            for column in UInt8(0)..<4 {
                cell.removeAll()
                cell.integer(key)
                cell.integer(UInt64(0x1234_5678_9ABC_DEF0))
                cell.byte(column)
                // A timestamp and a value of 8 bytes.
                commit.setState(cell.bytes, Array(noise[0..<17]))
            }
        }
        let snapshot = try store.snapshot()
        var found = 0
        try measure("get of 4 cells by their prefix", count / 4) { () throws(Failure) in
            for _ in 0..<count / 4 {
                cell.removeAll()
                cell.integer(key())
                try snapshot.states(from: cell.bytes) { (_, value) throws(Failure) in
                    found += value.count
                    return true
                }
            }
        }
    }
}
