import Foundation
import MillraceCore
import PlainSockets
import Testing

@testable import MillraceConsole

/// T35 over real time: clients that are slow on purpose, each kind by the limit it runs into, beside honest ones.
///
/// Takes as long as the longest limit, half a minute.
@Suite struct SlowClientTests {
    enum Kind: String, CaseIterable {
        /// A letter of a head now and then.
        case head
        /// A head, then a letter of its body now and then.
        case body
        /// Asks for more than a socket holds and takes nothing of it.
        case read
        /// An honest request, then a letter of the next head now and then.
        case laterHead

        var opening: String {
            switch self {
            case .head: "GET /logs HTTP/1.1\r\nHost: loc"
            case .body: "POST /small HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
            case .read: "GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n"
            case .laterHead: "GET /small HTTP/1.1\r\nHost: localhost\r\n\r\nGET /small HTTP/1.1\r\nHost: loc"
            }
        }
        var limit: TimeSpan {
            switch self {
            case .head, .laterHead: Limits.httpHead
            case .body: Limits.httpBodyGrace
            case .read: Limits.httpWriteStall
            }
        }
    }

    @Test func `T35: slow heads, bodies and readers are ended while honest requests are served`() async throws {
        let clock = SystemClock()
        let large = [UInt8](repeating: 0x61, count: 6 << 20)
        let server = HTTPServer(.init(port: 0), clock: clock) { request in
            .now(request.path == ["large"] ? Response(200, type: "text/plain", large) : .text("ok"))
        }
        let port = try server.start()
        let start = clock.now
        var open: [(kind: Kind, client: RawClient)] = []
        for kind in Kind.allCases {
            for _ in 0..<(kind == .read ? 5 : 20) {
                let client = RawClient(port: port, receiveBuffer: kind == .read ? 4_096 : nil)
                #expect(client.send(kind.opening))
                open.append((kind, client))
            }
        }
        var ended: [Kind: [TimeSpan]] = [:]
        var honest = 0
        while !open.isEmpty, clock.now - start < .seconds(180) {
            #expect(await RawClient(port: port).get("/small")?.status == 200)
            honest += 1
            // What a closed connection answers to a letter is an error, to the next one at the latest.
            var left: [(kind: Kind, client: RawClient)] = []
            for one in open {
                if one.client.send("a") {
                    left.append(one)
                } else {
                    ended[one.kind, default: []].append(clock.now - start)
                }
            }
            open = left
            try await clock.sleep(for: .milliseconds(500))
        }
        await server.stop()
        #expect(open.isEmpty, "\(open.count) of \(open.map(\.kind.rawValue)) are still open")
        #expect(honest > 2)
        for kind in Kind.allCases {
            let times = ended[kind] ?? []
            #expect(times.count == (kind == .read ? 5 : 20), "\(kind)")
            // Not before its time: the limit is what ended it.
            #expect(times.allSatisfy { $0 >= kind.limit - .seconds(1) }, "\(kind): \(times.min() ?? .zero)")
        }
        #expect(server.counters.slow.value >= 65)
    }

    /// The large answers that wait for their clients are bounded together.
    @Test func `answers that nobody takes are refused when there are too many`() async throws {
        let clock = SystemClock()
        let large = [UInt8](repeating: 0x61, count: 8 << 20)
        let server = HTTPServer(.init(port: 0), clock: clock) { _ in .now(Response(200, type: "text/plain", large)) }
        let port = try server.start()
        do {
            let idle = (0..<8).map { _ in RawClient(port: port, receiveBuffer: 4_096) }
            for client in idle { client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
            let end = clock.now + .seconds(60)
            while server.open.withLock({ $0.answerBytes }) < Limits.httpAnswerBytes, clock.now < end {
                try await clock.sleep(for: .milliseconds(5))
            }
            #expect(server.open.withLock { $0.answerBytes } == Limits.httpAnswerBytes)
            #expect(await RawClient(port: port).get("/")?.status == 503)
            withExtendedLifetime(idle) {}
        }
        let end = clock.now + .seconds(60)
        while server.open.withLock({ $0.answerBytes }) > 0, clock.now < end {
            try await clock.sleep(for: .milliseconds(5))
        }
        #expect(await RawClient(port: port).get("/")?.body.count == large.count)
        await server.stop()
        #expect(server.open.withLock { $0.answerBytes } == 0)
    }

    @Test func `the surplus stranger is the oldest of the address that has most of them`() {
        func connection(_ id: UInt64, _ address: UInt64) -> Connection {
            Connection(id: id, address: Address(high: 0, low: address), descriptor: -1, now: SystemClock().now)
        }
        var strangers = Strangers()
        let honest = connection(1, 7)
        #expect(strangers.add(honest) == nil)
        for id in 2...UInt64(Limits.httpStrangers) { #expect(strangers.add(connection(id, 8)) == nil) }
        #expect(strangers.count == Limits.httpStrangers)
        for id in 1_000..<2_000 {
            let surplus = strangers.add(connection(UInt64(id), 8))
            #expect(surplus?.address.low == 8)
            #expect(surplus?.id == (id < 1_099 ? UInt64(id - 998) : UInt64(id - 99)))
        }
        strangers.remove(honest)
        #expect(strangers.count == Limits.httpStrangers - 1)
    }

    @Test func `where others can come from, strangers are few and do not end who has shown the token`() async throws {
        try await ConsoleFixture.with { node in
            var options = ConsoleServer.Options(port: 0)
            (options.isPublic, options.isInsecure, options.address) = (true, true, "127.0.0.1")
            let inspector = node.inspector
            let backend = ConsoleBackend(status: { await inspector.status() }, inspector: inspector, log: node.log)
            let server = try ConsoleServer(options, token: ConsoleFixture.token, backend: backend, clock: node.clock)
            let port = try server.start()
            let known = RawClient(port: port)
            #expect(await known.get("/logs", headers: ConsoleFixture.authorized)?.status == 200)
            let many = 3 * Limits.httpStrangers
            let idle = (0..<many).map { _ in RawClient(port: port) }
            for client in idle { client.send("GET /logs HTTP/1.1\r\n") }
            let end = node.clock.now + .seconds(120)
            let counters = server.http.counters
            // On a busy machine some have been too slow before the next ones came.
            while counters.crowded.value + counters.slow.value < many - Limits.httpStrangers, node.clock.now < end {
                _ = await known.get("/health", headers: ConsoleFixture.authorized)
            }
            #expect(counters.crowded.value > 0)
            #expect(counters.crowded.value + counters.slow.value >= many - Limits.httpStrangers)
            #expect(server.http.open.withLock { $0.strangers.count } <= Limits.httpStrangers)
            let text = await known.get("/metrics", headers: ConsoleFixture.authorized)?.text ?? ""
            #expect(text.contains("millrace_http_crowded_total \(counters.crowded.value)\n"), "\(text)")
            // Somebody new is let in all the same.
            #expect(await RawClient(port: port).get("/health")?.status == 200)
            #expect(await known.get("/logs", headers: ConsoleFixture.authorized)?.status == 200)
            withExtendedLifetime(idle) {}
            await server.stop()
        }
    }
}
