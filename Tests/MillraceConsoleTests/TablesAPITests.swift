import Foundation
import MillraceCore
import Testing

@testable import MillraceConsole

@Suite struct TablesAPITests {
    private func rows(_ answer: RawClient.Answer?) -> [[String: Any]] {
        answer?.object["rows"] as? [[String: Any]] ?? []
    }

    @Test func `rows, slices, order, limit and pages`() async throws {
        try await ConsoleFixture.with { node in
            for minute in 0..<10 { try node.put("/a", minute: Int64(minute), count: Int64(minute * 10)) }
            try node.put("/b", minute: 1, count: 5, note: "with \"quotes\", and commas")
            let client = node.client()
            #expect(rows(await client.get("/tables/views?key=/a")).count == 10)
            let one = rows(await client.get("/tables/views?key=/a&key=1970-01-01T00:03:00Z"))
            #expect(one.map { $0["count"] as? Int } == [30])
            let slice = rows(
                await client.get("/tables/views?key=/a&from=1970-01-01T00:02:00Z&to=1970-01-01T00:05:00Z"))
            #expect(slice.map { $0["count"] as? Int } == [20, 30, 40])
            let latest = rows(await client.get("/tables/views?key=/a&order=desc&limit=2"))
            #expect(latest.map { $0["count"] as? Int } == [90, 80])
            // Pages put together are the whole.
            var counts: [Int] = []
            var target = "/tables/views?key=/a&limit=3"
            for _ in 0..<5 {
                let page = await client.get(target)
                counts += rows(page).compactMap { $0["count"] as? Int }
                guard let next = page?.object["next"] as? String else { break }
                target = "/tables/views?key=/a&limit=3&page=\(next)"
            }
            #expect(counts == (0..<10).map { $0 * 10 })
            #expect(rows(await client.get("/tables/views")).count == 11)
            #expect(rows(await client.get("/tables/views?key=/none")).isEmpty)
            #expect(rows(await client.get("/tables/views?key=/a&columns=count"))[0]["note"] == nil)
        }
    }

    @Test func `NDJSON and CSV by Accept`() async throws {
        try await ConsoleFixture.with { node in
            try node.put("/b", minute: 1, count: 5, note: "with \"quotes\", and commas")
            try node.put("/b", minute: 2, count: 6)
            let lines = await node.client().get("/tables/views?key=/b", headers: "Accept: application/x-ndjson\r\n")
            #expect(lines?.text.split(separator: "\n").count == 2)
            #expect(lines?.headers["content-type"] == "application/x-ndjson")
            let csv = await node.client().get("/tables/views?key=/b", headers: "Accept: text/csv\r\n")
            let text = csv?.text.split(separator: "\n").map(String.init) ?? []
            #expect(text.first == "page,at,count,note")
            for (accept, type) in [
                ("application/json, text/csv;q=0.5", "application/json"),
                ("text/csv;q=0.5, application/x-ndjson;q=0.8", "application/x-ndjson"),
                ("text/html, */*", "application/json"), ("text/html", "application/json"),
                ("text/csv;q=0", "application/json"), ("TEXT/CSV ; charset=utf-8", "text/csv; charset=utf-8"),
            ] {
                let answer = await node.client().get("/tables/views?key=/b", headers: "Accept: \(accept)\r\n")
                #expect(answer?.headers["content-type"] == type, "\(accept)")
            }
            #expect(text.count == 3 && text[1].hasSuffix("5,\"with \"\"quotes\"\", and commas\""))
        }
    }

    @Test func `what is asked wrongly is 400 with advice, and what is not there 404`() async throws {
        try await ConsoleFixture.with { node in
            for target in [
                "/tables/views?key=/a&from=yesterday", "/tables/views?limit=0", "/tables/views?limit=x",
                "/tables/views?key=/a&page=zz", "/tables/views?key=/a&page=00", "/tables/views?order=up",
                "/tables/views?key=/a&columns=nope", "/tables/views?key=a&key=1&key=2&key=3",
                "/tables/views/aggregate?key=/a", "/tables/views/aggregate?key=/a&column=nope",
                "/tables/views?follow&after=soon",
            ] {
                let answer = await node.client().get(target)
                #expect(answer?.status == 400, "\(target): \(answer?.text ?? "")")
                #expect(answer?.text.contains("\"message\"") == true)
            }
            #expect(await node.client().get("/tables/nope")?.status == 404)
            #expect(await node.client().get("/tables/other.views/schema")?.status == 404)
        }
    }

    @Test func `aggregates per bucket`() async throws {
        try await ConsoleFixture.with { node in
            for minute in 0..<10 { try node.put("/a", minute: Int64(minute), count: Int64(minute)) }
            let answer = await node.client().get("/tables/views/aggregate?key=/a&column=count&bucket=300")
            let buckets = answer?.object["buckets"] as? [[String: Any]] ?? []
            #expect(buckets.map { $0["sum"] as? Double } == [10, 35])
            #expect(buckets.map { $0["mean"] as? Double } == [2, 7])
            #expect(buckets.map { $0["at"] as? String } == ["1970-01-01T00:00:00Z", "1970-01-01T00:05:00Z"])
        }
    }

    @Test func `a follower gets the present rows, then every committed change in order, and resumes`() async throws {
        try await ConsoleFixture.with { node in
            try node.put("/a", minute: 1, count: 1)
            try node.put("/other", minute: 1, count: 1)
            let client = node.client()
            client.send("GET /tables/views?key=/a&follow HTTP/1.1\r\nHost: localhost\r\n\r\n")
            let present = await client.until("event: live")
            #expect(present.contains(#""count":1"#) && !present.contains("/other"))
            for count in 2...6 { try node.put("/a", minute: Int64(count), count: Int64(count)) }
            try node.put("/other", minute: 2, count: 99)
            let text = await client.until(#""count":6"#)
            let order = (2...6).compactMap { text.range(of: "\"count\":\($0)")?.lowerBound }
            #expect(order.count == 5 && order == order.sorted())
            #expect(!text.contains("\"count\":99"))
            let ids = text.components(separatedBy: "\n").filter { $0.hasPrefix("id: ") }.map { String($0.dropFirst(4)) }
            // Behind the second change.
            let again = node.client()
            again.send(
                "GET /tables/views?key=/a&follow HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: \(ids[1])\r\n\r\n")
            let resumed = await again.until(#""count":6"#)
            #expect(resumed.contains(#""count":4"#) && !resumed.contains(#""count":3"#))
        }
    }

    @Test func `a resume from before what is kept is told as a gap, and the rows follow`() async throws {
        try await ConsoleFixture.with { node in
            try node.put("/a", minute: 1, count: 7)
            let client = node.client()
            client.send("GET /tables/views?key=/a&follow&after=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            let text = await client.until(#""count":7"#)
            #expect(text.contains(#""count":7"#))
            #expect(text.contains("event: gap") || text.contains("event: change"))
        }
    }
}
