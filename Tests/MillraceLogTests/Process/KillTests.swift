import Foundation
import MillraceCore
import Testing

@testable import LogProbe

/// T01: real processes, real files, SIGKILL at random moments: while opening, recovering, appending, syncing, rolling.
@Suite(.serialized) struct KillTests {
    /// `MILLRACE_KILLS` lives in all; the number that the project promises is the default.
    static let kills = ProcessInfo.processInfo.environment["MILLRACE_KILLS"].flatMap { Int($0) } ?? 200

    @Test(arguments: ["durable", "written"]) func T01_nothingAcknowledgedIsLostToAKill(_ acknowledgement: String) throws
    {
        let seed = BatchRun.seed
        let comment: Comment = "MILLRACE_SEED=\(seed), \(acknowledgement)"
        var random = SeededRandom(seed: seed)
        let home = FileManager.default.temporaryDirectory.appendingPathComponent("millrace-kill-\(UUID().uuidString)")
            .path
        defer { try? FileManager.default.removeItem(atPath: home) }
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        let run = ProbeRun(directory: home + "/log", producers: 6, partitions: 3, acknowledgement: acknowledgement)
        for cycle in 1...max(1, Self.kills / 2) {
            // Every fourth life ends while it begins.
            if cycle % 4 == 0 {
                try run.live(for: Int.random(in: 1...25, using: &random), from: .start)
            } else {
                try run.live(for: Int.random(in: 0...70, using: &random))
            }
            #expect(run.refusals.isEmpty, "\(run.refusals.first ?? ""); \(comment)")
            if cycle % 25 == 0, run.opened > 0 {
                let problems = try FileOracle.problems(run)
                #expect(problems == [], comment)
            }
            if !run.refusals.isEmpty { return }
        }
        // One that is left alone long enough to recover everything.
        try run.live(for: 1_000, from: .acknowledged(200))
        let problems = try FileOracle.problems(run)
        #expect(problems == [], comment)
        #expect(run.refusals.isEmpty, comment)
        #expect(run.opened >= run.cycles * 3 / 4, "lives must get as far as writing; \(run.opened) of \(run.cycles)")
        #expect(run.acknowledgedRecords > run.cycles, "the load must be one: \(run.acknowledgedRecords) records")
        let told = "\(run.opened) lives wrote, \(run.acknowledgedRecords) records held"
        print("\(acknowledgement): \(run.cycles) kills, \(told)")
    }
}

/// The oracle must be able to fail: it is shown a log that lost, doubled and changed what was acknowledged.
@Suite struct FileOracleTests {
    @Test func theOracleSeesWhatIsMissing() throws {
        let home = FileManager.default.temporaryDirectory.appendingPathComponent("millrace-oracle-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: home) }
        try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
        let run = ProbeRun(directory: home.path + "/log", producers: 1, partitions: 1, acknowledgement: "durable")
        try run.live(for: 100, from: .acknowledged(100))
        #expect(try FileOracle.problems(run) == [])
        let folder = home.appendingPathComponent("log/topics/t/0")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".log") }
        let file = folder.appendingPathComponent(try #require(names.min()))
        let whole = try Data(contentsOf: file)
        // The first segment without its last byte, and without a record in the middle.
        for damaged in [whole.dropLast(), whole.prefix(whole.count / 2) + whole.suffix(whole.count / 4)] {
            try Data(damaged).write(to: file)
            #expect(try !FileOracle.problems(run).isEmpty)
        }
        try whole.write(to: file)
        #expect(try FileOracle.problems(run) == [])
    }
}
