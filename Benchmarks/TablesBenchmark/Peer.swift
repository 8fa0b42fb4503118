import BenchmarkReport
import MillraceCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// `db_bench` as a process.
struct Peer {
    /// Its own database under the benchmark's directory.
    var database: String
    var options: String

    /// The lines of its report: operations a second by benchmark, in the order they ran.
    func run(_ benchmarks: String, _ more: String = "") -> [(name: String, perSecond: Double, microseconds: Double)] {
        let command =
            "db_bench --db=\(database) \(options) \(more) --benchmarks=\(benchmarks) 2>/dev/null | grep micros/op"
        guard let pipe = popen(command, "r") else { return [] }
        defer { pclose(pipe) }
        var lines: [(String, Double, Double)] = []
        var buffer = [CChar](repeating: 0, count: 1_024)
        while fgets(&buffer, Int32(buffer.count), pipe) != nil {
            let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let words = text.split(whereSeparator: { $0 == " " || $0 == ":" })
            guard let at = words.firstIndex(of: "micros/op"), at > 0, let micros = Double(words[at - 1]),
                at + 1 < words.count, let rate = Double(words[at + 1])
            else { continue }
            lines.append((String(words[0]), rate, micros))
        }
        return lines
    }
}

extension TablesBenchmark {
    func peer(_ name: String, key: Int = 21, value: Int = 112, count: Int? = nil) -> Peer {
        Peer(
            database: directory + "/rocks-" + name,
            options: "--num=\(count ?? rows) --key_size=\(key) --value_size=\(value) --compression_type=lz4"
                + " --compression_ratio=1 --bloom_bits=10 --cache_size=67108864 --write_buffer_size=33554432"
                + " --max_write_buffer_number=2 --max_background_jobs=2 --level_compaction_dynamic_level_bytes=true"
                + " --statistics=0")
    }

    /// Measures a row on both sides in turn and prints the middle of the ratios.
    ///
    /// - Parameters:
    ///   - count: operations of ours.
    ///   - theirs: seconds an operation takes there; nil when it failed.
    ///   - before: what ours needs each time, not measured.
    func compare(
        _ name: String, _ count: Int, before: () throws(Failure) -> Void = {}, ours: () throws(Failure) -> Void,
        theirs: () -> Double?, after: () throws(Failure) -> Void = {}
    ) throws(Failure) {
        var (mine, cpu, other, ratios): ([Double], [Double], [Double], [Double]) = ([], [], [], [])
        for _ in 0..<runs {
            try before()
            let took = try timed(ours)
            mine.append(took.wall / Double(count))
            cpu.append(took.cpu / Double(count))
            if let seconds = theirs(), seconds > 0 {
                other.append(seconds)
                ratios.append(seconds / (took.wall / Double(count)))
            }
            try after()
        }
        func middle(_ figures: [Double]) -> Double {
            figures.isEmpty ? 0 : figures.sorted()[figures.count / 2]
        }
        func micros(_ seconds: Double) -> String {
            let tenths = Int((seconds * 1e8).rounded())
            return "\(tenths / 100).\(tenths % 100 < 10 ? "0" : "")\(tenths % 100)"
        }
        func percent(_ ratio: Double) -> String { "\(Int((ratio * 100).rounded())) %" }
        func padded(_ text: String, _ width: Int, left: Bool = true) -> String {
            let space = String(repeating: " ", count: max(0, width - text.count))
            return left ? space + text : text + space
        }
        note(name, mine, cpu, other, ratios)
        let spread = ratios.sorted()
        report(
            padded(name, 52, left: false) + padded(micros(middle(mine)), 12) + padded(micros(middle(cpu)), 12)
                + padded(other.isEmpty ? "–" : micros(middle(other)), 12)
                + padded(ratios.isEmpty ? "–" : percent(middle(ratios)), 8)
                + (spread.count > 1 ? "  (\(percent(spread[0])) to \(percent(spread[spread.count - 1])))" : ""))
    }
    /// The same as a line of results: what ours takes of the time there.
    private func note(
        _ name: String, _ mine: [Double], _ cpu: [Double], _ other: [Double], _ speeds: [Double]
    ) {
        func nanoseconds(_ seconds: [Double]) -> Spread { Spread(seconds.map { $0 * 1e9 }) }
        var line = Measurement(
            name: "rows." + name, unit: "operation", units: rows, runs: runs, goal: "wall ≤ 1.25×",
            nanoseconds: nanoseconds(mine), cpuNanoseconds: nanoseconds(cpu))
        if !speeds.isEmpty {
            line.control = .init(
                name: "db_bench", nanoseconds: nanoseconds(other), ratio: Spread(speeds.map { 1 / $0 }), cpuRatio: nil)
        }
        results.withLock { $0.append(line) }
    }
    func heading() {
        report("microseconds an operation" + String(repeating: " ", count: 31) + "ours    our CPU    db_bench   speed")
    }
}
