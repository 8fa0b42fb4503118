import Foundation
import MillraceCore
import MillraceLog
import MillraceTables
import Testing

@testable import MillraceEngine

/// Kills a real process over and over, at random times and at every named crash point, and compares what is in the
/// table and in the output log with what the input says should be there: each result exactly once.
@Suite(.serialized) struct ExactlyOnceTests {
    private static let points = ["commit.prepared", "commit.decided", "commit.published"]
    private static let runs = Int(ProcessInfo.processInfo.environment["MILLRACE_TEST_KILL_RUNS"] ?? "") ?? 6

    /// Beside the test bundle, where the package manager builds it.
    private let probe: URL = {
        let bundle = Bundle.allBundles.map(\.bundleURL).first { $0.pathExtension == "xctest" }
        let beside = bundle ?? URL(fileURLWithPath: CommandLine.arguments[0])
        return beside.deletingLastPathComponent().appendingPathComponent("EngineProbe")
    }()

    /// Runs the probe; kills it after `seconds`, if that is given. Returns whether it ended by itself with success.
    private func run(_ arguments: [String], crash: String? = nil, killAfter seconds: Double? = nil) throws -> Bool {
        let process = Process()
        process.executableURL = probe
        process.arguments = arguments
        var environment = ProcessInfo.processInfo.environment
        environment["MILLRACE_CRASH"] = crash
        process.environment = environment
        try process.run()
        if let seconds {
            let end = Date().addingTimeInterval(seconds)
            while process.isRunning, Date() < end { usleep(2_000) }
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        }
        process.waitUntilExit()
        return process.terminationReason == .exit && process.terminationStatus == 0
    }

    @Test(arguments: 0..<runs)
    func everyResultIsThereOnceAfterKills(run number: Int) async throws {
        let seed = UInt64(number) + 1
        var random = SeededRandom(seed: seed)
        let directory = NSTemporaryDirectory() + "millrace-kill-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let records = 20_000
        #expect(try run(["fill", directory, "\(records)", "\(seed)"]), "seed \(seed)")
        // Every crash point once, at a hit that differs from run to run, then kills at any time.
        for point in Self.points {
            _ = try run(
                ["run", directory], crash: "\(point):\(1 + random.next(upperBound: 12 as UInt64))", killAfter: 20)
        }
        for _ in 0..<3 {
            _ = try run(["run", directory], killAfter: Double(random.next(upperBound: 600 as UInt64)) / 1_000)
        }
        #expect(try run(["run", directory], killAfter: 60), "the last run did not finish; seed \(seed)")
        try await verify(directory, seed: seed, records: records)
    }

    private func verify(_ directory: String, seed: UInt64, records: Int) async throws {
        let visits = workload(seed: seed, count: records)
        let early = visits.filter { $0.page != 99 }
        var fixture = NodeFixture(Topology([]))
        fixture.settings.dataDirectory = directory
        let node = try fixture.start()
        let rows = try node.counts("views")
        #expect(rows.filter { $0[0] != 99 } == expectedCounts(early), "seed \(seed)")

        var found: [Visit] = []
        for partition in node.log.topic("even")!.partitions {
            let reader = try LogReader(partition: partition, from: 0, isolation: .readCommitted)
            while let batches = try reader.next() {
                try batches.forEachRecord(using: Decompressor()) { record in
                    found.append(try Visit.decode(key: record.key, value: record.value))
                }
            }
        }
        let order: (Visit, Visit) -> Bool = { ($0.user, $0.page, $0.second) < ($1.user, $1.page, $1.second) }
        #expect(found.sorted(by: order) == visits.filter { $0.page % 2 == 0 }.sorted(by: order), "seed \(seed)")
        await node.close()
    }

    /// The visits that the probe writes: written again here, so that the probe cannot be wrong about them alone.
    private func workload(seed: UInt64, count: Int) -> [Visit] {
        var random = SeededRandom(seed: seed)
        let visits = (0..<count).map { n in
            Visit(
                user: UInt32.random(in: 0..<50, using: &random), page: UInt32.random(in: 0..<20, using: &random),
                second: UInt32(1_000 + n * 120 / count))
        }
        return visits + (0..<50).map { Visit(user: $0, page: 99, second: 2_000) }
    }
}
