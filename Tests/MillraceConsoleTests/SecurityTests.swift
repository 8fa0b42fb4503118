import Foundation
import MillraceCore
import MillraceLog
import Testing

@testable import MillraceConsole

/// T36, T38, T39 and the rest of the security checklist.
@Suite struct SecurityTests {
    @Test func `a foreign Host is refused before routing`() async throws {
        try await ConsoleFixture.with { node in
            for host in ["evil.example", "evil.example:80", "localhost.evil.example", "", "127.0.0.1.evil"] {
                let client = node.client()
                client.send("GET /logs HTTP/1.1\r\nHost: \(host)\r\n\r\n")
                let status = await client.answer()?.status ?? 0
                #expect([421, 400].contains(status), "\(host)")
            }
            for host in ["localhost", "LOCALHOST:\(node.port)", "127.0.0.1:1", "[::1]:8080"] {
                let client = node.client()
                client.send("GET /logs HTTP/1.1\r\nHost: \(host)\r\n\r\n")
                #expect(await client.answer()?.status == 200, "\(host)")
            }
        }
    }

    @Test(arguments: [
        "Origin: http://evil.example\r\n", "Origin: null\r\n", "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n", "Origin: http://localhost:1\r\n",
    ]) func `a write from another page is refused and nothing is done`(header: String) async throws {
        try await ConsoleFixture.with { node in
            for type in ["text/plain", "application/x-www-form-urlencoded", "application/json"] {
                let headers = header + "Content-Type: \(type)\r\n" + ConsoleFixture.authorized
                let answer = await node.client().request("POST", "/logs/clicks", headers: headers, body: "{}")
                #expect(answer?.status == 403)
            }
            #expect(await node.client().request("POST", "/pipelines/PageViews/pause", headers: header)?.status == 403)
            #expect(node.log.topic("clicks")?.partitions.allSatisfy { $0.endOffset == 0 } == true)
            #expect(node.inspector.calls.withLock { $0.isEmpty })
        }
    }

    @Test func `a preflight gets no permission`() async throws {
        try await ConsoleFixture.with { node in
            let headers = "Origin: http://evil.example\r\nAccess-Control-Request-Method: POST\r\n"
            let answer = await node.client().request("OPTIONS", "/logs/clicks", headers: headers)
            #expect(answer?.status == 405)
            #expect(answer?.headers.keys.contains { $0.hasPrefix("access-control") } == false)
        }
    }

    @Test func `changes need the token, wrong ones wait, and too many are throttled`() async throws {
        try await ConsoleFixture.with { node in
            let target = "/pipelines/PageViews/pause"
            #expect(await node.client().request("POST", target)?.status == 401)
            #expect(await node.client().request("POST", target, headers: ConsoleFixture.authorized)?.status == 200)
            let start = node.clock.now
            var statuses: [Int] = []
            for n in 0..<12 {
                let guess =
                    n == 3 ? String(repeating: "x", count: 5_000) : String(ConsoleFixture.token.dropLast()) + "z"
                let answer = await node.client().request("POST", target, headers: "Authorization: Bearer \(guess)\r\n")
                statuses.append(answer?.status ?? 0)
            }
            #expect(statuses.prefix(Limits.tokenGuesses).allSatisfy { $0 == 401 })
            #expect(statuses.suffix(2) == [429, 429])
            #expect(node.clock.now - start >= .milliseconds(900))
            // Even the right one, until the minute is over.
            #expect(await node.client().request("POST", target, headers: ConsoleFixture.authorized)?.status == 429)
            #expect(node.inspector.calls.withLock { $0 } == ["pause"])
        }
    }

    /// T36: as fast as a client can, on connections of its own each time.
    @Test func `a thousand guesses are ten wrong tokens, and reading goes on meanwhile`() async throws {
        try await ConsoleFixture.with { node in
            let statuses = Lock<[Int: Int]>([:])
            await withTaskGroup(of: Void.self) { group in
                for n in 0..<20 {
                    group.addTask {
                        for guess in 0..<50 {
                            let token = String(repeating: "\(n % 10)", count: 1 + guess * 120)
                            let answer = await node.client().request(
                                "POST", "/pipelines/PageViews/pause", headers: "Authorization: Bearer \(token)\r\n")
                            statuses.withLock { $0[answer?.status ?? 0, default: 0] += 1 }
                        }
                    }
                }
            }
            let all = statuses.withLock { $0 }
            // Those that were under way when the tenth was counted are still told that they are wrong.
            #expect(all.keys.allSatisfy { $0 == 401 || $0 == 429 } && all.values.reduce(0, +) == 1_000, "\(all)")
            #expect((Limits.tokenGuesses...Limits.tokenGuesses + 20).contains(all[401] ?? 0), "\(all)")
            #expect(node.inspector.calls.withLock { $0.isEmpty })
            #expect(await node.client().get("/logs")?.status == 200)
        }
    }

    @Test func `comparing secrets looks at all of a guess`() {
        #expect(TokenFile.isEqual(Array("abc".utf8), Array("abc".utf8)))
        for guess in ["", "ab", "abd", "abcd", "xbc"] {
            #expect(!TokenFile.isEqual(Array(guess.utf8), Array("abc".utf8)))
        }
    }

    @Test func `the token file is made once, with mode 0600`() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("token-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: url) }
        var random = SeededRandom(seed: 4)
        let first = try TokenFile.load(directory: url.path, storage: PosixStorage()) { random.next() }
        let second = try TokenFile.load(directory: url.path, storage: PosixStorage()) { random.next() }
        #expect(first == second && first.count == 64)
        let path = url.appendingPathComponent(TokenFile.name).path
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test func `payloads are text and never end a frame or a header`() async throws {
        try await ConsoleFixture.with { node in
            let nasty = "<script>alert(1)</script>\u{1b}[31m\u{202e}\r\n\r\nevent: fake\ndata: x"
            let escaped = String(decoding: try JSONEncoder().encode(nasty), as: UTF8.self)
            let client = node.client()
            client.send("GET /logs/clicks/records?follow HTTP/1.1\r\nHost: localhost\r\n\r\n")
            _ = await client.until("event: live")
            let answer = await node.client().request("POST", "/logs/clicks", body: "{\"a\":\(escaped)}")
            #expect(answer?.status == 200)
            let text = await client.until("event: position")
            #expect(!text.contains("\nevent: fake") && !text.contains("\ndata: x"))
            try node.put("/x", minute: 1, count: 1, note: nasty)
            let row = await node.client().get("/tables/views?key=/x")
            #expect((row?.object["rows"] as? [[String: Any]])?.first?["note"] as? String == nasty)
            #expect(row?.headers["content-type"] == "application/json")
        }
    }

    @Test func `it listens where it was told and nowhere else`() async throws {
        let backend = ConsoleBackend(status: { preconditionFailure("not asked") })
        var options = ConsoleServer.Options(port: 0)
        (options.isPublic, options.isInsecure, options.address) = (true, true, "127.0.0.2")
        options.hosts = ["127.0.0.2"]
        let server = try ConsoleServer(options, token: "t", backend: backend, clock: SystemClock())
        let port = try server.start()
        #expect(!RawClient(port: port).isConnected, "127.0.0.1 was not asked for")
        #expect(await RawClient(port: port, host: 0x7F00_0002).get("/health")?.status == 200)
        // Where others can come from, even this machine needs the token.
        #expect(await RawClient(port: port, host: 0x7F00_0002).get("/logs")?.status == 401)
        await server.stop()
        for address in ["192.0.2.1", "nowhere", "2001:db8::1"] {
            options.address = address
            let wrong = try ConsoleServer(options, token: "t", backend: backend, clock: SystemClock())
            let failure = #expect(throws: Failure.self) { try wrong.start() }
            #expect(failure?.code == .invalidArgument, "\(address)")
            await wrong.stop()
        }
    }

    @Test func `a console for others needs TLS or the statement that it may be insecure`() throws {
        let backend = ConsoleBackend(status: { preconditionFailure("not asked") })
        var options = ConsoleServer.Options(port: 0)
        options.isPublic = true
        let failure = #expect(throws: Failure.self) {
            try ConsoleServer(options, token: "t", backend: backend, clock: SystemClock())
        }
        #expect(failure?.code == .invalidArgument)
    }
}
