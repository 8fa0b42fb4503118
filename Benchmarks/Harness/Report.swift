/// Lays measurements out for a terminal, for a document and for a program.
public enum Report {
    public static func text(_ measurements: [Measurement]) -> String {
        table(measurements, separator: "  ", isMarkdown: false)
    }

    public static func markdown(_ measurements: [Measurement]) -> String {
        table(measurements, separator: " | ", isMarkdown: true)
    }

    /// One object a line, so that two runs can be compared line by line.
    public static func json(_ measurements: [Measurement]) -> String {
        measurements.map { m in
            var fields = [
                "\"name\":\(quoted(m.name))", "\"unit\":\(quoted(m.unit))", "\"units\":\(m.units)",
                "\"ns\":\(spread(m.nanosecondsPerUnit))", "\"cpu_ns\":\(spread(m.cpuNanosecondsPerUnit))",
                "\"allocations_per_1000\":\(m.allocationsPer1000)", "\"peak_bytes\":\(m.peakBytes)",
                "\"hash\":\"\(String(m.hash, radix: 16))\"",
            ]
            if let name = m.controlName, let control = m.controlNanosecondsPerUnit, let ratio = m.ratio {
                fields += [
                    "\"control\":\(quoted(name))", "\"control_ns\":\(spread(control))", "\"ratio\":\(spread(ratio))",
                ]
                if let cpu = m.cpuRatio { fields.append("\"cpu_ratio\":\(spread(cpu))") }
            }
            fields += m.extra.map { "\(quoted($0.name)):\($0.value)" }
            if !m.complaints.isEmpty {
                fields.append("\"complaints\":[\(m.complaints.map(quoted).joined(separator: ","))]")
            }
            return "{\(fields.joined(separator: ","))}\n"
        }.joined()
    }

    /// Three significant digits with the unit that suits: `0.83 ns`, `170 µs`.
    public static func time(nanoseconds: Double) -> String {
        for (limit, size, unit) in [(1e3, 1, "ns"), (1e6, 1e3, "µs"), (1e9, 1e6, "ms")] as [(Double, Double, String)]
        where nanoseconds < limit {
            return "\(digits(nanoseconds / size)) \(unit)"
        }
        return "\(digits(nanoseconds / 1e9)) s"
    }

    public static func digits(_ value: Double) -> String {
        if value == 0 || !value.isFinite { return "\(value == 0 ? "0" : "\(value)")" }
        var scale = 1.0
        while abs(value) * scale < 100 && scale < 1e6 { scale *= 10 }
        let rounded = (value * scale).rounded() / scale
        let text = "\(rounded)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    private static func table(_ measurements: [Measurement], separator: String, isMarkdown: Bool) -> String {
        let head = ["workload", "per unit", "spread", "CPU", "alloc/1000", "control", "ratio", "CPU ratio", "goal", ""]
        var rows = [head]
        for m in measurements {
            let spread = m.nanosecondsPerUnit
            rows.append([
                m.name, "\(time(nanoseconds: spread.median))/\(m.unit)",
                "\(digits(spread.least))–\(digits(spread.greatest))", time(nanoseconds: m.cpuNanosecondsPerUnit.median),
                m.allocationsPer1000 < 0 ? "–" : digits(m.allocationsPer1000),
                m.controlName.map { "\($0) \(time(nanoseconds: m.controlNanosecondsPerUnit?.median ?? 0))" } ?? "–",
                m.ratio.map { "\(digits($0.median))×" } ?? "–", m.cpuRatio.map { "\(digits($0.median))×" } ?? "–",
                m.goal,
                (m.extra.map { "\($0.name) \(digits($0.value))" } + m.complaints.map { "✗ \($0)" }).joined(
                    separator: ", "),
            ])
        }
        let widths = head.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        func line(_ cells: [String]) -> String {
            let padded = zip(cells, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            let text = padded.joined(separator: separator)
            return isMarkdown ? "| \(text) |\n" : text.trimmedRight + "\n"
        }
        var text = line(rows[0])
        text += line(widths.map { String(repeating: isMarkdown ? "-" : "─", count: $0) })
        return text + rows.dropFirst().map(line).joined()
    }

    private static func spread(_ s: Spread) -> String { "[\(s.least),\(s.median),\(s.greatest)]" }
    private static func quoted(_ text: String) -> String {
        "\"" + text.flatMap { $0 == "\"" || $0 == "\\" ? ["\\", $0] : [$0] } + "\""
    }
}

extension String {
    fileprivate var trimmedRight: String {
        guard let last = lastIndex(where: { $0 != " " }) else { return "" }
        return String(self[...last])
    }
}
