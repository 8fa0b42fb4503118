import Foundation
import MillraceCore
import MillraceLog
import Testing

@testable import MillraceConsole

/// The numbered cases of the reliability plan that no other suite here has: T33 (bodies), T37 (half-open), T40.
@Suite struct CaseTests {
    @Test(arguments: [
        ("depth", String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)),
        ("repeated keys", #"{"name":"a","name":"b"}"#), ("beyond a double", #"{"name":"a","partitions":1e999}"#),
        ("fraction", #"{"name":"a","partitions":1.5}"#), ("lone surrogate", #"{"name":"\ud800"}"#),
        ("swapped surrogates", #"{"name":"\udc00\ud800"}"#), ("trailing comma", #"{"name":"a",}"#),
        ("comment", #"{"name":"a"/**/}"#), ("two values", #"{"name":"a"}{"name":"b"}"#), ("nothing", ""),
        ("not a number", #"{"name":"a","partitions":NaN}"#), ("leading zero", #"{"name":"a","partitions":01}"#),
    ]) func `T33: bad JSON is refused in the same way wherever JSON is read`(what: String, body: String) async throws {
        try await ConsoleFixture.with { node in
            let creation = await node.client().request(
                "POST", "/logs", headers: ConsoleFixture.authorized, body: body)
            #expect(creation?.status == 400, "\(what): \(creation?.status ?? 0)")
            #expect(node.log.topics.count == 1)
            // A value for a log may be any JSON; what is none is none there as well.
            if ["fraction", "beyond a double"].contains(what) { return }
            let append = await node.client().request(
                "POST", "/logs/clicks", headers: "Content-Type: application/json\r\n", body: body)
            #expect(append?.status == 400, "\(what): \(append?.status ?? 0)")
            #expect(node.log.topic("clicks")?.partitions.allSatisfy { $0.endOffset == 0 } == true)
        }
    }

    @Test func `T33: a string of ten megabytes is refused by its length where bodies are small`() async throws {
        try await ConsoleFixture.with { node in
            let client = node.client()
            client.send("POST /logs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10485760\r\n")
            client.send(ConsoleFixture.authorized + "\r\n")
            #expect(await client.answer()?.status == 413)
            // An append may be as large as a client's batch, but no record larger than the log's batches.
            let body = "\"" + String(repeating: "x", count: 10 << 20) + "\""
            let answer = await node.client().request("POST", "/logs/clicks", body: body)
            #expect([400, 413, 503].contains(answer?.status ?? 0), "\(answer?.status ?? 0)")
            #expect(await node.client().get("/health")?.status == 200)
        }
    }

    @Test func `T37: a peer that is gone without a word is found by the heart beat`() async throws {
        try await ConsoleFixture.with { node in
            do {
                let client = node.client()
                client.send("GET /tables/views?follow HTTP/1.1\r\nHost: localhost\r\n\r\n")
                _ = await client.until("event: live")
                #expect(await node.client().get("/metrics")?.text.contains("millrace_http_streams 1") == true)
            }
            let end = node.clock.now + .seconds(60)
            var isFound = false
            while !isFound, node.clock.now < end {
                isFound = await node.client().get("/metrics")?.text.contains("millrace_http_streams 0") == true
                if !isFound { try await node.clock.sleep(for: .milliseconds(100)) }
            }
            #expect(isFound)
        }
    }

    @Test func `T40: names that are paths, and directories that take nothing`() async throws {
        try await ConsoleFixture.with { node in
            for name in ["../x", "..", ".", "a/b", "", "a b", String(repeating: "x", count: 250)] {
                let text = String(decoding: try JSONEncoder().encode(["name": name]), as: UTF8.self)
                let answer = await node.client().request(
                    "POST", "/logs", headers: ConsoleFixture.authorized, body: text)
                #expect(answer?.status == 400, "\(name)")
            }
            for path in ["/logs/..%2f..%2fetc%2fpasswd", "/logs/%2e%2e/records", "/tables/..%2fx/schema"] {
                #expect([400, 404].contains(await node.client().get(path)?.status ?? 0), "\(path)")
            }
            // A token that cannot be kept is a failure, not a token that changes at every start.
            let file = node.url.appendingPathComponent("file")
            try Data().write(to: file)
            #expect(throws: Failure.self) {
                try TokenFile.load(directory: file.path, storage: PosixStorage()) { 7 }
            }
        }
    }

    @Test func `T40: with few descriptors there are fewer connections, and some`() {
        #expect(DescriptorLimit.forConnections >= DescriptorLimit.current / 2)
        #expect(DescriptorLimit.forConnections < DescriptorLimit.current)
    }
}
