import Foundation
import MillraceCore
import Testing

@testable import MillraceRuntime

/// The guard with real processes that really die.
@Suite struct ProcessGuardTests {
    final class Home {
        let url: URL
        init() throws {
            url = FileManager.default.temporaryDirectory.appendingPathComponent("guard-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        }
        deinit { try? FileManager.default.removeItem(at: url) }
        func lines(_ file: String) -> [String] {
            let text = try? String(contentsOf: url.appendingPathComponent(file), encoding: .utf8)
            return text?.split(separator: "\n").map(String.init) ?? []
        }
    }

    static let probe =
        Bundle.allBundles.map(\.bundleURL).first { $0.pathExtension == "xctest" }
        .map { $0.deletingLastPathComponent().appendingPathComponent("RuntimeProbe").path }
        ?? URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        .appendingPathComponent("RuntimeProbe").path

    let clock = SystemClock()

    private func guarding(
        _ home: Home, _ arguments: [String], heartbeatLost: TimeSpan = .seconds(30),
        report: @escaping @Sendable (String) -> Void = { _ in }
    ) -> ProcessGuard {
        ProcessGuard(
            directory: home.url.path, executable: Self.probe,
            arguments: [arguments[0], home.url.path] + arguments.dropFirst(),
            clock: clock, storage: PosixStorage(), random: SeededRandom(seed: 9), heartbeatLost: heartbeatLost,
            report: report)
    }

    @Test func `records that trap end the process twice at most, go to the dead letters, and the rest is done`()
        async throws
    {
        let home = try Home()
        let reports = Lock<[String]>([])
        let code = try await guarding(home, ["poison"]) { line in reports.withLock { $0.append(line) } }.run()
        #expect(code == 0)
        // Index out of range, overflow, stack overflow and abort, in two batches of their own.
        #expect(home.lines("dead") == ["137", "138", "600", "601"])
        #expect(home.lines("position") == ["1000"])
        let deaths = home.lines("starts").count - 1
        #expect(deaths <= 2 * 4, "two deaths a record at most: \(deaths)")
        let ledger = try BlameLedger.read(BlameBook.ledgerPath(home.url.path), PosixStorage())
        #expect(ledger.condemned.allSatisfy { $0.pipeline == "clicks" && $0.stage == 1 && $0.partition == 3 })
        #expect(!ledger.suspects.contains { $0.pipeline == "innocent" })
        #expect(reports.withLock { $0 }.allSatisfy { $0.contains("clicks stage 1 partition 3") })
    }

    @Test func `a process without a heart beat is killed, blamed and started again`() async throws {
        let home = try Home()
        let code = try await guarding(home, ["hang"], heartbeatLost: .milliseconds(700)).run()
        #expect(code == 0)
        let ledger = try BlameLedger.read(BlameBook.ledgerPath(home.url.path), PosixStorage())
        #expect(ledger.suspects.map(\.from) == [42])
    }

    @Test func `the node's own verdict is the guard's exit code`() async throws {
        for code in ["0", "2", "3"] {
            let home = try Home()
            #expect(try await guarding(home, ["code", code]).run() == Int32(code))
            #expect(home.lines("starts").isEmpty)
        }
    }

    @Test func `a node that fails again and again is given up`() async throws {
        let home = try Home()
        let failure = await #expect(throws: Failure.self) { try await guarding(home, ["code", "1"]).run() }
        #expect(home.lines("starts").isEmpty)
        #expect(failure?.code == .restartIntensity)
    }

    @Test func `a termination is passed on once, and drains`() async throws {
        let home = try Home()
        let guarded = guarding(home, ["signals", "polite"])
        let running = Task { try await guarded.run() }
        while home.lines("ready").isEmpty { try await clock.sleep(for: .milliseconds(5)) }
        guarded.terminate()
        #expect(try await running.value == 0)
        #expect(home.lines("signals") == ["drain"])
    }

    @Test func `the second termination kills`() async throws {
        let home = try Home()
        let guarded = guarding(home, ["signals", "stubborn"])
        let running = Task { try await guarded.run() }
        while home.lines("ready").isEmpty { try await clock.sleep(for: .milliseconds(5)) }
        guarded.terminate()
        while home.lines("signals").isEmpty { try await clock.sleep(for: .milliseconds(5)) }
        guarded.terminate()
        #expect(try await running.value == 128 + 9)
        #expect(home.lines("starts").isEmpty)
    }

    @Test func `an executable that is not there is a failure with its path`() async throws {
        let home = try Home()
        let guarded = ProcessGuard(
            directory: home.url.path, executable: "/nowhere/at/all", arguments: [], clock: clock,
            storage: PosixStorage(), random: SeededRandom(seed: 1)
        ) { _ in }
        let failure = await #expect(throws: Failure.self) { try await guarded.run() }
        #expect(failure?.place == "/nowhere/at/all")
    }
}
