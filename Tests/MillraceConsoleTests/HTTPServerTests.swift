import Foundation
import MillraceCore
import Testing

@testable import MillraceConsole

/// The server over real sockets. What libmicrohttpd lets through and we refuse is refused before any handler runs.
@Suite struct HTTPServerTests {
    final class Running: Sendable {
        let server: HTTPServer
        let port: Int
        let seen: Lock<[Request]>
        let clock = SystemClock()
        init(_ handle: @escaping @Sendable (Request) -> Answer = { _ in .now(.text("ok")) }) throws {
            let seen = Lock<[Request]>([])
            self.seen = seen
            server = HTTPServer(.init(port: 0), clock: clock) { request in
                seen.withLock { $0.append(request) }
                return handle(request)
            }
            port = try server.start()
        }
        func client() -> RawClient { RawClient(port: port) }
    }

    private func serving(
        _ handle: @escaping @Sendable (Request) -> Answer = { _ in .now(.text("ok")) },
        _ body: (Running) async throws -> Void
    ) async throws {
        let running = try Running(handle)
        do { try await body(running) } catch {
            await running.server.stop()
            throw error
        }
        await running.server.stop()
    }

    @Test func `a request comes whole and an answer goes back`() async throws {
        try await serving({ request in .now(.text("\(request.method) \(request.path) \(request.body.count)")) }) {
            running in
            let client = running.client()
            let answer = try #require(await client.request("POST", "/a/b%2Fc?x=1&y=%C3%A9+z&x=2", body: "hello"))
            #expect(answer.status == 200)
            #expect(answer.text == #"post ["a", "b/c"] 5"#)
            let request = try #require(running.seen.withLock { $0.first })
            #expect(request.query.values("x") == ["1", "2"])
            #expect(request.query["y"] == "é z")
            #expect(request.address.isLoopback)
            // The same connection again.
            #expect(await client.get("/")?.text == "get [] 0")
        }
    }

    @Test func `security headers are on every answer`() async throws {
        try await serving { running in
            for answer in [await running.client().get("/"), await running.client().get("/%zz")] {
                let headers = try #require(answer?.headers)
                #expect(headers["content-security-policy"]?.contains("default-src 'self'") == true)
                #expect(headers["x-content-type-options"] == "nosniff")
                #expect(headers["cache-control"] == "no-store")
                #expect(!headers.keys.contains { $0.hasPrefix("access-control") })
            }
        }
    }

    @Test(arguments: [
        ("two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"),
        (
            "length and chunked",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
        (
            "chunked and length",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"
        ),
        ("other coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        ("negative length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"),
        ("plus length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx"),
        ("huge length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n"),
        ("no host", "GET / HTTP/1.1\r\n\r\n"), ("two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        ("absolute form", "GET http://evil.example/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("http 0.9", "GET /\r\n\r\n"), ("http 2", "GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
        ("space before colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
        ("nul in target", "GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("bad escape", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"), ("half escape", "GET /%2 HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("not utf-8", "GET /%ff HTTP/1.1\r\nHost: a\r\n\r\n"), ("dot dot", "GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("escaped dot dot", "GET /%2e%2e/b HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("folded header", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n"),
        ("bare line feeds", "GET / HTTP/1.1\nHost: a\n\n"),
        ("bare line feed in a head", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"),
        ("bare line feed before the empty line", "GET / HTTP/1.1\r\nHost: a\n\r\n"),
        ("bare line feed for the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n"),
        ("bare line feed behind the first line", "GET / HTTP/1.1\nHost: a\r\n\r\n"),
        ("space behind the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
        ("folded host", "GET / HTTP/1.1\r\nHost:\r\n a\r\n\r\n"),
        ("name continued", "POST / HTTP/1.1\r\nHost: a\r\nContent-Len: 5\r\n gth\r\n\r\nhello"),
        ("bare carriage return", "GET / HTTP/1.1\r\nHost: a\r\nX: b\rY: c\r\n\r\n"),
        ("nul in a header", "GET / HTTP/1.1\r\nHost: a\r\nX: b\u{0}c\r\n\r\n"),
        ("nul in the target, raw", "GET /a\u{0}b HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("header without a colon", "GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n"),
        ("header without a name", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"),
        ("two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("space in front", " GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("bad chunk", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        ("negative chunk", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"),
        (
            "huge chunk",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nx\r\n0\r\n\r\n"
        ),
        (
            "long chunk extension",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;"
                + String(repeating: "x", count: 40_000) + "\r\nx\r\n0\r\n\r\n"
        ), ("unknown method", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n"), ("garbage", "\u{1}\u{2}\u{3}\r\n\r\n"),
    ]) func `malformed requests never reach a handler`(what: String, text: String) async throws {
        try await serving { running in
            let client = RawClient(port: running.port, timeout: 3)
            client.send(text)
            let answer = await client.answer()
            #expect(answer == nil || (answer?.status ?? 0) >= 400, "\(what): \(answer?.status ?? 0)")
            #expect(running.seen.withLock { $0.isEmpty }, "\(what)")
        }
    }

    /// However a head comes in, and whatever a well-behaved client may put into it, it is read as it was sent.
    @Test func `well-formed heads are taken, in one piece or byte by byte`() async throws {
        try await serving({ request in .now(.text("\(request.path) \(request.headers.all.count)")) }) { running in
            let many = (0..<60).map { "X-\($0):\t \(String(repeating: "v", count: $0 * 7))\r\n" }.joined()
            let heads = [
                "GET /a?b=c&d=%20e HTTP/1.1\r\nHost: a\r\n\r\n",
                "GET /a HTTP/1.1\r\nHost: a\r\nX:\r\nY: \r\nZ:z\r\nX-Spaced: a b\tc \r\n\r\n",
                "GET /a HTTP/1.1\r\nHost: a\r\nCookie: one=1; two=2\r\n\r\n",
                "GET /a?empty&=x&y= HTTP/1.1\r\nHost: a\r\n\(many)\r\n",
                "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
            ]
            for head in heads {
                let whole = running.client()
                for _ in 0..<3 {
                    whole.send(head)
                    var answer = await whole.answer()
                    if answer?.status == 100 { answer = await whole.answer() }
                    #expect(answer?.status == 200, "\(head)")
                }
                let pieces = running.client()
                for byte in head.utf8 { pieces.send([byte]) }
                var answer = await pieces.answer()
                if answer?.status == 100 { answer = await pieces.answer() }
                #expect(answer?.status == 200, "byte by byte: \(head)")
            }
            // Several in one go.
            let client = running.client()
            client.send(String(repeating: heads[0] + heads[1] + heads[3], count: 5))
            for _ in 0..<15 { #expect(await client.answer()?.status == 200) }
        }
    }

    @Test func `many or long headers are refused`() async throws {
        try await serving { running in
            let many = (0..<101).map { "X-\($0): 1\r\n" }.joined()
            #expect([431, nil].contains(await running.client().get("/", headers: many)?.status))
            let long = "X: " + String(repeating: "a", count: 9_000) + "\r\n"
            #expect(await running.client().get("/", headers: long)?.status == 431)
            let huge = (0..<40).map { "X-\($0): \(String(repeating: "a", count: 1_000))\r\n" }.joined()
            #expect([431, nil].contains(await running.client().get("/", headers: huge)?.status))
            #expect(
                [414, 431].contains(
                    await running.client().get("/" + String(repeating: "a", count: 10_000))?.status ?? 414))
            #expect(running.seen.withLock { $0.isEmpty })
            #expect(await running.client().get("/")?.status == 200)
        }
    }

    @Test func `a body over the limit is refused by its length, or cut off when it has none`() async throws {
        try await serving { running in
            let client = running.client()
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(Limits.httpBodyBytes + 1)\r\n\r\n")
            #expect(await client.answer()?.status == 413)
            let chunked = running.client()
            chunked.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            let piece = "10000\r\n" + String(repeating: "x", count: 0x10000) + "\r\n"
            for _ in 0..<20 where chunked.send(piece) {}
            #expect(await chunked.answer() == nil)
            #expect(running.seen.withLock { $0.isEmpty })
        }
    }

    @Test func `an answer may come later, and other connections go on meanwhile`() async throws {
        let gate = Signal()
        try await serving({ request in
            guard request.path == ["slow"] else { return .now(.text("fast")) }
            return .later {
                await gate.wait()
                return .text("slow")
            }
        }) { running in
            let slow = running.client()
            slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            for _ in 0..<3 { #expect(await running.client().get("/")?.text == "fast") }
            gate.fire()
            #expect(await slow.answer()?.text == "slow")
            #expect(await slow.get("/")?.text == "fast")
        }
    }

    @Test func `a stream delivers what is sent and ends`() async throws {
        let clock = SystemClock()
        try await serving({ _ in
            .later {
                let stream = EventStream(clock: clock)
                Task {
                    for n in 0..<1_000 { _ = await stream.send(Array("event \(n)\n".utf8)) }
                    stream.end()
                }
                return Response(stream)
            }
        }) { running in
            let client = running.client()
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            let text = await client.until("event 999\n")
            #expect(text.contains("text/event-stream"))
            for n in stride(from: 0, to: 1_000, by: 97) { #expect(text.contains("event \(n)\n")) }
        }
    }

    @Test func `a client that goes away ends its stream`() async throws {
        let clock = SystemClock()
        let streams = Lock<[EventStream]>([])
        try await serving({ _ in
            let stream = EventStream(clock: clock)
            streams.withLock { $0.append(stream) }
            return .now(Response(stream))
        }) { running in
            do {
                let client = running.client()
                client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                while streams.withLock({ $0.isEmpty }) { try await clock.sleep(for: .milliseconds(1)) }
                _ = streams.withLock { $0[0] }.offer(Array("hello".utf8))
                #expect(await client.until("hello").contains("hello"))
            }
            let stream = streams.withLock { $0[0] }
            let end = clock.now + .seconds(60)
            while !stream.isClosed, clock.now < end {
                _ = stream.offer([0x20])
                try await clock.sleep(for: .milliseconds(5))
            }
            #expect(stream.isClosed)
            while running.server.connections > 0, clock.now < end { try await clock.sleep(for: .milliseconds(5)) }
            #expect(running.server.connections == 0)
        }
    }

    @Test func `a client that does not read costs its buffer and no more`() async throws {
        let clock = SystemClock()
        let sent = Lock(0)
        try await serving({ _ in
            let stream = EventStream(clock: clock)
            Task {
                while await stream.send([UInt8](repeating: 0x61, count: 10_000)) { sent.withLock { $0 += 10_000 } }
            }
            return .now(Response(stream))
        }) { running in
            let client = RawClient(port: running.port, receiveBuffer: 4_096)
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            // The kernel takes some megabytes at first; then the producer waits.
            var (before, second) = (-1, 0)
            for _ in 0..<20 where before != second {
                before = second
                try await clock.sleep(for: .milliseconds(500))
                second = sent.withLock { $0 }
            }
            #expect(before == second, "the producer waits")
            // Our buffer, and what the kernel takes for the socket.
            #expect(second < Limits.streamBytes + (6 << 20), "\(second)")
        }
    }

    @Test func `stopping answers what waits and ends the streams`() async throws {
        let clock = SystemClock()
        let running = try Running { request in
            if request.path == ["stream"] { return .now(Response(EventStream(clock: SystemClock()))) }
            return .later {
                try? await clock.sleep(for: .seconds(100))
                return .text("late")
            }
        }
        let clients = (0..<20).map { _ in running.client() }
        for (n, client) in clients.enumerated() {
            client.send("GET /\(n < 10 ? "stream" : "wait") HTTP/1.1\r\nHost: a\r\n\r\n")
        }
        while running.seen.withLock({ $0.count }) < 20 { try await clock.sleep(for: .milliseconds(1)) }
        let start = clock.now
        await running.server.stop()
        #expect(clock.now - start < .seconds(60))
        #expect(running.client().isConnected == false)
        await running.server.stop()
    }

    @Test func `a taken port is a failure with its number`() async throws {
        try await serving { running in
            let second = HTTPServer(.init(port: running.port), clock: SystemClock()) { _ in .now(.text("")) }
            let failure = #expect(throws: Failure.self) { try second.start() }
            #expect(failure?.code == .inUse && failure?.place == "port \(running.port)")
        }
    }
}
