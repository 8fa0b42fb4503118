import Foundation
import MillraceCore
import MillraceLog
import MillraceTables
import Testing

@testable import EngineProbe
@testable import MillraceEngine

/// Kills a real process over and over, at random times and at every named crash point, and compares what is in the
/// table and in the output log with what the input says should be there: each result exactly once.
@Suite(.serialized) struct ExactlyOnceTests {
    private static let points = [
        "commit.prepared", "commit.decided", "commit.published", "task.restoring", "task.restored",
    ]
    private static let runs = Int(ProcessInfo.processInfo.environment["MILLRACE_TEST_KILL_RUNS"] ?? "") ?? 20

    @Test(arguments: 0..<runs)
    func everyResultIsThereOnceAfterKills(run number: Int) async throws {
        let seed = UInt64(number) + 1
        var random = SeededRandom(seed: seed)
        let directory = NSTemporaryDirectory() + "millrace-kill-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let records = 100_000
        #expect(try EngineProcess.run(["fill", directory, "\(records)", "\(seed)"]), "seed \(seed)")
        // Three crash points, others in each run, at a hit that differs, too; then kills at any time.
        for point in Self.points.shuffled(using: &random).prefix(3) {
            _ = try EngineProcess.run(
                ["run", directory], crash: "\(point):\(1 + random.next(upperBound: 12 as UInt64))", killAfter: 20)
        }
        for _ in 0..<3 {
            _ = try EngineProcess.run(
                ["run", directory], killAfter: Double(random.next(upperBound: 600 as UInt64)) / 1_000)
        }
        #expect(try EngineProcess.run(["run", directory], killAfter: 240), "the last run did not finish; seed \(seed)")
        try await verify(directory, seed: seed, records: records)
    }

    /// T26: one final result a window and user without the late ones, and the late ones in their log, once.
    private func verifyLate(_ node: Node, _ oracle: VisitOracle) throws {
        let (onTime, late) = oracle.lateness(behind: VisitWorkload.allowedDisorder, partitions: 3)
        #expect(late.count > 1_000, "the load must have late records: \(late.count)")
        #expect(
            try node.records("late", of: Visit.self).filter { $0.page != VisitWorkload.closingPage }.occurrences
                == late.occurrences)
        #expect(
            try node.counts("punctual").filter { $0[1] < 3_000 }
                == VisitOracle(visits: onTime, orders: []).userWindows(of: 10))
    }

    private func verify(_ directory: String, seed: UInt64, records: Int) async throws {
        let oracle = VisitOracle(
            visits: VisitWorkload.visits(seed: seed, count: records).filter { $0.page != VisitWorkload.closingPage },
            orders: VisitWorkload.orders(seed: seed, count: records).map(\.visit)
                .filter { $0.page != VisitWorkload.closingPage })
        var fixture = NodeFixture(Topology([]))
        fixture.settings.dataDirectory = directory
        let node = try fixture.start()
        let closing = Int64(VisitWorkload.closingPage)
        #expect(try node.counts("views").filter { $0[0] != closing } == oracle.windows(of: 10, every: 10))
        let busy = try node.records("busy", of: ViewCount.self).filter { $0.key != VisitWorkload.closingPage }
        #expect(
            busy.map { [Int64($0.key), $0.window_start.microseconds / 1_000_000, Int64($0.value)] }.occurrences
                == oracle.windows(of: 10, every: 10).filter { $0[2].isMultiple(of: 2) }.occurrences)
        #expect(try node.counts("sliding").filter { $0[0] != closing } == oracle.windows(of: 60, every: 10))
        #expect(try node.counts("sessions").filter { $0[1] < 3_000 } == oracle.sessions(gap: 4))
        let even = try node.records("even", of: Visit.self).filter { $0.page != VisitWorkload.closingPage }
        #expect(even.occurrences == oracle.visits.filter { $0.page % 2 == 0 }.occurrences)
        let matches = try node.records("matches", of: Match.self)
            .filter { $0.visit.page != VisitWorkload.closingPage }
        try verifyLate(node, oracle)
        #expect(matches.count > records / 200, "the load must have matches: \(matches.count)")
        #expect(
            matches.map { [$0.visit.user, $0.visit.page, $0.visit.second, $0.orderSecond] }.occurrences
                == oracle.matches(within: 10).occurrences)
        await node.close()
    }
}
