import BenchmarkHarness
import LogBenchmark
import MillraceCore

/// `millrace-bench [--full] [--json | --markdown] [--runs N] [NAME …]`: measures the named workloads, or all.
@main struct Main {
    static func main() async {
        var arguments = CommandLine.arguments.dropFirst()
        if arguments.first == "generate" {
            let words = Array(arguments.dropFirst())
            guard words.count == 2, let events = Int(words[1]), events >= 0 else {
                Terminal.exit(2, "write: millrace-bench generate DIRECTORY EVENTS")
            }
            do { return try Generate.ads(words[0], events: events, storage: PosixStorage()) } catch {
                Terminal.exit(1, "\(error)")
            }
        }
        if arguments.first == "yahoo" {
            let words = Array(arguments.dropFirst())
            guard words.count == 3 else { Terminal.exit(2, "write: millrace-bench yahoo EVENTS CAMPAIGNS OUT") }
            do { return try await Yahoo.run(words[0], words[1], words[2], host: .system) } catch {
                Terminal.exit(1, "\(error)")
            }
        }
        if arguments.first == "node" {
            do { return try await NodeFigures.run(Array(arguments.dropFirst())) } catch { Terminal.exit(1, "\(error)") }
        }
        if arguments.first == LogChild.verb {
            do { return try LogChild.run(Array(arguments.dropFirst())) } catch { Terminal.exit(1, "\(error)") }
        }
        var (isFull, format, runs, names) = (false, "text", 0, [String]())
        while let word = arguments.popFirst() {
            switch word {
            case "--full": isFull = true
            case "--smoke": runs = 1
            case "--json", "--markdown": format = String(word.dropFirst(2))
            case "--runs": runs = arguments.popFirst().flatMap { Int($0) } ?? 0
            case _ where word.hasPrefix("--"): Terminal.exit(2, "there is no option \(word)")
            default: names.append(word)
            }
        }
        let chosen = Suite.all.filter { workload in
            names.isEmpty || names.contains { workload.name.hasPrefix($0) }
        }
        guard !chosen.isEmpty else {
            Terminal.exit(2, "no workload is called so; there are: \(Suite.all.map(\.name).joined(separator: ", "))")
        }
        do {
            var measurements: [Measurement] = []
            for workload in chosen {
                Terminal.note("\(workload.name) …")
                measurements.append(
                    try Measurement.of(
                        workload, units: isFull ? workload.fullUnits : workload.smallUnits,
                        runs: runs > 0 ? runs : isFull ? 7 : 3))
            }
            switch format {
            case "json": Terminal.out(Report.json(measurements))
            case "markdown": Terminal.out(Report.markdown(measurements))
            default: Terminal.out(Report.text(measurements))
            }
            if measurements.contains(where: { !$0.complaints.isEmpty }) { Terminal.exit(1, "a gate did not hold") }
        } catch {
            Terminal.exit(1, "\(error)")
        }
    }
}
