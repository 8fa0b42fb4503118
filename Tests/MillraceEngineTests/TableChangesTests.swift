import MillraceCore
import MillraceFlow
import MillraceTables
import Testing

@testable import EngineProbe
@testable import MillraceEngine

/// Results that are corrected: a retraction, then the new row.
private struct RetractedViews: Pipeline {
    var body: some Flow<Visit, Pane<UInt32, Int>> {
        Events<Visit>()
            .keyed(by: \.page)
            .window(
                .tumbling(.seconds(10)), at: \.at, lateness: .seconds(5),
                trigger: .atWatermark(early: .count(1), panes: .retracting)
            )
            .count()
    }
}

@Suite struct TableChangesTests {
    private static let visits = (0..<3_000 as Range<UInt32>).map {
        Visit(user: $0 % 50, page: $0 % 7, second: 1_000 + $0 / 10)
    }
    private static let closing = (0..<50 as Range<UInt32>).map { Visit(user: $0, page: 99, second: 9_000) }

    private static func topology(partitions: Int = 2) -> Topology {
        Topology([
            Log<Visit>("visits", partitions: 3).keeping().feeds(PromptViews()).into(Table("views")),
            Table("views").changes(of: ViewCount.self, partitions: partitions).feeds(BusyWindows())
                .into(Log<ViewCount>("busy").keeping()),
        ])
    }

    private func expected(_ visits: [Visit]) -> Set<[Int64]> { Set(expectedCounts(visits).filter { $0[2] % 2 == 0 }) }
    private func busy(_ node: Node) throws -> [[Int64]] {
        try node.records("busy", of: ViewCount.self).map {
            [Int64($0.key), $0.window_start.microseconds / 1_000_000, Int64($0.value)]
        }
    }

    @Test func eachRowReachesTheOtherPipelineOnceAlsoOverARestart() async throws {
        let fixture = NodeFixture(Self.topology())
        defer { fixture.remove() }
        let first = try fixture.start()
        try await first.append(Array(Self.visits[..<1_500]), to: "visits")
        _ = try await first.run(until: { try !$0.counts("views").isEmpty }, then: { _ in })
        let second = try fixture.start()
        try await second.append(Array(Self.visits[1_500...]) + Self.closing, to: "visits")
        let expected = expected(Self.visits)
        let rows = try await second.run(
            until: { node in try self.busy(node).count >= expected.count }, then: { try self.busy($0) })
        #expect(rows.count == expected.count)
        #expect(Set(rows) == expected)
    }

    @Test func rowsThatAreTakenBackComeOnlyWhenAskedFor() async throws {
        struct Change: Record, Codable, Hashable {
            var key: UInt32
            var value: Int
            var retracted: Bool?
        }
        struct All: Pipeline { var body: some Flow<Change, Change> { Events<Change>() } }
        let fixture = NodeFixture(
            Topology([
                Log<Visit>("visits").keeping().feeds(RetractedViews()).into(Table("views")),
                Table("views").changes(of: Change.self, retractions: true).feeds(All(), as: "all")
                    .into(Log<Change>("all").keeping()),
                Table("views").changes(of: Change.self).feeds(All(), as: "rows").into(Log<Change>("rows").keeping()),
            ]))
        defer { fixture.remove() }
        let node = try fixture.start()
        try await node.append((0..<4 as Range<UInt32>).map { Visit(user: $0, page: 1, second: 1_001) }, to: "visits")
        try await node.append([Visit(user: 1, page: 2, second: 2_000)], to: "visits")
        let found = try await node.run(
            until: { node in
                try ["rows", "all"].allSatisfy {
                    try node.records($0, of: Change.self).contains { $0.key == 1 && $0.value == 4 }
                }
            },
            then: { (try $0.records("all", of: Change.self), try $0.records("rows", of: Change.self)) })
        #expect(found.1.allSatisfy { $0.retracted == nil })
        #expect(found.0.filter { $0.retracted == nil }.count >= found.1.count)
        #expect(found.0.contains { $0.retracted == true })
    }

    private func refusal(_ topology: Topology) -> Failure? {
        do throws(Failure) { try Node.check(topology) } catch { return error }
        return nil
    }

    @Test func whatCannotBeIsRefusedByName() {
        let unwritten = Topology([
            Table("nowhere").changes(of: ViewCount.self).feeds(BusyWindows()).into(Log<ViewCount>("busy"))
        ])
        #expect(refusal(unwritten)?.message.contains("no pipeline writes it") == true)
        let own = Topology([Table("busy").changes(of: Visit.self).feeds(PromptViews()).into(Table("busy"))])
        #expect(refusal(own)?.message.contains("feed itself") == true)
        var twice = Self.topology()
        twice.parts.append(
            Table("views").changes(of: ViewCount.self, partitions: 3).feeds(BusyWindows(), as: "again")
                .into(Log<ViewCount>("other")))
        #expect(refusal(twice)?.message.contains("in two ways") == true)
        #expect(refusal(Self.topology()) == nil)
    }
}
