import Foundation
import MillraceCore
import Testing

@testable import EngineProbe
@testable import MillraceEngine

/// Ten times as much as a pipeline can take: five seconds in every run, `MILLRACE_TEST_OVERLOAD_SECONDS=60` for the
/// whole.
@Suite struct OverloadTests {
    private static let seconds =
        Int64(ProcessInfo.processInfo.environment["MILLRACE_TEST_OVERLOAD_SECONDS"] ?? "") ?? 5

    @Test func anOverloadedPipelineStaysWithinItsMemoryLosesNothingAndCatchesUpByItself() async throws {
        let fixture = NodeFixture(Topology())
        defer { fixture.remove() }
        let said = fixture.directory + ".said"
        _ = FileManager.default.createFile(atPath: said, contents: nil)
        defer { try? FileManager.default.removeItem(atPath: said) }
        let output = try #require(FileHandle(forWritingAtPath: said))
        #expect(
            try EngineProcess.run(
                ["overload", fixture.directory, "\(Self.seconds)"], killAfter: Double(Self.seconds) + 200,
                output: output))
        let text = try String(contentsOfFile: said, encoding: .utf8)
        var figures: [String: Int64] = [:]
        for word in text.split(whereSeparator: \.isWhitespace) {
            let parts = word.split(separator: "=")
            if parts.count == 2 { figures[String(parts[0])] = Int64(parts[1]) }
        }
        let settings = OverloadWorkload.settings
        // What the two tasks may hold: state, and a commit's worth being made while another is on its way, in and out.
        let budget = Int64(settings.stateBudget + 4 * 2 * settings.commitBytes)
        let (base, peak) = (try #require(figures["base"], "\(text)"), try #require(figures["peak"]))
        #expect(peak - base <= budget * 6 / 5, "\(text)")
        // There was an overload: less than a third of it was taken.
        #expect(try #require(figures["waiting"]) > Int64(OverloadWorkload.rate) * Self.seconds * 2 / 3, "\(text)")
        #expect(figures["lost"] == 0 && figures["restarts"] == 0, "\(text)")
        // Ten seconds on a machine of its own; tests share theirs.
        #expect(try #require(figures["drained"]) <= 60_000, "\(text)")
    }
}
