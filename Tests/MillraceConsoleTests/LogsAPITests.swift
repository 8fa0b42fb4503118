import Foundation
import MillraceCore
import MillraceLog
import Testing

@testable import MillraceConsole

@Suite struct LogsAPITests {
    @Test func `lines go in with one request and come out with their offsets`() async throws {
        try await ConsoleFixture.with { node in
            let client = node.client()
            // As curl --data-binary sends it.
            let answer = try #require(
                await client.request(
                    "POST", "/logs/clicks?partition=1", headers: "Content-Type: application/x-www-form-urlencoded\r\n",
                    body: "{\"page\":\"/a\"}\n\n{\"page\":\"/b\"}\r\n{\"page\":\"/<script>\"}"))
            #expect(answer.status == 200)
            #expect(answer.object["count"] as? Int == 3)
            #expect(answer.object["firstOffset"] as? Int == 0 && answer.object["lastOffset"] as? Int == 2)
            let read = try #require(await client.get("/logs/clicks/records?partition=1&offset=1"))
            let records = read.object["records"] as? [[String: Any]] ?? []
            #expect(records.map { $0["value"] as? String } == [#"{"page":"/b"}"#, #"{"page":"/<script>"}"#])
            #expect(records.map { $0["offset"] as? Int } == [1, 2])
            #expect(read.object["next"] as? Int == 3 && read.object["end"] as? Int == 3)
        }
    }

    @Test func `one bad line appends nothing and is named`() async throws {
        try await ConsoleFixture.with { node in
            let deep = String(repeating: "[", count: 100_000)
            for (body, place) in [("{\"a\":1}\n{oops}\n", "line 2"), ("{\"a\":1,\"a\":2}", "line 1"), (deep, "line 1")]
            {
                let answer = try #require(await node.client().request("POST", "/logs/clicks", body: body))
                #expect(answer.status == 400)
                #expect(answer.text.contains(place), "\(answer.text)")
            }
            #expect(node.log.topic("clicks")?.partitions.allSatisfy { $0.endOffset == 0 } == true)
        }
    }

    @Test func `keys choose the partition, headers and raw bytes are kept`() async throws {
        try await ConsoleFixture.with { node in
            let client = node.client()
            var partitions: Set<Int> = []
            for _ in 0..<3 {
                let answer = await client.request(
                    "POST", "/logs/clicks?key=k1&header=trace:7", headers: "Content-Type: application/octet-stream\r\n",
                    body: "raw")
                partitions.insert(answer?.object["partition"] as? Int ?? -1)
            }
            let partition = try #require(partitions.first)
            #expect(partitions.count == 1 && partition >= 0)
            let read = await client.get("/logs/clicks/records?partition=\(partition)&last=1")
            let record = try #require((read?.object["records"] as? [[String: Any]])?.first)
            #expect(record["key"] as? String == "k1" && record["value"] as? String == "raw")
            #expect("\(record["headers"] ?? "")".contains("trace"))
        }
    }

    @Test func `an idempotency key appends once and gives the same answer`() async throws {
        try await ConsoleFixture.with { node in
            let headers = "Idempotency-Key: abc\r\n"
            let first = await node.client().request("POST", "/logs/clicks", headers: headers, body: "{\"a\":1}")
            let second = await node.client().request("POST", "/logs/clicks", headers: headers, body: "{\"a\":1}")
            #expect(first?.status == 200 && first?.text == second?.text)
            #expect(node.log.topic("clicks")?.partitions.reduce(0) { $0 + $1.endOffset } == 1)
        }
    }

    @Test func `an idempotency key holds over a restart, and for one request only`() async throws {
        try await ConsoleFixture.with { node in
            let headers = "Idempotency-Key: pay-17\r\n"
            let lines = "{\"a\":1}\n{\"a\":2}"
            let first = await node.client().request("POST", "/logs/clicks", headers: headers, body: lines)
            #expect(first?.status == 200)
            let other = await node.client().request("POST", "/logs/clicks", headers: headers, body: "{\"b\":1}")
            #expect(other?.status == 409)
            // Another process over the same files: nothing is left in memory.
            try await node.restarted { port in
                let again = await RawClient(port: port).request("POST", "/logs/clicks", headers: headers, body: lines)
                #expect(again?.text == first?.text)
                let changed = await RawClient(port: port).request(
                    "POST", "/logs/clicks", headers: headers, body: "{\"a\":1}\n{\"a\":3}")
                #expect(changed?.status == 409)
                let new = await RawClient(port: port).request(
                    "POST", "/logs/clicks", headers: "Idempotency-Key: pay-18\r\n", body: lines)
                #expect(new?.status == 200)
                let ends = await RawClient(port: port).get("/logs/clicks")
                let partitions = ends?.object["partition"] as? [[String: Any]] ?? []
                #expect(partitions.reduce(0) { $0 + ($1["endOffset"] as? Int ?? 0) } == 4)
            }
        }
    }

    @Test func `a large request under a key is as many batches, and none twice`() async throws {
        try await ConsoleFixture.with { node in
            let line = "{\"x\":\"\(String(repeating: "y", count: 200_000))\"}\n"
            let body = String(repeating: line, count: 20)
            let headers = "Idempotency-Key: large\r\n"
            let first = await node.client().request("POST", "/logs/clicks", headers: headers, body: body)
            #expect(first?.object["count"] as? Int == 20)
            try await node.restarted { port in
                let again = await RawClient(port: port).request("POST", "/logs/clicks", headers: headers, body: body)
                #expect(again?.text == first?.text)
            }
        }
    }

    @Test func `a search finds text and says where to go on`() async throws {
        try await ConsoleFixture.with { node in
            let lines = (0..<200).map { "{\"n\":\($0),\"odd\":\"\($0 % 50 == 7 ? "needle" : "hay")\"}" }
            _ = await node.client().request("POST", "/logs/clicks?partition=0", body: lines.joined(separator: "\n"))
            let read = await node.client().get("/logs/clicks/records?contains=needle&limit=3")
            let records = read?.object["records"] as? [[String: Any]] ?? []
            #expect(records.map { $0["offset"] as? Int } == [7, 57, 107])
            #expect(read?.object["next"] as? Int == 108)
        }
    }

    @Test func `a follower gets what comes, and resumes behind what it saw`() async throws {
        try await ConsoleFixture.with { node in
            let client = node.client()
            client.send("GET /logs/clicks/records?follow HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(await client.until("event: live").contains("text/event-stream"))
            _ = await node.client().request("POST", "/logs/clicks?partition=1", body: "{\"first\":1}")
            let text = await client.until("event: position")
            #expect(text.contains(#"{\"first\":1}"#))
            #expect(text.contains("id: 0:0,1:1"))
            _ = await node.client().request("POST", "/logs/clicks?partition=1", body: "{\"second\":1}")
            let again = node.client()
            again.send("GET /logs/clicks/records?follow HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 0:0,1:1\r\n\r\n")
            let resumed = await again.until("event: position")
            #expect(resumed.contains(#"{\"second\":1}"#) && !resumed.contains(#"{\"first\":1}"#))
        }
    }

    @Test func `logs are listed and described, made with the token, and unknown ones are 404`() async throws {
        try await ConsoleFixture.with { node in
            let client = node.client()
            let body = #"{"name":"orders","partitions":3}"#
            #expect(await client.request("POST", "/logs", body: body)?.status == 401)
            #expect(
                await client.request("POST", "/logs", headers: ConsoleFixture.authorized, body: body)?.status == 200)
            let list = await node.client().get("/logs")
            #expect(list?.text.contains("orders") == true && list?.text.contains("clicks") == true)
            #expect(await node.client().get("/logs/orders")?.object["partitions"] as? Int == 3)
            #expect(await node.client().get("/logs/nope")?.status == 404)
            #expect(await node.client().request("POST", "/logs/nope", body: "{}")?.status == 404)
            for bad in [#"{"name":"../x"}"#, #"{"name":"_inner"}"#, "[]", #"{"name":"x","partitions":0}"#] {
                let answer = await node.client().request("POST", "/logs", headers: ConsoleFixture.authorized, body: bad)
                #expect(answer?.status == 400, "\(bad)")
            }
        }
    }
}
