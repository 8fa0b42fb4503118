/// Lays results out as Markdown tables, for a document.
public enum MarkdownReport {
    public static func of(_ lines: [ResultLine]) -> String {
        var text = ""
        if let machine = lines.machine { text += machine.sentence + "\n\n" }
        for (family, results) in grouped(lines.peers, by: \.family) {
            let isOne = Set(results.map(\.work)).count == 1
            text += "## \(family)\n\n" + table(isOne ? TableRows.peers(results) : TableRows.family(results)) + "\n"
        }
        for (area, figures) in grouped(lines.figures, by: \.area) {
            text += "## \(area)\n\n"
            text += table(TableRows.figures(figures)) + "\n"
        }
        for (chart, points) in grouped(lines.points, by: \.chart) {
            text += "## \(chart)\n\n"
            text += table(TableRows.points(points)) + "\n"
        }
        for (area, measurements) in grouped(lines.workloads, by: \.area) {
            text += "## Workloads: \(area)\n\n" + workloads(measurements) + "\n"
        }
        return text
    }

    public static func workloads(_ measurements: [Measurement]) -> String { table(TableRows.workloads(measurements)) }

    private static func table(_ content: (head: [String], rows: [[String]])) -> String {
        let lines = [content.head, content.head.map { _ in "---" }] + content.rows
        return lines.map { "| " + $0.joined(separator: " | ") + " |\n" }.joined()
    }
}

/// What the tables of a document and of the page hold.
enum TableRows {
    static func workloads(_ measurements: [Measurement]) -> (head: [String], rows: [[String]]) {
        let head = [
            "workload", "time per unit", "spread", "CPU", "allocations per 1,000", "instructions", "control",
            "× time", "× CPU", "goal",
        ]
        let rows = measurements.map { m in
            if m.isWrong { return [m.name, m.complaints.joined(separator: ", ")] + head.dropFirst(2).map { _ in "" } }
            let spread = m.nanoseconds
            return [
                m.name, "\(Digits.time(nanoseconds: spread.median))/\(m.unit)",
                "\(Digits.of(spread.least))–\(Digits.of(spread.greatest))",
                Digits.time(nanoseconds: m.cpuNanoseconds.median),
                m.allocationsPer1000.map(Digits.of) ?? "–", m.instructionsPerUnit.map(Digits.large) ?? "–",
                m.control.map { "\($0.name) \(Digits.time(nanoseconds: $0.nanoseconds.median))" } ?? "–",
                m.control.map { Digits.of($0.ratio.median) } ?? "–",
                m.control?.cpuRatio.map { Digits.of($0.median) } ?? "–",
                (TextReport.goal(m) + m.complaints.map { " ✗ \($0)" }.joined()),
            ]
        }
        return (head, rows)
    }

    static func figures(_ figures: [ResultLine.Figure]) -> (head: [String], rows: [[String]]) {
        let rows = figures.map { figure in
            let mark = figure.holds.map { $0 ? "✓ " : "✗ " } ?? ""
            return [figure.name, "\(Digits.of(figure.value)) \(figure.unit)", mark + (figure.goal ?? "")]
        }
        return (["what", "measured", "goal"], rows)
    }

    /// A row for each place on the axis, a column for each line.
    static func points(_ points: [ResultLine.Point]) -> (head: [String], rows: [[String]]) {
        let series = grouped(points, by: \.series)
        let rows = grouped(points, by: \.x).map { x, points in
            [Digits.large(x)]
                + series.map { name, _ in points.first { $0.series == name }.map { Digits.large($0.y) } ?? "" }
        }
        return ([points[0].xUnit] + series.map { "\(points[0].yUnit) \($0.key)" }, rows)
    }

    static func peers(_ results: [ResultLine.PeerResult]) -> (head: [String], rows: [[String]]) {
        let ours = results.first { $0.isOurs && $0.error == nil }
        return (
            [
                "who", "records", "per CPU-second, whole process", "per CPU-second, a record more", "wall",
                "start alone", "peak memory", "Millrace is: whole", "a record more",
            ],
            results.map { result in
                guard result.error == nil, let whole = result.cpuNanoseconds?.median else {
                    return [result.who, "", result.error ?? "not measured"] + [String](repeating: "", count: 6)
                }
                let steady = result.steadyNanoseconds
                return [
                    result.who, Digits.large(Double(result.units)), Digits.large(1e9 / whole),
                    steady.map { Digits.large(1e9 / $0) } ?? "–",
                    result.wallSeconds.map { "\(Digits.of($0)) s" } ?? "–",
                    result.startSeconds.map { "\(Digits.of($0)) s" } ?? "–",
                    result.peakBytes.map { "\($0 >> 20) MiB" } ?? "–",
                    times(whole, ours?.cpuNanoseconds?.median), times(steady, ours?.steadyNanoseconds),
                ]
            }
        )
    }

    /// A row for each of the works that one family has, e.g. the queries of a benchmark.
    static func family(_ results: [ResultLine.PeerResult]) -> (head: [String], rows: [[String]]) {
        var others: [String] = []
        for result in results where !result.isOurs && !others.contains(result.who) { others.append(result.who) }
        let head =
            ["", "Millrace: a record more", "whole process"]
            + others.flatMap {
                ["\($0): a record more", "whole process", "Millrace is: a record more", "whole process"]
            }
        let rows = grouped(results, by: \.work).map { work, results in
            let ours = results.first(where: \.isOurs)
            func rates(_ result: ResultLine.PeerResult?) -> [String] {
                if let error = result?.error { return [error, ""] }
                return [result?.steadyNanoseconds, result?.cpuNanoseconds?.median].map { cost in
                    cost.map { Digits.large(1e9 / $0) } ?? "–"
                }
            }
            return [String(work.dropFirst(results[0].family.count + 1))] + rates(ours)
                + others.flatMap { who in
                    let other = results.first { $0.who == who }
                    return rates(other) + [
                        times(other?.steadyNanoseconds, ours?.steadyNanoseconds),
                        times(other?.cpuNanoseconds?.median, ours?.cpuNanoseconds?.median),
                    ]
                }
        }
        return (head, rows)
    }

    static func times(_ theirs: Double?, _ ours: Double?) -> String {
        guard let theirs, let ours, ours > 0 else { return "–" }
        return Digits.of(theirs / ours) + "×"
    }
}

extension ResultLine.Machine {
    var sentence: String {
        "\(processor), \(cores) cores, \(memoryBytes >> 30) GiB, \(system), Swift \(swift), "
            + "commit \(commit), \(date)"
    }
}
