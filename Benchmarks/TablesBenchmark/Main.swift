import MillraceCore
import MillraceTables

/// The tables beside RocksDB's own `db_bench` with the same stored sizes; `Benchmarks/TablesBenchmark/run` does both.
///
///     TablesBenchmark DIRECTORY [ROWS]
///
/// Rows have a bigint as partition key and a 100-byte blob: 21 bytes of stored key, 112 of stored value.
@main struct Main {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 2 else {
            report("usage: TablesBenchmark DIRECTORY [ROWS]")
            return
        }
        let rows = arguments.count > 2 ? Int(arguments[2]) ?? 1_000_000 : 1_000_000
        let bench = try TablesBenchmark(arguments[1], rows: rows)
        try bench.run()
    }
}

func report(_ line: String) {
    // The only output of a benchmark.
    print(line)
}
