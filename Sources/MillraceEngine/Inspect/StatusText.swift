internal import MillraceCore

/// A node's status as text for a terminal: one block a pipeline, one line a task.
enum StatusText {
    static func render(_ status: NodeStatus) -> String {
        var text = "node up \(HumanText.span(status.uptime)), data in \(status.dataDirectory), "
        text +=
            "\(HumanText.bytes(status.residentBytes)) resident, "
            + "\(HumanText.span(TimeSpan(microseconds: Int64(status.cpuSeconds * 1e6)))) CPU\n"
        if let complaint = status.complaint { text += "! \(complaint)\n" }
        for pipeline in status.pipelines { text += "\n" + block(pipeline) }
        if status.pipelines.isEmpty { text += "no pipelines\n" }
        return text
    }

    /// What a node says when it ends.
    static func summary(_ status: NodeStatus) -> String {
        let rows = status.pipelines.map { pipeline in
            let first = pipeline.stages.first?.tasks ?? []
            let last = pipeline.stages.last?.tasks ?? []
            return [
                pipeline.name, pipeline.state.rawValue,
                "\(HumanText.count(first.reduce(0) { $0 + $1.recordsIn })) records in",
                "\(HumanText.count(last.reduce(0) { $0 + $1.recordsOut })) results out",
                "\(HumanText.count(pipeline.tasks.reduce(0) { $0 + $1.lateRecords })) late",
                "\(HumanText.count(pipeline.deadLetters)) dead letters",
            ]
        }
        return Columns.aligned(rows)
    }

    private static func block(_ pipeline: PipelineStatus) -> String {
        var text = "\(pipeline.name): \(pipeline.state.rawValue)"
        if !pipeline.outputs.isEmpty { text += " into \(pipeline.outputs.joined(separator: ", "))" }
        if pipeline.deadLetters > 0 { text += ", \(HumanText.count(pipeline.deadLetters)) dead letters" }
        if pipeline.parkedKeys > 0 { text += ", \(pipeline.parkedKeys) keys parked" }
        text += "\n"
        if let failure = pipeline.failure { text += "  ! \(failure)\n" }
        for stage in pipeline.stages {
            text += "  stage \(stage.index)  \(stage.title)  ← \(stage.input)\n"
            text += Columns.aligned(
                [["part", "state", "position", "lag", "watermark", "in", "out", "late", "bad", "busy", "commit"]]
                    + stage.tasks.map(row), indent: 4)
        }
        return text
    }

    private static func row(_ task: TaskStatus) -> [String] {
        let lag =
            task.lagRecords == 0 ? "0" : "\(HumanText.count(task.lagRecords)) (\(HumanText.span(task.lag)))"
        return [
            "\(task.partition)", task.state.rawValue + (task.restarts > 0 ? " (\(task.restarts) restarts)" : ""),
            HumanText.count(task.position), lag, task.watermark.map(HumanText.watermark) ?? "none yet",
            HumanText.count(task.recordsIn), HumanText.count(task.recordsOut), HumanText.count(task.lateRecords),
            HumanText.count(task.badRecords), "\(Int((task.busy * 100).rounded()))%",
            task.commits == 0
                ? "none yet" : "\(HumanText.span(task.commitAge)) ago in \(HumanText.span(task.commitDuration))",
        ]
    }
}

/// Numbers as people read them.
enum HumanText {
    /// `1,234,567`.
    static func count(_ number: Int64) -> String {
        var digits = String(number.magnitude)
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return (number < 0 ? "-" : "") + ([digits] + groups).joined(separator: ",")
    }

    /// Two figures at most: `850 µs`, `12 ms`, `3.4 s`, `2 min`, `5 h`, `3 d`.
    static func span(_ span: TimeSpan) -> String {
        let microseconds = Double(span.microseconds)
        if abs(microseconds) < 1_000 { return "\(span.microseconds) µs" }
        let units: [(below: Double, size: Double, name: String)] = [
            (1e6, 1e3, "ms"), (60e6, 1e6, "s"), (3_600e6, 60e6, "min"), (86_400e6, 3_600e6, "h"),
            (.infinity, 86_400e6, "d"),
        ]
        for unit in units where abs(microseconds) < unit.below {
            let value = microseconds / unit.size
            if abs(value) < 9.95 {
                let tenths = Int((value * 10).rounded())
                return tenths % 10 == 0
                    ? "\(tenths / 10) \(unit.name)" : "\(tenths / 10).\(abs(tenths % 10)) \(unit.name)"
            }
            return "\(Int(value.rounded())) \(unit.name)"
        }
        return "for ever"
    }

    /// `3.4 MiB`.
    static func bytes(_ bytes: Int64) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        var (value, unit) = (Double(bytes), 0)
        while value >= 1_024, unit + 1 < units.count {
            value /= 1_024
            unit += 1
        }
        let tenths = Int((value * 10).rounded())
        return value >= 9.95 || tenths % 10 == 0
            ? "\(Int(value.rounded())) \(units[unit])" : "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }

    static func watermark(_ time: EventTime) -> String {
        time == .distantFuture ? "end of input" : time == .distantPast ? "none yet" : "\(time)"
    }
}

/// Cells in columns, padded; numbers are not told from words, so everything is flush left but the last.
enum Columns {
    static func aligned(_ rows: [[String]], indent: Int = 0) -> String {
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in
            rows.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            let cells = row.enumerated().map { index, cell in
                index + 1 == row.count ? cell : cell + String(repeating: " ", count: widths[index] - cell.count)
            }
            return String(repeating: " ", count: indent) + cells.joined(separator: "  ") + "\n"
        }.joined()
    }
}
