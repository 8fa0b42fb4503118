import MillraceCore
import MillraceFlow
import Testing

@testable import EngineProbe
@testable import MillraceEngine

private struct Sale: Record, Codable {
    var shop: String
    var pieces: Int
}

private struct ByShop: Pipeline {
    var body: some Flow<Sale, Keyed<String, Int>> {
        Events<Sale>().map(to: Keyed<String, Int>.self) { Keyed(key: $0.shop, value: $0.pieces) }
    }
}

/// What people read when they ask a node about itself.
@Suite struct ExplainTests {
    @Test func aRowLeadsToTheRecordItWasMadeFrom() async throws {
        let sales = Log<Sale>("sales").keeping()
        let fixture = NodeFixture(Topology([sales.feeds(ByShop()).into(Table("shops"))]))
        defer { fixture.remove() }
        let node = try fixture.start()
        try await node.append(texts: [#"{"shop":"north","pieces":7}"#], to: "sales")
        try await node.run(
            until: { try $0.explanation(table: "shops", key: ["north"]).contains("commit") },
            then: { node in
                let text = try node.explanation(table: "shops", key: ["north"])
                #expect(text.contains("key = north"))
                #expect(text.contains("from sales partition 0, offsets 0 to 0"))
                #expect(text.contains(#"@0 {"shop":"north","pieces":7}"#))
                #expect(text.contains("pipeline ByShop, release \(node.release), stage 0, partition 0"))
                #expect(try node.explanation(table: "shops", key: ["south"]).contains("its key is key"))
            })
    }

    @Test func whyNamesTheTaskThatHoldsEventTime() async throws {
        let visits = Log<Visit>("visits", partitions: 3).keeping()
        var fixture = NodeFixture(Topology([visits.feeds(PromptViews()).into(Table("views"))]))
        fixture.settings.idleAfter = .hours(1)
        defer { fixture.remove() }
        let node = try fixture.start()
        // Every partition gets on, one of them not as far.
        try await node.append(
            (0..<50 as Range<UInt32>).map { Visit(user: $0, page: 1, second: 1_000 + $0) }, to: "visits")
        try await node.run(
            until: { node in
                let why = try node.why(pipeline: "PromptViews")
                return why.contains("held by partition") && why.contains("of stage 0, and has not moved for")
            },
            then: { node in
                let why = try node.why(pipeline: "PromptViews")
                #expect(why.contains("stage 0 reads visits") && why.contains("stage 1 reads stage 0"))
                #expect(why.contains("everything in visits has been read"))
            })
    }

    @Test func checkAndDescribeNameWhatFeedsWhat() {
        let visits = Log<Visit>("visits", partitions: 3)
        let topology = Topology([
            visits.feeds(PromptViews()).into(Table("views")),
            Table("views").changes(of: ViewCount.self).feeds(BusyWindows()).into(Log<ViewCount>("busy")),
        ])
        #expect(
            TopologyText.sound(topology) == """
                the topology and the settings are sound: 2 pipelines
                  visits (3 partitions) → PromptViews → table views
                  changes of table views → BusyWindows → log busy

                """)
    }
}
