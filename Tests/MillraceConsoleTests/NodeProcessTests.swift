import Foundation
import MillraceCore
import Testing

@testable import MillraceConsole

/// T40 against whole processes: what a node refuses at its start, with which words and exit code, how it lives with few
/// descriptors, and that it ends under load without losing what it has acknowledged.
@Suite(.serialized) struct NodeProcessTests {
    @Test func `T40: two nodes on one directory, a taken port, a directory that takes nothing`() async throws {
        try await NodeProcess.with { first in
            let second = try NodeProcess(["--data-directory", first.data, "--console-port", "0"])
            #expect(await second.exit() == 3)
            #expect(second.errors.contains("another node owns this data directory"), "\(second.errors)")
            let third = try NodeProcess([
                "--data-directory", first.folder.path + "/other", "--console-port", "\(first.port)",
            ])
            #expect(await third.exit() == 3)
            #expect(third.errors.contains("port \(first.port) cannot be listened on"), "\(third.errors)")
            #expect(third.errors.contains("Choose another port"), "\(third.errors)")
            // The directory's place is a file.
            let fourth = try NodeProcess([
                "--data-directory", first.data + "/format", "--console-port", "0",
            ])
            #expect(await fourth.exit() == 1)
            #expect(fourth.errors.contains("the data directory cannot be opened"), "\(fourth.errors)")
            #expect(await RawClient(port: first.port).get("/health")?.status == 200)
        }
    }

    @Test func `T40: nobody else's address without TLS, no token behind a link`() async throws {
        let folder = try NodeProcess.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let data = folder.path + "/node"
        for address in ["0.0.0.0", "::", "127.0.0.2"] {
            let node = try NodeProcess(["--data-directory", data, "--console-address", address])
            #expect(await node.exit() == 2, "\(address)")
            #expect(node.errors.contains("needs TLS"), "\(address): \(node.errors)")
        }
        // The token is neither read nor written through a link.
        let token = data + "/console.token"
        try? FileManager.default.removeItem(atPath: token)
        let elsewhere = folder.path + "/elsewhere"
        try String(repeating: "a", count: 64).write(toFile: elsewhere, atomically: false, encoding: .utf8)
        try FileManager.default.createSymbolicLink(atPath: token, withDestinationPath: elsewhere)
        let node = try NodeProcess(["--data-directory", data, "--console-port", "0"])
        #expect(await node.exit() == 1)
        #expect(node.errors.contains("the console's token cannot be kept"), "\(node.errors)")
        #expect(try String(contentsOfFile: elsewhere, encoding: .utf8) == String(repeating: "a", count: 64))
    }

    @Test func `T40: a segment that is a link is not served, and served again when it is none`() async throws {
        let folder = try NodeProcess.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let data = folder.path + "/node"
        try await NodeProcess.running(data) { node in
            #expect(await node.append("{\"page\":\"/\",\"user\":1,\"at\":\"2026-11-21T05:00:00Z\"}") == 200)
        }
        let files = FileManager.default.enumerator(atPath: data + "/log")?.compactMap { $0 as? String } ?? []
        let segments = files.filter { $0.contains("clicks") && $0.hasSuffix(".log") }
        #expect(!segments.isEmpty, "\(files)")
        for segment in segments {
            let path = data + "/log/" + segment
            let moved = folder.path + "/" + segment.replacingOccurrences(of: "/", with: "+")
            try FileManager.default.moveItem(atPath: path, toPath: moved)
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: moved)
        }
        // The rest of the node serves; this partition refuses, and says why.
        let refused = try NodeProcess(["--data-directory", data, "--console-port", "0"])
        try await refused.untilListening()
        let client = RawClient(port: refused.port)
        let partitions = await client.get("/logs/clicks")?.object["partition"] as? [[String: Any]] ?? []
        let faulty = partitions.compactMap { $0["fault"] == nil ? nil : $0["index"] as? Int }
        #expect(faulty.count == segments.count)
        for index in faulty {
            let read = await client.get("/logs/clicks/records?partition=\(index)")
            #expect((read?.status ?? 0) >= 500 && read?.text.contains("no plain file") == true, "\(read?.text ?? "")")
            let append = await client.request("POST", "/logs/clicks?partition=\(index)", body: "{}")
            #expect((append?.status ?? 0) >= 500, "\(append?.text ?? "")")
        }
        #expect(await client.get("/ready")?.status == 503)
        #expect(await client.get("/health")?.status == 200)
        refused.terminate()
        #expect(await refused.exit() >= 0)
        for segment in segments {
            let path = data + "/log/" + segment
            let moved = folder.path + "/" + segment.replacingOccurrences(of: "/", with: "+")
            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.moveItem(atPath: moved, toPath: path)
        }
        try await NodeProcess.running(data) { node in #expect(await node.records() == 1) }
    }

    @Test func `T40: with 200 descriptors some are served and the node lives on`() async throws {
        let folder = try NodeProcess.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        try await NodeProcess.running(folder.path + "/node", descriptors: 200) { node in
            for round in 0..<2 {
                let many = (0..<300).map { _ in RawClient(port: node.port, timeout: 0.02) }
                for client in many { client.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n") }
                var served = 0
                let end = Date().addingTimeInterval(60)
                while served == 0, Date() < end {
                    for client in many where await client.answer()?.status == 200 { served += 1 }
                }
                #expect(served > 0 && served < 300, "round \(round): \(served)")
                withExtendedLifetime(many) {}
            }
            // They are gone, and the node does all that it did before.
            let end = Date().addingTimeInterval(60)
            var status: Int?
            while status != 200, Date() < end {
                status = await node.append("{\"page\":\"/\",\"user\":1,\"at\":\"2026-11-21T05:00:00Z\"}")
            }
            #expect(status == 200)
            #expect(await RawClient(port: node.port).get("/ready")?.text == "ready\n")
        }
    }

    /// The first signal ends what is under way; the second ends the process at once. Either way everything that was
    /// acknowledged is there afterwards.
    @Test(arguments: [1, 2]) func `T40: SIGTERM under load`(signals: Int) async throws {
        let folder = try NodeProcess.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let data = folder.path + "/node"
        let node = try NodeProcess(["--data-directory", data, "--console-port", "0"])
        try await node.untilListening()
        let acknowledged = Lock(0)
        let clients = (0..<8).map { n in
            Task {
                let client = RawClient(port: node.port)
                let record = "{\"page\":\"/\(n)\",\"user\":\(n),\"at\":\"2026-11-21T05:00:00Z\"}\n"
                let body = String(repeating: record, count: 10)
                while await client.request("POST", "/logs/clicks", body: body)?.status == 200 {
                    acknowledged.withLock { $0 += 10 }
                }
            }
        }
        let end = Date().addingTimeInterval(60)
        while acknowledged.withLock({ $0 }) < 500, Date() < end { try await Task.sleep(for: .milliseconds(5)) }
        for _ in 0..<signals { node.terminate() }
        let code = await node.exit()
        for client in clients { await client.value }
        // With two signals the second may come when all is done.
        #expect(signals == 1 ? code == 0 : [0, 130].contains(code), "\(code): \(node.errors)")
        let wanted = acknowledged.withLock { $0 }
        #expect(wanted >= 500)
        try await NodeProcess.running(data) { again in
            let found = await again.records()
            #expect(found >= wanted, "\(found) of \(wanted)")
            if signals == 1 { #expect(!again.errors.contains("recover"), "\(again.errors)") }
        }
    }
}
