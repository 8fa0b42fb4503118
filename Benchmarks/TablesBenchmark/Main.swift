import MillraceCore
import MillraceTables

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The tables beside RocksDB's own `db_bench` (Debian: rocksdb-tools) with the same stored sizes: every row of the
/// report is measured on both in turn, several times, so that a machine whose speed drifts does not move the ratio.
///
///     TablesBenchmark DIRECTORY [ROWS] [RUNS [PART ...]]    the comparison, or parts of it: `fill`, `commits`, …
///     TablesBenchmark DIRECTORY ROWS layout                 why a row is one value (decision 0010)
///
/// Rows have a bigint as partition key and a 100-byte blob: 21 bytes of stored key, 112 of stored value; with a
/// clustering column 30 bytes of key.
@main struct Main {
    static func main() {
        do throws(Failure) { try run() } catch {
            report("TablesBenchmark: \(error)")
            exit(1)
        }
    }

    private static func run() throws(Failure) {
        let arguments = CommandLine.arguments
        guard arguments.count >= 2 else {
            report("usage: TablesBenchmark DIRECTORY [ROWS] [RUNS | layout]")
            return
        }
        let rows = arguments.count > 2 ? Int(arguments[2]) ?? 1_000_000 : 1_000_000
        let last = arguments.count > 3 ? arguments[3] : "3"
        let bench = try TablesBenchmark(arguments[1], rows: max(10_000, rows), runs: Int(last) ?? 1)
        if last == "layout" { return try bench.layout() }
        bench.heading()
        for (name, part) in [
            ("fill", bench.fill), ("commits", bench.commits), ("reads", bench.reads), ("slices", bench.slices),
            ("updates", bench.updates), ("wide", bench.wide), ("purges", bench.purges),
        ] where arguments.count < 5 || arguments[4...].contains(name) {
            try part()
        }
    }
}

func report(_ line: String) {
    // The only output of a benchmark.
    print(line)
}
