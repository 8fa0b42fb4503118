import BenchmarkReport
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
///                     --save FILE                           also writes the results as JSON, one a line
///     TablesBenchmark DIRECTORY ROWS layout                 why a row is one value (decision 0010)
///     TablesBenchmark DIRECTORY ROWS put                    one process that puts so many, and
///     TablesBenchmark DIRECTORY ROWS get COUNT              one that gets some of them
///     TablesBenchmark DIRECTORY ROWS compact                without what that left behind
///     TablesBenchmark DIRECTORY ROWS peer                   the options of db_bench for the same
///
/// Rows have a bigint as partition key and a 100-byte blob: 21 bytes of stored key, 112 of stored value; with a
/// clustering column 30 bytes of key.
@main struct Main {
    static func main() {
        do { try run() } catch {
            report("TablesBenchmark: \(error)")
            exit(1)
        }
    }

    private static func run() throws {
        var arguments = Array(CommandLine.arguments.dropFirst())
        var save: String?
        if let option = arguments.firstIndex(of: "--save"), option + 1 < arguments.count {
            save = arguments[option + 1]
            arguments.removeSubrange(option...option + 1)
        }
        guard let directory = arguments.first, let rows = arguments.count > 1 ? Int(arguments[1]) : 1_000_000 else {
            return report(
                "usage: TablesBenchmark DIRECTORY [ROWS] [RUNS [PART …] | layout | put | get COUNT | compact | peer]\n"
                    + "       [--save FILE]"
            )
        }
        let last = arguments.count > 2 ? arguments[2] : "3"
        let bench = try TablesBenchmark(
            directory, rows: ["put", "get", "compact", "peer"].contains(last) ? max(1, rows) : max(10_000, rows),
            runs: Int(last) ?? 1)
        switch last {
        case "layout": try bench.layout()
        case "put":
            try bench.putRandom(rows)
            report("put \(rows)")
        case "compact": try bench.store.compact()
        case "get":
            let count = arguments.count > 3 ? Int(arguments[3]) ?? 0 : 0
            report("found \(try bench.getRandom(count)) of \(count)")
        case "peer": report(bench.peer("plain").options)
        default:
            bench.heading()
            for (name, part) in [
                ("fill", bench.fill), ("commits", bench.commits), ("reads", bench.reads), ("slices", bench.slices),
                ("updates", bench.updates), ("wide", bench.wide), ("purges", bench.purges),
            ] where arguments.count < 4 || arguments[3...].contains(name) {
                try part()
            }
        }
        if let save {
            try PosixStorage().replace(save, with: Array(try ResultLine.text(bench.results.withLock { $0 }).utf8))
        }
        bench.store.close()
    }
}

func report(_ line: String) {
    // The only output of a benchmark.
    print(line)
}
