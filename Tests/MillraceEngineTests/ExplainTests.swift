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

private struct TimedSale: Record, Codable {
    var shop: String
    var at: EventTime
}

private struct SalesByShop: Pipeline {
    var body: some Flow<TimedSale, Pane<String, Int>> {
        Events<TimedSale>().keyed(by: \.shop).window(.tumbling(.seconds(10)), at: \.at).count()
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

    /// The window's result comes of time alone, in a commit that read other keys' records; a shuffle lies between.
    @Test func aRowBehindAShuffleLeadsToTheRecordsOfItsKey() async throws {
        let sales = Log<TimedSale>("sales").keeping()
        let fixture = NodeFixture(Topology([sales.feeds(SalesByShop()).into(Table("shops"))]))
        defer { fixture.remove() }
        let node = try fixture.start()
        let sale = { (shop: String, second: Int) in
            #"{"shop":"\#(shop)","at":"1970-01-01T00:00:\#(second < 10 ? "0" : "")\#(second)Z"}"#
        }
        try await node.append(
            texts: (0..<40).map { sale("south-\($0)", 1) } + [sale("north", 2), sale("northern", 2)], to: "sales")
        let isFirstRead: @Sendable (Node) -> Bool = { node in
            let tasks = node.status().pipelines[0].stages[1].tasks
            return tasks.reduce(0) { $0 + $1.recordsIn } >= 42 && tasks.allSatisfy { $0.lagRecords == 0 }
        }
        let has = { @Sendable (text: String) in
            { @Sendable (node: Node) throws -> Bool in
                try node.explanation(table: "shops", key: ["north"]).contains(text)
            }
        }
        async let others: Void = {
            try await node.waits { isFirstRead($0) }
            try await node.append(texts: (0..<40).map { sale("south-\($0)", 3) } + [sale("south-1", 59)], to: "sales")
        }()
        let text = try await node.run(
            until: has("commit"), then: { try $0.explanation(table: "shops", key: ["north"]) })
        try await others
        #expect(text.contains("from _shuffle.SalesByShop.0 partition"), "\(text)")
        #expect(text.contains("stage 0, partition 0, commit"), "\(text)")
        #expect(text.contains("from sales partition 0, offsets 0 to 41"), "\(text)")
        #expect(text.contains(#"@40 {"shop":"north","at""#), "\(text)")
        // Other keys' records are not shown with them.
        #expect(!text.contains(#"@41 {"shop":"northern""#), "\(text)")
        #expect(
            text.contains("all of them: millrace log read sales --partition 0 --from 0 --limit 42"), "\(text)")
    }

    @Test func aKeyIsNamedAsAWordOfItsOwn() {
        let names = { (text: String, record: String) in
            var mention = KeyMention([text])
            return Array(record.utf8).withUnsafeBytes { mention.isMade(in: $0, key: nil) }
        }
        #expect(names("7", #"{"user":7,"page":17}"#))
        #expect(!names("7", #"{"user":17,"page":71,"rate":7.5,"at":"2026-07-07"}"#))
        #expect(names("/home", #"{"page":"/home/x","from":"/home"}"#))
        #expect(!names("/home", #"{"page":"/home/x"}"#))
        #expect(!KeyMention([""]).isPossible)
        #expect(!names("long", "lon"))
        #expect(names("long", "long"))
    }

    @Test func provenanceOfBeforeIsReadAndEveryCutIsRefused() throws {
        var commit = TaskCommit(
            task: TaskAddress(pipeline: "p", stage: 1, partition: 2), release: "r", mark: TaskMark(),
            inputs: [CommittedRange(input: "in", first: 3, end: 9)],
            state: StateChange(block: nil, entries: StateDelta(), dropped: 0..<0, kept: 0..<0), rows: nil, table: nil)
        let before = Provenance(commit)
        var bytes = before.bytes
        bytes[0] = 2
        bytes.removeLast(2)
        #expect(try Provenance(bytes) == before)
        commit.shuffled = [
            ShuffledRange(partition: 0, offsets: 5..<9), ShuffledRange(partition: 63, offsets: 0..<1),
        ]
        let whole = Provenance(commit).bytes
        #expect(try Provenance(whole) == Provenance(commit))
        for count in 0..<whole.count { #expect(throws: ByteFault.self) { try Provenance(Array(whole.prefix(count))) } }
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
