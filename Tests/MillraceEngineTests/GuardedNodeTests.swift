import Foundation
import MillraceCore
import Testing

@testable import EngineProbe
@testable import MillraceEngine

/// A node under its guard: what kills the process ends as a dead letter, and everything else as a result.
@Suite struct GuardedNodeTests {
    @Test func aRecordThatNeverComesBackIsADeadLetterAfterTwoDeaths() async throws {
        var fixture = NodeFixture(Topology([]))
        defer { fixture.remove() }
        let hasEnded = try EngineProcess.run(
            [
                "--guard", "--data-directory", fixture.directory, "--stuck-after", "1500ms", "--drain-deadline",
                "300ms", "--log-level", "error",
            ], workload: "endless", killAfter: 240)
        try #require(hasEnded)
        fixture.topology = EndlessWorkload.topology
        let node = try fixture.start()
        let letters = try node.letters(of: "Unreturning", limit: .max)
        #expect(letters.map { $0.sourceOffset * 2 + Int64($0.sourcePartition) } == [EndlessWorkload.endless])
        #expect(letters.first?.attempts == 2)
        #expect(try node.records("safe", of: Visit.self).count == Int(EndlessWorkload.count) - 1)
        await node.close()
    }

    @Test func recordsThatTrapAreDeadLettersAfterTwoDeathsEach() async throws {
        var fixture = NodeFixture(Topology([]))
        defer { fixture.remove() }
        let said = fixture.directory + ".errors"
        _ = FileManager.default.createFile(atPath: said, contents: nil)
        defer { try? FileManager.default.removeItem(atPath: said) }
        let errors = try #require(FileHandle(forWritingAtPath: said))
        let hasEnded = try EngineProcess.run(
            ["--guard", "--data-directory", fixture.directory, "--commit-interval", "20ms"], killAfter: 120,
            errors: errors)
        let text = try String(contentsOfFile: said, encoding: .utf8)
        try #require(hasEnded, "\(text.suffix(4_000))")

        let deaths = text.split(separator: "\n").filter { $0.contains("the node ended") }
        let trapping = PoisonWorkload.trapping.count
        #expect(deaths.count >= trapping && deaths.count <= 2 * trapping, "\(deaths.joined(separator: "\n"))")

        fixture.topology = PoisonWorkload.topology
        let node = try fixture.start()
        let letters = try node.letters(of: "PoisonedPages", limit: .max)
        let visits = (0..<PoisonWorkload.count).map(PoisonWorkload.visit)
        let trapped = letters.filter { $0.error.contains("trap") }.map { letter in
            letter.sourceOffset * 3 + Int64(letter.sourcePartition)
        }
        #expect(trapped.sorted() == PoisonWorkload.trapping.keys.sorted())
        #expect(letters.count - trapped.count == visits.filter { $0.page == PoisonWorkload.throwing }.count)
        let safe = try node.records("safe", of: Visit.self)
        #expect(safe.count == visits.filter { $0.page == 1 }.count)
        #expect(Set(safe) == Set(visits.filter { $0.page == 1 }))
        await node.close()
    }
}
