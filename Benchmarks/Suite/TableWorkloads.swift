import BenchmarkHarness
import MillraceCore
import MillraceTables

/// The tables by themselves. Beside RocksDB's own `db_bench` they are measured by `Benchmarks/TablesBenchmark/run`.
let tableWorkloads: [Workload] = [
    Workload(
        "tables.put", unit: "row", small: 20_000, full: 1_000_000,
        run: { rows in
            try ScratchStore.with { (scratch) throws(Failure) in
                try scratch.fill(rows)
                return UInt64(try scratch.store.statistics().commits)
            }.outcome(rows)
        }),
    Workload(
        "tables.commit-synced", unit: "commit", small: 100, full: 1_000,
        run: { commits in
            try ScratchStore.with { (scratch) throws(Failure) in
                for i in 0..<commits {
                    var commit = scratch.store.begin(ties: .byOrder)
                    try commit.put(scratch.table, key: [.bigint(0), .bigint(Int64(i))], [.blob(scratch.payload)])
                    try scratch.store.commit(commit)
                }
                return UInt64(commits)
            }.outcome(commits)
        }),
    Workload(
        "tables.get", unit: "row", small: 20_000, full: 1_000_000,
        run: { rows in
            try ScratchStore.with { (scratch) throws(Failure) in
                try scratch.fill(rows)
                var random = SeededRandom(seed: 2)
                var bytes = 0
                for _ in 0..<rows {
                    bytes +=
                        try scratch.store.view(
                            scratch.table, key: scratch.key(Int(random.next(upperBound: UInt64(rows))))
                        ) {
                            (row) throws(Failure) in try row.bytes(scratch.column)?.count ?? 0
                        } ?? 0
                }
                return UInt64(bytes)
            }.outcome(rows)
        }),
    Workload(
        "tables.slice-100", unit: "row", small: 20_000, full: 1_000_000,
        run: { rows in
            try ScratchStore.with { (scratch) throws(Failure) in
                try scratch.fill(rows)
                var random = SeededRandom(seed: 3)
                var seen: UInt64 = 0
                let snapshot = try scratch.store.snapshot()
                for _ in 0..<rows / 100 {
                    let partition = Int64(Int(random.next(upperBound: UInt64(rows / ScratchStore.partitionRows))))
                    let from = Int64(Int(random.next(upperBound: UInt64(ScratchStore.partitionRows - 100))))
                    let range = ClusteringRange(from: .init([.bigint(from)], inclusive: true))
                    var cursor = try snapshot.rows(
                        scratch.table, .partition([.bigint(partition)], range, limit: 100))
                    try cursor.forEach { (row) throws(Failure) in
                        seen += try row.bytes(scratch.column) == nil ? 0 : 1
                        return true
                    }
                }
                return seen
            }.outcome(rows)
        }),
    Workload(
        "tables.scan", unit: "row", small: 20_000, full: 1_000_000,
        run: { rows in
            try ScratchStore.with { (scratch) throws(Failure) in
                try scratch.fill(rows)
                var seen: UInt64 = 0
                var cursor = try scratch.store.snapshot().rows(scratch.table)
                try cursor.forEach { (row) throws(Failure) in
                    seen += try row.bytes(scratch.column) == nil ? 0 : 1
                    return true
                }
                return seen
            }.outcome(rows)
        }),
]

/// A store in a directory of its own that is removed afterwards. Filling it is part of what is measured; what reading
/// adds is the difference to `tables.put`.
private struct ScratchStore {
    static let partitionRows = 1_000
    let store: TableStore
    let table: StoredTable
    let column: TableSchema.Column
    let payload = [UInt8](repeating: 7, count: 100)

    static func with<R>(_ body: (ScratchStore) throws(Failure) -> R) throws -> R {
        let storage = PosixStorage()
        let directory = try Terminal.temporaryDirectory()
        defer { remove(directory, storage) }
        let store = try TableStore.open(directory: directory, clock: SystemClock())
        defer { store.close() }
        try store.createKeyspace("bench")
        let table = try store.createTable(
            TableSchema.Builder("bench", "series").partitionKey("k", .bigint).clustering("at", .bigint)
                .column("v", .blob).build())
        return try body(ScratchStore(store: store, table: table, column: try table.schema.require("v")))
    }

    func key(_ row: Int) -> [Value] {
        [.bigint(Int64(row / ScratchStore.partitionRows)), .bigint(Int64(row % ScratchStore.partitionRows))]
    }

    func fill(_ rows: Int) throws(Failure) {
        for base in stride(from: 0, to: rows, by: 1_000) {
            var commit = store.begin(ties: .byOrder)
            for row in base..<min(rows, base + 1_000) { try commit.put(table, key: key(row), [.blob(payload)]) }
            try store.commit(commit, synced: false)
        }
    }

    private static func remove(_ path: String, _ storage: any Storage) {
        do throws(IOFault) {
            for name in try storage.list(path) {
                if try storage.status(of: path + "/" + name)?.kind == .directory {
                    remove(path + "/" + name, storage)
                } else {
                    try storage.unlink(path + "/" + name)
                }
            }
            try storage.removeDirectory(path)
        } catch {
            Terminal.note("\(path) is left: \(error)")
        }
    }
}

extension UInt64 {
    fileprivate func outcome(_ units: Int) -> Workload.Outcome { .init(units: units, hash: self) }
}
