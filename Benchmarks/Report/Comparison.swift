/// Two results of the same workloads side by side. A change is named only where it is beyond the spread of both: where
/// every run of one is faster than every run of the other.
public struct Comparison: Sendable {
    public enum Verdict: String, Sendable { case same = "", faster, slower, unknown = "one run each: cannot tell" }

    public struct Row: Sendable {
        public var name: String
        public var before: Spread
        public var now: Spread
        /// Times of the control's CPU time; without a control it is nanoseconds of CPU time a unit.
        public var isRatio: Bool
        public var verdict: Verdict
        /// What changed and is not a time.
        public var remarks: [String]

        public var change: Double { before.median == 0 ? 0 : now.median / before.median - 1 }
    }

    public let rows: [Row]
    /// Measured by only one of the two.
    public let unpaired: [String]

    public init(before: [Measurement], now: [Measurement]) {
        let earlier = Dictionary(before.map { ($0.name, $0) }) { $1 }
        let later = Set(now.map(\.name))
        rows = now.compactMap { now in earlier[now.name].map { Row($0, now) } }
        unpaired =
            now.map(\.name).filter { earlier[$0] == nil } + before.map(\.name).filter { !later.contains($0) }
    }

    public var text: String {
        let head = ["workload", "before", "±", "now", "±", "change", "verdict"]
        let cells = rows.map { row in
            [
                row.name, row.figure(row.before), Digits.percent(row.before.halfRange), row.figure(row.now),
                Digits.percent(row.now.halfRange), (row.change > 0 ? "+" : "") + Digits.percent(row.change),
                row.verdict.rawValue,
            ]
        }
        let widths = head.indices.map { column in ([head] + cells).map { $0[column].count }.max() ?? 0 }
        func line(_ cells: [String]) -> String {
            zip(cells.indices, cells).map { index, cell in
                let padding = TextReport.spaces(widths[index] - cell.count)
                return index == 0 || index == cells.count - 1 ? cell + padding : padding + cell
            }.joined(separator: "  ").trimmedRight + "\n"
        }
        var text = line(head)
        for (row, cells) in zip(rows, cells) {
            text += line(cells)
            text += row.remarks.map { "    · \($0)\n" }.joined()
        }
        text += "\n× the control's CPU time in the same run; other times are CPU time a unit\n"
        text += "a verdict only where all runs of one are beyond all runs of the other\n"
        return text + (unpaired.isEmpty ? "" : "in only one of the two:\n" + TextReport.wrapped(unpaired, indent: "  "))
    }
}

extension Comparison.Row {
    fileprivate init(_ before: Measurement, _ now: Measurement) {
        name = now.name
        if let old = before.control, let new = now.control, old.name == new.name {
            (self.before, self.now, isRatio) = (old.bestRatio, new.bestRatio, true)
        } else {
            (self.before, self.now, isRatio) = (before.cpuNanoseconds, now.cpuNanoseconds, false)
        }
        if before.runs < 2 || now.runs < 2 {
            verdict = .unknown
        } else if self.now.least > self.before.greatest {
            verdict = .slower
        } else if self.now.greatest < self.before.least {
            verdict = .faster
        } else {
            verdict = .same
        }
        remarks = []
        if before.units != now.units {
            remarks.append("other sizes: \(before.units) and \(now.units) \(now.unit)s")
        } else if before.hash != now.hash {
            remarks.append("ANOTHER ANSWER: \(before.hash) and \(now.hash)")
        }
        for (what, old, new) in [
            ("allocations per 1,000", before.allocationsPer1000, now.allocationsPer1000),
            ("instructions", before.instructionsPerUnit, now.instructionsPerUnit),
        ] {
            // Counts hardly vary: a tenth is a change, but not a tenth of next to nothing.
            if let old, let new, abs(new - old) > max(1, old / 10) {
                remarks.append("\(what): \(Digits.of(old)) → \(Digits.of(new))")
            }
        }
    }

    fileprivate func figure(_ spread: Spread) -> String {
        isRatio ? "\(Digits.of(spread.median)) ×" : Digits.time(nanoseconds: spread.median)
    }
}
