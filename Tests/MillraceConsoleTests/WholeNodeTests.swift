import Foundation
import MillraceCore
import Testing

@testable import MillraceConsole

/// The API before a whole node, a process of its own: what its pipeline does is seen and steered from outside.
@Suite struct WholeNodeTests {
    private func until(
        _ node: NodeProcess, _ target: String, seconds: Double = 90, _ holds: (RawClient.Answer) -> Bool
    ) async throws -> RawClient.Answer? {
        let end = Date().addingTimeInterval(seconds)
        var last: RawClient.Answer?
        while Date() < end {
            last = await RawClient(port: node.port).get(target)
            if let last, holds(last) { return last }
            try await Task.sleep(for: .milliseconds(50))
        }
        Issue.record("\(target) does not come to it: \(last?.text.prefix(500) ?? "")")
        return nil
    }

    private func letters(_ answer: RawClient.Answer) -> [[String: Any]] {
        answer.object["deadLetters"] as? [[String: Any]] ?? []
    }

    @Test func `records become rows, bad ones letters, and the pipeline obeys`() async throws {
        let folder = try NodeProcess.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let data = folder.path + "/node"
        try await NodeProcess.running(data) { node in
            let token = try String(contentsOfFile: data + "/console.token", encoding: .utf8)
            let authorized = "Authorization: Bearer \(token.filter { !$0.isWhitespace })\r\n"
            // A connection of its own each time: one that says nothing for a while is closed.
            func get(_ target: String) async -> RawClient.Answer? { await RawClient(port: node.port).get(target) }

            let rows = RawClient(port: node.port)
            rows.send("GET /tables/page_views?key=/home&follow HTTP/1.1\r\nHost: localhost\r\n\r\n")
            let tap = RawClient(port: node.port)
            tap.send(
                "GET /pipelines/PageViews/tap?where=user%3E=2&limit=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(await tap.until("event: live").contains("event: live"))
            let lines = (1...3).map { #"{"page":"/home","user":\#($0),"at":"2026-11-21T05:00:0\#($0)Z"}"# }
            #expect(await node.append(lines.joined(separator: "\n")) == 200)
            let seen = await tap.until("event: end")
            #expect(seen.contains(#"\"user\":2"#) && !seen.contains(#"\"user\":1"#), "\(seen)")
            let committed = await rows.until("event: change")
            #expect(committed.contains(#""value":3"#), "\(committed)")
            let row = await get("/tables/page_views?key=/home")
            #expect((row?.object["rows"] as? [[String: Any]])?.first?["value"] as? Int == 3)
            #expect(await get("/tables/page_views/explain?key=/home")?.text.contains("commit") == true)
            #expect(await get("/pipelines/PageViews/why")?.text.contains("PageViews is running") == true)
            #expect(await get("/pipelines/PageViews/plan")?.text.isEmpty == false)

            #expect(await node.append(#"{"page":"/","user":"none"}"#) == 200)
            let found = try await until(node, "/pipelines/PageViews/dead-letters") { letters($0).count == 1 }
            let letter = found.flatMap { letters($0).first }
            #expect(letter?["sourceTopic"] as? String == "clicks" && letter?["attempts"] as? Int == 1)
            #expect(letter?["value"] as? String == #"{"page":"/","user":"none"}"#)
            let redrive = "/pipelines/PageViews/dead-letters/redrive"
            #expect(await RawClient(port: node.port).request("POST", redrive)?.status == 401)
            let redriven = await RawClient(port: node.port).request("POST", redrive, headers: authorized)
            #expect(redriven?.object["redriven"] as? Int == 1)
            // It fails again, from its new place.
            let offset = letter?["offset"] as? Int
            _ = try await until(node, "/pipelines/PageViews/dead-letters") {
                letters($0).count == 1 && letters($0)[0]["offset"] as? Int != offset
            }
            #expect((await get("/pipelines/PageViews/parked-keys"))?.text == #"{"parkedKeys":[]}"#)

            for (order, state) in [("pause", "paused"), ("resume", "running")] {
                let answer = await RawClient(port: node.port).request(
                    "POST", "/pipelines/PageViews/\(order)", headers: authorized)
                #expect(answer?.object["done"] as? Bool == true)
                _ = try await until(node, "/pipelines/PageViews") { $0.object["state"] as? String == state }
            }
            #expect(await get("/configuration")?.text.contains(String(token.prefix(20))) == false)
        }
    }
}
