import Foundation
import MillraceCore
import MillraceFlow
import Testing

@testable import MillraceConsole
@testable import MillraceEngine

@Suite struct TapAPITests {
    private func sight<R>(_ json: String, key: String = "k", _ body: (TapSight) -> R) -> R {
        Array(json.utf8).withUnsafeBytes { value in
            Array(key.utf8).withUnsafeBytes { key in
                body(TapSight(partition: 1, offset: 7, time: .seconds(5), key: key, value: value))
            }
        }
    }

    @Test(arguments: [
        ("count>=10", true), ("count>10", false), ("count=10", true), ("count!=10", false), ("count<=9.5", false),
        ("count<11", true), ("count>x", false), ("page=/home", true), ("page~ome", true), ("page!=/a", true),
        ("page>=/a", true), ("isNew=true", true), ("nope=1", false), ("nope!=1", true), ("a.b=1", false),
    ])
    func conditionsLookAtTheFieldsOfAValue(text: String, holds: Bool) throws {
        var predicate = TapPredicate()
        predicate.conditions = [try .init(text)]
        let value = #"{"count": 10, "page": "/home", "isNew": true, "list": [1]}"#
        #expect(sight(value) { predicate.holds($0) } == holds)
        #expect(sight("not json") { predicate.holds($0) } == text.contains("!="), "what has no field differs")
    }

    @Test func whatIsNoConditionIsRefused() {
        for text in ["count", "=1", "", ">="] {
            #expect(throws: Failure.self) { try TapPredicate.Condition(text) }
        }
    }

    @Test func keyAndTextNarrowItDown() {
        var predicate = TapPredicate()
        predicate.key = Array("k".utf8)
        predicate.contains = Array("om".utf8)
        #expect(sight("home") { predicate.holds($0) })
        #expect(!sight("home", key: "other") { predicate.holds($0) })
        #expect(!sight("away") { predicate.holds($0) })
    }

    @Test func wrongOptionsAreRefusedAndUnknownPipelinesAre404() async throws {
        try await ConsoleFixture.with { node in
            for query in [
                "sample=0", "sample=2", "sample=x", "limit=0", "edge=side", "where=x", "seconds=0", "stage=-1",
            ] {
                let answer = await node.client().get("/pipelines/PageViews/tap?\(query)")
                #expect(answer?.status == 400, "\(query)")
            }
            #expect(await node.client().get("/pipelines/Nope/tap")?.status == 404)
        }
    }

    @Test func whatPassesComesAsEventsUntilTheLimit() async throws {
        try await ConsoleFixture.with { node in
            let client = node.client()
            client.send(
                "GET /pipelines/PageViews/tap?where=count%3E%3D10&limit=2 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(await client.until("event: live").contains("text/event-stream"))
            let tap = try #require(node.inspector.tapped.withLock { $0 })
            let point = TapPoint()
            try point.add(tap)
            for count in [3, 10, 4, 11, 12] {
                sight("{\"count\":\(count)}", key: "<b>") { sight in
                    let record = RawRecord(offset: 7, timestamp: .seconds(5), key: sight.key, value: sight.value)
                    withUnsafePointer(to: record) {
                        point.see(UnsafeBufferPointer(start: $0, count: 1), partition: 1, now: node.clock.now)
                    }
                }
            }
            let text = await client.until("event: end")
            #expect(text.contains(#""value":"{\"count\":10}""#) && text.contains(#""value":"{\"count\":11}""#))
            #expect(!text.contains("count\\\":3") && !text.contains("count\\\":12"))
            #expect(text.contains(#"{"reason":"limit"}"#) && text.contains(#""shown":2"#))
            #expect(!point.isTapped)
        }
    }

    @Test func aClientThatLeavesTakesItsTapOff() async throws {
        try await ConsoleFixture.with { node in
            do {
                let client = node.client()
                client.send("GET /pipelines/PageViews/tap HTTP/1.1\r\nHost: localhost\r\n\r\n")
                _ = await client.until("event: live")
            }
            let tap = try #require(node.inspector.tapped.withLock { $0 })
            let end = node.clock.now + .seconds(60)
            while !tap.take(now: node.clock.now).isOver, node.clock.now < end {
                try await node.clock.sleep(for: .milliseconds(20))
            }
            #expect(tap.take(now: node.clock.now).isOver && node.clock.now < end)
        }
    }
}
