import MillraceCore
import MillraceTables

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// CPU time of this thread alone, in nanoseconds: what does not depend on who else uses the machine.
func threadNanoseconds() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

struct TablesBenchmark {
    let store: TableStore
    let table: StoredTable
    let series: StoredTable
    let rows: Int
    let clock = SystemClock()
    /// Random, so that it does not compress, as `db_bench --compression_ratio=1` does.
    let noise: [UInt8]

    init(_ directory: String, rows: Int) throws(Failure) {
        self.rows = rows
        store = try TableStore.open(directory: directory, clock: clock)
        if store.keyspaces.isEmpty { try store.createKeyspace("bench") }
        table = try store.createTable(
            TableSchema.Builder("bench", "plain").partitionKey("k", .bigint).column("v", .blob).build())
        series = try store.createTable(
            TableSchema.Builder("bench", "series").partitionKey("k", .bigint).clustering("at", .bigint)
                .column("v", .blob).build())
        var random = SeededRandom(seed: 1)
        noise = (0..<1 << 20).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    func value(_ i: Int) -> Value { .blob(Array(noise[((i * 131) % (1 << 19))...].prefix(100))) }

    func measure(_ name: String, _ count: Int, _ body: () throws(Failure) -> Void) throws(Failure) {
        let start = clock.now
        let cpu = threadNanoseconds()
        try body()
        let used = threadNanoseconds() - cpu
        let nanoseconds = Double((clock.now - start).microseconds) * 1_000
        report(
            "\(name): \(Int(nanoseconds / Double(count))) ns/op, of which this thread's CPU \(used / count);"
                + " \(count) ops"
        )
    }

    func run() throws(Failure) {
        var random = SeededRandom(seed: 7)
        try measure("fillrandom batch 1000 unsynced", rows) { () throws(Failure) in
            for base in stride(from: 0, to: rows, by: 1_000) {
                var commit = store.begin(ties: .byOrder)
                for i in base..<base + 1_000 {
                    let key = Int64(bitPattern: random.next() % UInt64(rows))
                    try commit.put(table, key: [.bigint(key)], [value(i)])
                }
                try store.commit(commit, synced: false)
            }
        }
        for size in [1, 100, 10_000] {
            let commits = size == 1 ? 2_000 : size == 100 ? 500 : 20
            try measure("synced commit of \(size) rows", commits * size) { () throws(Failure) in
                for _ in 0..<commits {
                    var commit = store.begin(ties: .byOrder)
                    for i in 0..<size {
                        let key = Int64(bitPattern: random.next() % UInt64(rows))
                        try commit.put(table, key: [.bigint(key)], [value(i)])
                    }
                    try store.commit(commit)
                }
            }
        }
        try store.compact()
        for round in 1...2 {
            var found = 0
            try measure("readrandom \(round)", rows) { () throws(Failure) in
                for _ in 0..<rows {
                    let key = Int64(bitPattern: random.next() % UInt64(rows))
                    if try store.row(table, key: [.bigint(key)]) != nil { found += 1 }
                }
            }
            report("  found \(found)")
        }
        let column = try table.schema.require("v")
        try measure("readrandom, lent", rows) { () throws(Failure) in
            var bytes = 0
            for _ in 0..<rows {
                let key = Int64(bitPattern: random.next() % UInt64(rows))
                bytes +=
                    try store.view(table, key: [.bigint(key)]) { (row) throws(Failure) in
                        try row.bytes(column)?.count ?? 0
                    } ?? 0
            }
            report("  bytes \(bytes)")
        }
        try measure("readseq, lent", rows) { () throws(Failure) in
            var cursor = try store.snapshot().rows(table)
            var bytes = 0
            try cursor.forEach { (row) throws(Failure) in
                bytes += try row.bytes(column)?.count ?? 0
                return true
            }
            report("  bytes \(bytes)")
        }
        try measure("readseq", rows) { () throws(Failure) in
            var cursor = try store.snapshot().rows(table)
            var count = 0
            while try cursor.next() != nil { count += 1 }
            report("  rows \(count)")
        }
        try slices(&random)
        try layout()
        try threads()
        try wide()
    }

    func slices(_ random: inout SeededRandom) throws(Failure) {
        let column = try series.schema.require("v")
        for partition in 0..<100 {
            var commit = store.begin(ties: .byOrder)
            for at in 0..<2_000 {
                try commit.put(series, key: [.bigint(Int64(partition)), .bigint(Int64(at))], [value(at)])
            }
            try store.commit(commit, synced: false)
        }
        try store.compact()
        for size in [10, 100, 1_000] {
            for (order, lent) in [(RowQuery.Order.stored, false), (.stored, true), (.reversed, true)] {
                let count = 200_000 / size
                try measure("slice of \(size) \(order)\(lent ? ", lent" : ""), per row", count * size) {
                    () throws(Failure) in
                    var rows = 0
                    let snapshot = try store.snapshot()
                    for _ in 0..<count {
                        let at = Int64(random.next() % 1_000)
                        let range =
                            order == .stored
                            ? ClusteringRange(from: .init([.bigint(at)], inclusive: true))
                            : ClusteringRange(to: .init([.bigint(at + 1_000)], inclusive: false))
                        var cursor = try snapshot.rows(
                            series,
                            .partition([.bigint(Int64(random.next() % 100))], range, order: order, limit: size))
                        if lent {
                            try cursor.forEach { (row) throws(Failure) in
                                rows += try row.bytes(column) == nil ? 0 : 1
                                return true
                            }
                        } else {
                            while try cursor.next() != nil { rows += 1 }
                        }
                    }
                    if rows != count * size { report("  only \(rows) rows") }
                }
            }
        }
    }
}
