import Foundation
import MillraceCore
import Testing

@testable import MillraceConsole

/// How large; outside the suite, whose attribute must not look into it.
private enum Load {
    static let factor = Int(ProcessInfo.processInfo.environment["MILLRACE_CONSOLE_LOAD"] ?? "") ?? 1
}

/// T37, in a small size; MILLRACE_CONSOLE_LOAD=10 is ten times as large.
@Suite(.serialized) struct LoadTests {
    @Test func `followers that stall do not hold up the others`() async throws {
        try await ConsoleFixture.with { node in
            let (readers, stalled) = (20 * Load.factor, 5 * Load.factor)
            try node.put("/sse", minute: 0, count: 0)
            let idle = (0..<stalled).map { _ in RawClient(port: node.port, receiveBuffer: 4_096) }
            for client in idle { client.send("GET /tables/views?key=/sse&follow HTTP/1.1\r\nHost: localhost\r\n\r\n") }
            let seen = Lock<[Int]>([])
            let events = 10
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<readers {
                    group.addTask {
                        let client = node.client()
                        client.send("GET /tables/views?key=/sse&follow HTTP/1.1\r\nHost: localhost\r\n\r\n")
                        let text = await client.until("\"count\":\(events),", seconds: 240)
                        let got = (1...events).filter { text.contains("\"count\":\($0),") }.count
                        seen.withLock { $0.append(got) }
                    }
                }
                group.addTask {
                    try? await Task.sleep(for: .milliseconds(1_000))
                    for count in 1...events {
                        let note = String(repeating: "x", count: 2_000)
                        try? node.put("/sse", minute: Int64(count), count: Int64(count), note: note)
                        try? await Task.sleep(for: .milliseconds(50))
                    }
                }
            }
            #expect(seen.withLock { $0 } == [Int](repeating: events, count: readers))
            withExtendedLifetime(idle) {}
        }
    }

    @Test func `reconnects with an id are bounded and go on where they were`() async throws {
        try await ConsoleFixture.with { node in
            try node.put("/r", minute: 0, count: 1)
            var id = ""
            for n in 0..<(20 * Load.factor) {
                try node.put("/r", minute: Int64(n + 1), count: Int64(n + 2))
                let client = node.client()
                let header = id.isEmpty ? "" : "Last-Event-ID: \(id)\r\n"
                client.send("GET /tables/views?key=/r&follow HTTP/1.1\r\nHost: localhost\r\n\(header)\r\n")
                let text = await client.until("\"count\":\(n + 2),")
                #expect(text.contains("\"count\":\(n + 2),"))
                if !id.isEmpty { #expect(!text.contains("\"count\":\(n),")) }
                let more = text.contains("\nid: ") ? text : text + (await client.until("\nid: "))
                id = more.components(separatedBy: "\nid: ").last?.components(separatedBy: "\n").first ?? ""
            }
            let end = node.clock.now + .seconds(120)
            while node.clock.now < end,
                await node.client().get("/metrics")?.text.contains("millrace_http_streams 0") != true
            {
                try await Task.sleep(for: .milliseconds(200))
            }
            #expect(await node.client().get("/metrics")?.text.contains("millrace_http_streams 0") == true)
        }
    }
}
