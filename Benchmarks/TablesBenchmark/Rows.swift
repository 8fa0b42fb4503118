import MillraceCore
import MillraceTables

extension TablesBenchmark {
    /// Batched puts, into an empty table on both sides.
    func fill() throws(Failure) {
        let there = peer("plain")
        try compare(
            "put, 1,000 rows a batch, unsynced", rows,
            before: { () throws(Failure) in
                if store.table("bench", "plain") != nil { try store.dropTable("bench", "plain") }
                _ = try plain("plain")
                try store.flush()
            },
            ours: { () throws(Failure) in try putRandom(rows) },
            theirs: { there.run("fillrandom", "--batch_size=1000").first.map { 1 / $0.perSecond } })
        try store.compact()
        _ = there.run("compact", "--use_existing_db=1")
    }

    /// In commits of a thousand, unsynced.
    func putRandom(_ count: Int) throws(Failure) {
        var random = SeededRandom(seed: 7)
        let table = try plain("plain")
        for base in stride(from: 0, to: count, by: 1_000) {
            var commit = store.begin(ties: .byOrder)
            for i in base..<min(count, base + 1_000) {
                try commit.put(table, key: [.bigint(Int64(random.next() % UInt64(rows)))], [value(i)])
            }
            try store.commit(commit, synced: false)
        }
    }

    /// How many of so many random rows are there; each is lent.
    func getRandom(_ count: Int) throws(Failure) -> Int {
        // Other keys than were put.
        var random = SeededRandom(seed: 8)
        let table = try plain("plain")
        let column = try table.schema.require("v")
        var found = 0
        for _ in 0..<count {
            let isThere = try store.view(table, key: [.bigint(Int64(random.next() % UInt64(rows)))]) {
                (row) throws(Failure) in try row.bytes(column) != nil
            }
            if isThere == true { found += 1 }
        }
        return found
    }

    /// The table of `fill`, on both sides, for parts that run without it.
    func filled() throws(Failure) -> StoredTable {
        let table = try plain("plain")
        var cursor = try store.snapshot().rows(table)
        if try cursor.next() != nil { return table }
        try putRandom(rows)
        _ = peer("plain").run("fillrandom", "--batch_size=1000")
        return table
    }

    /// Random gets and a scan of everything.
    func reads() throws(Failure) {
        let there = peer("plain")
        let table = try filled()
        let column = try table.schema.require("v")
        var random = SeededRandom(seed: 8)
        var found = 0
        // Both sides without what the commits left behind.
        try store.compact()
        _ = there.run("compact", "--use_existing_db=1")
        func gets(_ name: String, _ get: (Int64) throws(Failure) -> Bool) throws(Failure) {
            try compare(name, rows) { () throws(Failure) in
                for _ in 0..<rows where try get(Int64(random.next() % UInt64(rows))) { found += 1 }
            } theirs: {
                there.run("readrandom", "--use_existing_db=1").first.map { 1 / $0.perSecond }
            }
        }
        try gets("get of a random row, owned") { (key) throws(Failure) in
            try store.row(table, key: [.bigint(key)])?.lend { (row) throws(Failure) in
                try row.bytes(column) != nil
            } ?? false
        }
        try gets("get of a random row, decoded") { (key) throws(Failure) in
            try store.row(table, key: [.bigint(key)])?[column] != nil
        }
        try gets("get of a random row, lent") { (key) throws(Failure) in
            try store.view(table, key: [.bigint(key)]) { (row) throws(Failure) in
                try row.bytes(column) != nil
            } ?? false
        }
        let count = try size(of: table)
        for kind in Reading.allCases {
            try compare("scan of the table, per row, \(kind)", count) { () throws(Failure) in
                var cursor = try store.snapshot().rows(table)
                _ = try kind.read(&cursor, column)
            } theirs: {
                // It stops at the end of the data, and counts what it read.
                there.run("readseq", "--use_existing_db=1").first.map { 1 / $0.perSecond }
            }
        }
    }

    private func size(of table: StoredTable) throws(Failure) -> Int {
        var cursor = try store.snapshot().rows(table)
        var count = 0
        try cursor.forEach { (_) throws(Failure) in
            count += 1
            return true
        }
        return count
    }

    /// Slices of partitions, both ways.
    func slices() throws(Failure) {
        let there = peer("series", key: 30)
        let table = try series("series")
        let column = try table.schema.require("v")
        let partitions = 100
        let each = rows / partitions
        for partition in 0..<partitions {
            for base in stride(from: 0, to: each, by: 1_000) {
                var commit = store.begin(ties: .byOrder)
                for at in base..<min(each, base + 1_000) {
                    try commit.put(table, key: [.bigint(Int64(partition)), .bigint(Int64(at))], [value(at)])
                }
                try store.commit(commit, synced: false)
            }
        }
        try store.compact(table)
        _ = there.run("fillseq,compact", "--batch_size=1000")
        var random = SeededRandom(seed: 9)
        for size in [10, 100, 1_000] where size <= each {
            let ways = [
                (RowQuery.Order.stored, Reading.lent), (.stored, .owned), (.stored, .decoded), (.reversed, .lent),
            ]
            for (order, kind) in ways {
                let count = max(100, min(20_000, rows / 2 / size))
                let way = order == .stored ? "forward" : "backward"
                try compare("slice of \(size) rows \(way), \(kind)", count) { () throws(Failure) in
                    let snapshot = try store.snapshot()
                    var seen = 0
                    for _ in 0..<count {
                        let at = Int64(random.next() % UInt64(each - size + 1))
                        let range =
                            order == .stored
                            ? ClusteringRange(from: .init([.bigint(at)], inclusive: true))
                            : ClusteringRange(to: .init([.bigint(at + Int64(size))], inclusive: false))
                        var cursor = try snapshot.rows(
                            table,
                            .partition(
                                [.bigint(Int64(random.next() % UInt64(partitions)))], range, order: order, limit: size))
                        seen += try kind.read(&cursor, column)
                    }
                    if seen != count * size { report("  only \(seen) rows") }
                } theirs: {
                    there.run(
                        "seekrandom",
                        "--use_existing_db=1 --seek_nexts=\(size) --reads=\(count)"
                            + (order == .reversed ? " --reverse_iterator=true" : "")
                    ).first.map { 1 / $0.perSecond }
                }
            }
        }
    }

    /// Partial updates, which RocksDB merges when a row is read or compacted.
    func updates() throws(Failure) {
        let count = rows / 4
        let there = peer("merge", value: 60, count: count)
        let table = try store.createTable(
            TableSchema.Builder("bench", "four").partitionKey("k", .bigint).column("a", .bigint)
                .column("b", .bigint).column("c", .double).column("d", .text).build())
        let columns = try ["a", "b", "c", "d"].map { (name) throws(Failure) in try table.schema.require(name) }
        func values(_ i: Int) -> [Value] {
            [.bigint(Int64(i)), .bigint(Int64(i &* 7)), .double(Double(i)), .text("item-\(i % 100)")]
        }
        for base in stride(from: 0, to: count, by: 1_000) {
            var commit = store.begin(ties: .byOrder)
            for i in base..<base + 1_000 { try commit.put(table, key: [.bigint(Int64(i))], values(i)) }
            try store.commit(commit, synced: false)
        }
        _ = there.run("fillseq", "--batch_size=1000")
        var random = SeededRandom(seed: 10)
        let merging = "--use_existing_db=1 --merge_operator=put --merge_keys=\(count)"
        try compare("update of one column, unsynced", count) { () throws(Failure) in
            for i in 0..<count {
                var commit = store.begin(ties: .byOrder)
                let key: [Value] = [.bigint(Int64(random.next() % UInt64(count)))]
                try commit.update(table, key: key, [Assignment(columns[i % 4], .set(values(i)[i % 4]))])
                try store.commit(commit, synced: false)
            }
        } theirs: {
            there.run("mergerandom", merging).first.map { 1 / $0.perSecond }
        }
        var found = 0
        try compare("get of a row with updates to merge, lent", count) { () throws(Failure) in
            for _ in 0..<count {
                let key: [Value] = [.bigint(Int64(random.next() % UInt64(count)))]
                found +=
                    try store.view(table, key: key) { (row) throws(Failure) in
                        try row.bytes(columns[3]) == nil ? 0 : 1
                    } ?? 0
            }
        } theirs: {
            there.run("readrandom", merging).first.map { 1 / $0.perSecond }
        }
        try compare("merging them by a compaction, per row", count) { () throws(Failure) in
            try store.compact(table)
        } theirs: {
            there.run("compact", merging).first.map { $0.microseconds / 1e6 / Double(count) }
        }
    }
}

/// What becomes of the rows of a walk.
private enum Reading: CaseIterable {
    /// Looked at where RocksDB holds them.
    case lent
    /// Copied, to be kept; the value is looked at in the copy.
    case owned
    /// Copied, and a `Value` made of the column.
    case decoded

    /// Rows that had a value.
    func read(_ cursor: inout RowCursor, _ column: TableSchema.Column) throws(Failure) -> Int {
        var seen = 0
        switch self {
        case .lent:
            try cursor.forEach { (row) throws(Failure) in
                if try row.bytes(column) != nil { seen += 1 }
                return true
            }
        case .owned:
            while let row = try cursor.next() {
                seen += try row.lend { (row) throws(Failure) in try row.bytes(column) == nil ? 0 : 1 } ?? 0
            }
        case .decoded:
            while let row = try cursor.next() { if row[column] != nil { seen += 1 } }
        }
        return seen
    }
}
