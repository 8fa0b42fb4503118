/// Lays measurements out for a terminal: a table for each area and control, at most `BenchmarkLimits.columns` wide.
public enum TextReport {
    private struct Column {
        var title: String
        var cell: (Measurement) -> String
    }

    public static func of(_ measurements: [Measurement]) -> String {
        let columns = columns(for: measurements)
        let nameWidth = measurements.map { 2 + name($0).count }.max() ?? 0
        let titles = grouped(measurements) { [$0.area, $0.control?.name ?? ""] }.map { group in
            (group.members, title: group.key[0] + (group.key[1].isEmpty ? "" : " against \(group.key[1])"))
        }
        let first = max(nameWidth, titles.map(\.title.count).max() ?? 0)
        let widths = columns.map { column in
            max(column.title.count, measurements.map { column.cell($0).count }.max() ?? 0)
        }
        var text = ""
        for (members, title) in titles {
            text += line(title, columns.map(\.title), first, widths)
            for member in members {
                let cells = columns.map { member.isWrong ? "–" : $0.cell(member) }
                text += line("  " + name(member), cells, first, widths)
                text += notes(member)
            }
            text += "\n"
        }
        return text + summary(measurements)
    }

    private static func columns(for measurements: [Measurement]) -> [Column] {
        var columns = [
            Column(title: "time") { Digits.time(nanoseconds: $0.nanoseconds.median) },
            Column(title: "±") { $0.runs < 2 ? "" : Digits.percent($0.nanoseconds.halfRange) },
            Column(title: "CPU") { Digits.time(nanoseconds: $0.cpuNanoseconds.median) },
        ]
        if measurements.contains(where: { $0.allocationsPer1000 != nil }) {
            columns.append(Column(title: "alloc/1k") { $0.allocationsPer1000.map(Digits.of) ?? "–" })
        }
        if measurements.contains(where: { $0.instructionsPerUnit != nil }) {
            columns.append(Column(title: "instr") { $0.instructionsPerUnit.map(Digits.large) ?? "–" })
        }
        return columns + [
            Column(title: "peak") { "\($0.peakBytes >> 20) MiB" },
            Column(title: "× time") { $0.control.map { Digits.of($0.ratio.median) } ?? "" },
            Column(title: "× CPU") { $0.control?.cpuRatio.map { Digits.of($0.median) } ?? "" },
            Column(title: "goal", cell: goal),
        ]
    }

    private static func name(_ measurement: Measurement) -> String {
        measurement.nameInArea + (measurement.unit == "record" ? "" : " (\(measurement.unit))")
    }

    static func goal(_ measurement: Measurement) -> String {
        if measurement.goalText.isEmpty { return "" }
        return switch measurement.goal.isMet(by: measurement) {
        case true?: "✓ " + measurement.goalText
        case false?: "✗ " + measurement.goalText
        case nil: "  " + measurement.goalText
        }
    }

    /// The first column to the left, the last one too, the others to the right.
    private static func line(_ first: String, _ cells: [String], _ width: Int, _ widths: [Int]) -> String {
        var text = first + spaces(width - first.count)
        for (index, cell) in cells.enumerated() {
            let padding = spaces(widths[index] - cell.count)
            text += "  " + (index == cells.count - 1 ? cell : padding + cell)
        }
        return text.trimmedRight + "\n"
    }

    /// The workload's own figures and what is wrong with it, on lines of their own.
    private static func notes(_ measurement: Measurement) -> String {
        let figures = wrapped(measurement.extra.map { "\($0.name) \(Digits.of($0.value))" }, indent: "    · ")
        return figures + measurement.complaints.map { "    ✗ \($0)\n" }.joined()
    }

    /// The parts one after the other, on as many lines as they need.
    static func wrapped(_ parts: [String], indent: String) -> String {
        var lines: [String] = []
        for part in parts {
            if let last = lines.last, last.count + part.count + 2 <= BenchmarkLimits.columns {
                lines[lines.count - 1] = last + ", " + part
            } else {
                lines.append(indent + part)
            }
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private static func summary(_ measurements: [Measurement]) -> String {
        let judged = measurements.compactMap { $0.goal.isMet(by: $0) }
        let wrong = measurements.count { !$0.complaints.isEmpty }
        var text = "time and CPU time per unit, median; ± half the range; × the same of the control, pair by pair\n"
        if !measurements.contains(where: { $0.instructionsPerUnit != nil }) {
            text +=
                "instructions: not counted on this machine; `millrace bench instructions` counts them by simulation\n"
        }
        text += "goals: \(judged.count { $0 }) of \(judged.count) that can be judged are met; "
        return text + (wrong == 0 ? "answers and gates: all held\n" : "answers and gates: \(wrong) DID NOT HOLD\n")
    }

    static func spaces(_ count: Int) -> String { String(repeating: " ", count: max(0, count)) }
}

extension String {
    var trimmedRight: String {
        guard let last = lastIndex(where: { $0 != " " }) else { return "" }
        return String(self[...last])
    }
}
