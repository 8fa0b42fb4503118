import Foundation
import MillraceCore
import Testing

@testable import MillraceConsole

@Suite struct NodeAPITests {
    @Test func `the status is JSON in seconds and bytes, once or every second`() async throws {
        try await ConsoleFixture.with { node in
            let status = try #require(await node.client().get("/status"))
            let pipelines = status.object["pipelines"] as? [[String: Any]] ?? []
            #expect(pipelines.first?["name"] as? String == "PageViews")
            let stage = (pipelines.first?["stages"] as? [[String: Any]])?.first
            let task = (stage?["tasks"] as? [[String: Any]])?.first
            #expect(task?["lagSeconds"] as? Double == 1.5)
            #expect(task?["lastFailure"] as? String == "io: <b>\"x\"</b>")
            let client = node.client()
            client.send("GET /status?follow HTTP/1.1\r\nHost: localhost\r\n\r\n")
            var events = 0
            let end = Date().addingTimeInterval(60)
            while events < 3, Date() < end {
                events += await client.until("event: status").components(separatedBy: "event: status").count - 1
            }
            #expect(events >= 3)
        }
    }

    @Test func `pipelines answer and obey`() async throws {
        try await ConsoleFixture.with { node in
            let client = node.client()
            #expect(await client.get("/pipelines/PageViews/why")?.text == "because")
            #expect(await client.get("/pipelines/PageViews/plan")?.text == "plan of PageViews")
            #expect(await client.get("/tables/views/explain?key=/a&key=b")?.text == #"views ["/a", "b"]"#)
            #expect(await client.get("/pipelines/Nope/why")?.status == 404)
            #expect(await client.get("/pipelines/Nope")?.status == 404)
            let letters = await client.get("/pipelines/PageViews/dead-letters")
            let letter = (letters?.object["deadLetters"] as? [[String: Any]])?.first
            #expect(letter?["sourceOffset"] as? Int == 17 && letter?["valueHex"] as? String == "ff00")
            let parked = await client.get("/pipelines/PageViews/parked-keys")
            let key = (parked?.object["parkedKeys"] as? [[String: Any]])?.first
            #expect(key?["key"] as? String == "/home" && key?["input"] as? String == "clicks")
            #expect(await client.get("/pipelines/PageViews/parked-keys?limit=0")?.status == 400)
            let answer = await client.request(
                "POST", "/pipelines/PageViews/dead-letters/redrive?limit=5", headers: ConsoleFixture.authorized)
            #expect(answer?.object["redriven"] as? Int == 1)
            #expect(node.inspector.calls.withLock { $0 } == ["redrive 5"])
        }
    }

    @Test func `metrics are well-formed Prometheus text`() async throws {
        try await ConsoleFixture.with { node in
            let answer = try #require(await node.client().get("/metrics"))
            #expect(answer.headers["content-type"]?.hasPrefix("text/plain; version=0.0.4") == true)
            var typed: Set<String> = []
            for line in answer.text.split(separator: "\n") {
                if line.hasPrefix("# TYPE ") { typed.insert(String(line.split(separator: " ")[2])) }
                if line.hasPrefix("#") { continue }
                let name = String(line.prefix { $0 != "{" && $0 != " " })
                #expect(typed.contains(name), "\(line)")
                #expect(Double(line.split(separator: " ").last ?? "") != nil, "\(line)")
            }
            #expect(answer.text.contains(#"millrace_lag_seconds{pipeline="PageViews",stage="0",partition="3"} 1.5"#))
        }
    }

    @Test func `the document says what is served, and everything it says is served`() async throws {
        try await ConsoleFixture.with { node in
            let document = try #require(await node.client().get("/openapi.json")).object
            #expect(document["openapi"] as? String == "3.1.0")
            let paths = document["paths"] as? [String: [String: Any]] ?? [:]
            var documented: Set<String> = []
            for (path, operations) in paths { for method in operations.keys { documented.insert("\(method) \(path)") } }
            let served = Set(node.server.routes.map { "\($0.method.rawValue.lowercased()) \($0.pattern)" })
            #expect(documented == served)
            #expect(served.count == node.server.routes.count, "no route twice")
            // Each can be reached: no 404 for want of a route, no 405.
            for route in node.server.routes where route.method == .get {
                let path = route.pattern.replacingOccurrences(of: "{log}", with: "clicks")
                    .replacingOccurrences(of: "{table}", with: "views")
                    .replacingOccurrences(of: "{pipeline}", with: "PageViews")
                let answer = await node.client().get(path)
                #expect([200, 400].contains(answer?.status ?? 0), "\(path): \(answer?.status ?? 0)")
            }
        }
    }

    @Test func `other methods and other paths are told apart`() async throws {
        try await ConsoleFixture.with { node in
            let answer = await node.client().request("DELETE", "/tables/views")
            #expect(answer?.status == 405 && answer?.headers["allow"] == "GET")
            #expect(await node.client().get("/nothing/here")?.status == 404)
            #expect(await node.client().get("/tables/views/../../etc/passwd")?.status == 400)
            let head = node.client()
            #expect(await head.request("HEAD", "/health")?.status == 200)
            #expect(await node.client().get("/ready")?.text == "ready\n")
        }
    }
}
