import BenchmarkHarness
import BenchmarkReport
import Dispatch
import LogBenchmark
import MillraceCore

/// `millrace-bench`: measures the workloads of the suite, and runs the parts of whole-program benchmarks that scripts
/// call in processes of their own.
@main struct Main {
    static func main() {
        let words = Array(CommandLine.arguments.dropFirst())
        // Before anything asynchronous: a simulated processor does not bear the end of the main thread.
        if words.first == "once" { return once(Array(words.dropFirst())) }
        Task {
            do {
                try await run(words.first ?? "", Array(words.dropFirst()), all: words)
                Terminal.end()
            } catch {
                Terminal.exit((error as? Failure)?.code == .invalidArgument ? 2 : 1, "\(error)")
            }
        }
        dispatchMain()
    }

    /// One execution of a workload, for who counts from outside.
    private static func once(_ words: [String]) {
        guard words.count == 2, let units = Int(words[1]), units > 0,
            let workload = Suite.all.first(where: { $0.name == words[0] })
        else { Terminal.exit(2, "write: once NAME UNITS") }
        do { _ = try workload.run(units) } catch { Terminal.exit(1, "\(error)") }
    }

    private static func run(_ verb: String, _ rest: [String], all words: [String]) async throws {
        let storage = PosixStorage()
        switch verb {
        case "help", "--help", "-h": Terminal.out(Options.usage)
        case "list": Terminal.out(list)
        case "gates": Terminal.out(gates)
        case "compare":
            guard rest.count == 2 else { throw Failure(.invalidArgument, "write: compare BEFORE-FILE NOW-FILE") }
            let files = try rest.map { try ResultLine.read($0, from: storage).workloads }
            Terminal.out(Comparison(before: files[0], now: files[1]).text)
        case "page", "document":
            guard !rest.isEmpty else { throw Failure(.invalidArgument, "write: \(verb) FILE …") }
            let lines = try rest.flatMap { try ResultLine.read($0, from: storage) }
            Terminal.out(verb == "page" ? Page.of(lines) : MarkdownReport.of(lines))
        case "generate": try Generate.run(rest, storage: storage)
        case "yahoo":
            guard rest.count == 3 else { throw Failure(.invalidArgument, "write: yahoo EVENTS CAMPAIGNS OUT") }
            try await Yahoo.run(rest[0], rest[1], rest[2])
        case "yahoo-made":
            guard rest.count == 2, let events = Int64(rest[0]), events >= 0 else {
                throw Failure(.invalidArgument, "write: yahoo-made EVENTS OUT")
            }
            try await Yahoo.runFromSource(events, rest[1])
        case "yahoo-fill":
            guard rest.count == 2 else { throw Failure(.invalidArgument, "write: yahoo-fill EVENTS DIRECTORY") }
            try await Yahoo.fill(rest[0], rest[1])
        case "yahoo-log":
            guard rest.count == 3 else { throw Failure(.invalidArgument, "write: yahoo-log DIRECTORY CAMPAIGNS OUT") }
            try await Yahoo.runFromLog(rest[0], rest[1], rest[2])
        case "node": try await NodeFigures.run(rest)
        case LogChild.verb: try LogChild.run(rest)
        default: try measure(Options(words), storage)
        }
    }

    private static func measure(_ options: Options, _ storage: PosixStorage) throws {
        let chosen = try options.chosen(from: Suite.all)
        // Read before anything is measured: a name mistyped should not cost minutes.
        let before = try options.compare.map { try ResultLine.read($0, from: storage).workloads }
        var measurements: [Measurement] = []
        for workload in chosen {
            Terminal.note("\(workload.name) …")
            measurements.append(
                try Measurement.of(
                    workload, units: options.isFull ? workload.fullUnits : workload.smallUnits, runs: options.runCount))
        }
        switch options.format {
        case .json: Terminal.out(try ResultLine.text(measurements))
        case .markdown: Terminal.out(MarkdownReport.workloads(measurements))
        case .text: Terminal.out(TextReport.of(measurements))
        }
        if let path = options.save { try storage.replace(path, with: Array(try ResultLine.text(measurements).utf8)) }
        if let before { Terminal.out("\n" + Comparison(before: before, now: measurements).text) }
        if measurements.contains(where: { !$0.complaints.isEmpty }) {
            Terminal.exit(1, "an answer or a gate did not hold")
        }
    }

    /// A workload a line: name, unit and goal.
    private static var list: String {
        let width = Suite.all.map(\.name.count).max() ?? 0
        return Suite.all.map { workload in
            let padding = String(repeating: " ", count: width - workload.name.count)
            let goal = workload.goal.text.isEmpty ? "" : "  " + workload.goal.text
            return "\(workload.name)\(padding)  \(workload.unit)\(goal)\n"
        }.joined()
    }

    /// Workloads with a gate on what only a simulation counts, for `Benchmarks/Instructions/run`: name, units, and the
    /// most instructions and retains a unit.
    private static var gates: String {
        Suite.all.compactMap { workload in
            guard let instructions = workload.gates.instructionsPerUnit, let retains = workload.gates.retainsPerUnit
            else {
                return nil
            }
            return "\(workload.name) \(workload.smallUnits) \(instructions) \(retains)\n"
        }.joined()
    }
}
