import Foundation
import MillraceCore
import Testing

@testable import MillraceConsole

/// Outside the suite, whose attribute must not look into it.
private enum OpenSSL {
    static let path = ["/usr/bin/openssl", "/opt/homebrew/bin/openssl"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }
}

/// TLS, with a certificate that openssl makes and a client that openssl is.
@Suite(.enabled(if: OpenSSL.path != nil, "needs openssl")) struct TLSTests {
    /// What openssl prints, given this on its standard input.
    private func openssl(_ arguments: [String], input: String = "") throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: OpenSSL.path ?? "")
        process.arguments = arguments
        let (stdin, stdout) = (Pipe(), Pipe())
        (process.standardInput, process.standardOutput, process.standardError) = (stdin, stdout, FileHandle.nullDevice)
        try process.run()
        stdin.fileHandleForWriting.write(Data(input.utf8))
        try stdin.fileHandleForWriting.close()
        let output = String(decoding: stdout.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return output
    }

    private func certificate(in folder: URL) throws -> (key: String, certificate: String) {
        let (key, certificate) = (folder.appendingPathComponent("key.pem"), folder.appendingPathComponent("cert.pem"))
        _ = try openssl([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost", "-keyout",
            key.path,
            "-out", certificate.path,
        ])
        return (try String(contentsOf: key, encoding: .utf8), try String(contentsOf: certificate, encoding: .utf8))
    }

    @Test func `a console for others speaks TLS, and wants the token for everything but the page`() async throws {
        try await ConsoleFixture.with { node in
            let tls = try certificate(in: node.url)
            var options = ConsoleServer.Options(port: 0)
            (options.isPublic, options.tls, options.hosts) = (true, tls, ["millrace.example"])
            let inspector = node.inspector
            let server = try ConsoleServer(
                options, token: ConsoleFixture.token,
                backend: ConsoleBackend(status: { await inspector.status() }, inspector: inspector, log: node.log),
                clock: node.clock)
            let port = try server.start()
            func ask(_ target: String, _ headers: String = "", host: String = "millrace.example") throws -> String {
                try openssl(
                    ["s_client", "-quiet", "-connect", "127.0.0.1:\(port)"],
                    input: "GET \(target) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\(headers)\r\n")
            }
            do {
                #expect(try ask("/").contains("<title>Millrace"))
                #expect(try ask("/health").hasPrefix("HTTP/1.1 200"))
                #expect(try ask("/logs").hasPrefix("HTTP/1.1 401"))
                #expect(try ask("/logs", ConsoleFixture.authorized).contains("\"clicks\""))
                #expect(try ask("/", host: "evil.example").hasPrefix("HTTP/1.1 421"))
                // Old protocols are refused, and so is plain text.
                let old = try openssl(["s_client", "-tls1_1", "-connect", "127.0.0.1:\(port)"])
                #expect(!old.contains("Cipher is TLS") || old.contains("Cipher is (NONE)"))
                #expect(await RawClient(port: port, timeout: 5).get("/health")?.status != 200)
            } catch {
                await server.stop()
                throw error
            }
            await server.stop()
        }
    }

    @Test func `a key that is none is refused at the start`() async throws {
        try await ConsoleFixture.with { node in
            var options = ConsoleServer.Options(port: 0)
            options.tls = ("no key", "no certificate")
            let inspector = node.inspector
            let server = try ConsoleServer(
                options, token: "t", backend: ConsoleBackend(status: { await inspector.status() }), clock: node.clock)
            let failure = #expect(throws: Failure.self) { try server.start() }
            #expect(failure?.code == .invalidArgument, "\(String(describing: failure))")
            await server.stop()
        }
    }
}
