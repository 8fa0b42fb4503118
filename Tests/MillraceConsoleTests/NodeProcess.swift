import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// The page views sample as a process of its own, on a directory of the test's.
final class NodeProcess: @unchecked Sendable {
    // Sendable because one test uses it, and its clients only read `port`, which is set before they begin.
    let folder: URL
    let data: String
    private let process = Process()
    private let log: URL
    private(set) var port = 0

    /// Beside the test bundle, where the package manager builds it.
    private static let program: URL = {
        let bundle = Bundle.allBundles.map(\.bundleURL).first { $0.pathExtension == "xctest" }
        let beside = bundle ?? URL(fileURLWithPath: CommandLine.arguments[0])
        return beside.deletingLastPathComponent().appendingPathComponent("PageViewsSample")
    }()

    static func makeFolder() throws -> URL {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("node-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        return url
    }

    /// - Parameter descriptors: files and sockets it may have open at most.
    init(_ arguments: [String], folder: URL? = nil, descriptors: Int? = nil) throws {
        self.folder = try folder ?? Self.makeFolder()
        data = arguments.firstIndex(of: "--data-directory").map { arguments[$0 + 1] } ?? ""
        log = self.folder.appendingPathComponent("errors-\(UUID().uuidString)")
        try Data().write(to: log)
        if let descriptors {
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            let words = ["ulimit -n \(descriptors); exec \"$0\" \"$@\"", Self.program.path] + arguments
            process.arguments = ["-c"] + words
        } else {
            process.executableURL = Self.program
            process.arguments = arguments
        }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = try FileHandle(forWritingTo: log)
        var environment = ProcessInfo.processInfo.environment
        environment["SWIFT_BACKTRACE"] = "enable=no"
        process.environment = environment
        try process.run()
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    var errors: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }

    struct Trouble: Error { let text: String }

    func untilListening() async throws {
        let end = Date().addingTimeInterval(120)
        while Date() < end, process.isRunning {
            if let found = errors.firstMatch(of: #/http:\/\/localhost:([0-9]+)/#), let number = Int(found.1) {
                port = number
                if await RawClient(port: port).get("/health")?.status == 200 { return }
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw Trouble(text: "the node does not listen: \(errors)")
    }

    func terminate() { kill(process.processIdentifier, SIGTERM) }

    /// Its exit code, or that it had to be killed as -1; a signal's number is negative, too.
    func exit(seconds: Double = 120) async -> Int32 {
        let end = Date().addingTimeInterval(seconds)
        while process.isRunning, Date() < end { try? await Task.sleep(for: .milliseconds(10)) }
        guard !process.isRunning else {
            kill(process.processIdentifier, SIGKILL)
            return -1
        }
        return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus - 100
    }

    func append(_ lines: String) async -> Int? {
        await RawClient(port: port).request("POST", "/logs/clicks", body: lines)?.status
    }

    /// What the log of clicks holds.
    func records() async -> Int {
        await RawClient(port: port).get("/logs/clicks")?.object["records"] as? Int ?? -1
    }

    /// A node that runs while `body` does, then ends by itself.
    static func running(
        _ data: String, descriptors: Int? = nil, _ body: (NodeProcess) async throws -> Void
    ) async throws {
        let folder = URL(fileURLWithPath: data).deletingLastPathComponent()
        let node = try NodeProcess(
            ["--data-directory", data, "--console-port", "0"], folder: folder, descriptors: descriptors)
        try await node.untilListening()
        try await body(node)
        node.terminate()
        let code = await node.exit()
        if code != 0 { throw Trouble(text: "it ended with \(code): \(node.errors)") }
    }

    static func with(_ body: (NodeProcess) async throws -> Void) async throws {
        let folder = try makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        try await running(folder.path + "/node", body)
    }
}
