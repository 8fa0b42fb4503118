import BenchmarkReport
import MillraceCore
import Testing

/// What people and programs read of a run.
@Suite struct ReportTests {
    static func measurement(
        _ name: String, cpu: [Double], ratio: [Double]? = nil, goal: String = "", runs: Int = 3
    ) -> Measurement {
        var made = Measurement(
            name: name, unit: "record", units: 1_000, runs: runs, goal: goal, nanoseconds: Spread(cpu),
            cpuNanoseconds: Spread(cpu))
        made.control = ratio.map {
            .init(name: "loop", nanoseconds: Spread([1]), ratio: Spread($0), cpuRatio: Spread($0))
        }
        made.hash = "ab"
        made.allocationsPer1000 = 0.5
        return made
    }

    private static let goals: [(goal: String, ratio: Double, isMet: Bool?)] = [
        ("≤ 1.2×", 1, true), ("≤ 1.2×", 1.3, false), ("≤ 8 ns", 9, true), ("≤ 4 ns", 1, false),
        ("≤ 0.004 µs", 1, false), ("wall < 1×", 0.9, true), ("p99 ≤ 3×", 1, nil), ("", 1, nil),
        ("1 GiB ≤ 2 s", 1, nil),
    ]
    @Test func aGoalOfOneBoundIsJudged() {
        for (goal, ratio, isMet) in Self.goals {
            let measurement = Self.measurement("a.b", cpu: [5], ratio: [ratio], goal: goal)
            #expect(measurement.goal.isMet(by: measurement) == isMet, "\(goal)")
        }
    }

    @Test func aTableIsNarrowAndNamesAControlOnce() {
        var long = Self.measurement(
            "log.append.100B.durable.64.here", cpu: [123_456_789, 2e8, 3e8], ratio: [1, 2, 300])
        long.extra = (0..<30).map { .init(name: "write+fdatasync p\($0) µs", value: 1_234.5) }
        let text = TextReport.of([
            long, Self.measurement("log.scan", cpu: [1, 2, 3], ratio: [0.5, 1, 2], goal: "≤ 1.43×"),
            Self.measurement("flow.alone", cpu: [1]),
        ])
        for line in text.split(separator: "\n") { #expect(line.count <= 112, "\(line.count): \(line)") }
        #expect(text.contains("log against loop") && text.components("loop") == 1)
        #expect(text.contains("✓ ≤ 1.43×"))
    }

    @Test func aWrongAnswerHasNoFigure() {
        var wrong = Self.measurement("flow.fused", cpu: [7.25])
        (wrong.isWrong, wrong.complaints) = (true, ["the answer differs from loop's"])
        for text in [TextReport.of([wrong]), MarkdownReport.of([.workload(wrong)]), Page.of([.workload(wrong)])] {
            #expect(!text.contains("7.25") && text.contains("the answer differs from loop"))
        }
    }

    @Test func aChangeIsNamedOnlyBeyondTheSpread() {
        func verdict(_ before: [Double], _ now: [Double], runs: Int = 3) -> Comparison.Verdict? {
            Comparison(
                before: [Self.measurement("a", cpu: before, runs: runs)],
                now: [Self.measurement("a", cpu: now, runs: runs)]
            ).rows.first?.verdict
        }
        #expect(verdict([10, 11, 12], [11, 12, 13]) == .same)
        #expect(verdict([10, 11, 12], [12.1, 13, 14]) == .slower)
        #expect(verdict([10, 11, 12], [8, 9, 9.9]) == .faster)
        #expect(verdict([10], [20], runs: 1) == .unknown)
    }

    @Test func whatHasAControlIsComparedByIt() throws {
        // The machine was half as fast, and so was the control.
        let comparison = Comparison(
            before: [Self.measurement("a", cpu: [10, 11, 12], ratio: [1, 1.1, 1.2])],
            now: [Self.measurement("a", cpu: [20, 22, 24], ratio: [1, 1.1, 1.2])])
        let row = try #require(comparison.rows.first)
        #expect(row.isRatio && row.verdict == .same && row.change == 0)
    }

    @Test func anotherAnswerAndWhatHasNoPartnerAreTold() {
        var other = Self.measurement("a", cpu: [1, 2, 3])
        other.hash = "cd"
        other.allocationsPer1000 = 9
        let comparison = Comparison(
            before: [Self.measurement("a", cpu: [1, 2, 3]), Self.measurement("gone", cpu: [1])],
            now: [other, Self.measurement("new", cpu: [1])])
        #expect(comparison.rows[0].remarks == ["ANOTHER ANSWER: ab and cd", "allocations per 1,000: 0.5 → 9"])
        #expect(comparison.unpaired == ["new", "gone"])
        #expect(comparison.text.contains("ANOTHER ANSWER") && comparison.text.contains("gone"))
    }
}

extension String {
    func components(_ part: String) -> Int { ranges(of: part).count }
}
