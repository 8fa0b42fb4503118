import Foundation
import MillraceCore
import MillraceTables
import Testing

@Suite struct MurmurTests {
    static func bytes(hex: String) -> [UInt8] {
        stride(from: 0, to: hex.utf8.count, by: 2).map { i in
            UInt8(hex.dropFirst(i).prefix(2), radix: 16)!
        }
    }
    static func token(_ bytes: [UInt8]) -> Int64 { bytes.withUnsafeBytes { Murmur3.token($0) } }

    @Test(arguments: MurmurVectors.all.indices) func vector(index: Int) {
        let (key, token) = MurmurVectors.all[index]
        #expect(MurmurTests.token(MurmurTests.bytes(hex: key)) == token)
    }

    /// The same tokens as the driver for random keys of this run's seed.
    @Test(.enabled(if: CassandraDriver.python != nil, "no cassandra-driver: PyPI or Python is out of reach"))
    func driver() throws {
        let seed = TestRun.seed % 1_000_000
        let lines = try CassandraDriver.run("murmur3.py", "\(TestRun.count(5_000))", "\(seed)")
        #expect(lines.count == TestRun.count(5_000))
        for line in lines {
            let parts = line.split(separator: " ")
            let key = parts[0] == "-" ? "" : String(parts[0])
            #expect(MurmurTests.token(MurmurTests.bytes(hex: key)) == Int64(parts[1])!, "key \(key); \(TestRun.replay)")
        }
    }
}

/// Apache Cassandra's Python driver in a virtual environment under `.build`, made on first use.
enum CassandraDriver {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// Its interpreter; nil when it cannot be had.
    static let python: String? = {
        let environment = root.appending(path: ".build/cassandra-driver")
        let python = environment.appending(path: "bin/python").path
        if (try? output(python, ["-c", "import cassandra.metadata"])) != nil { return python }
        let made = try? output("/usr/bin/env", ["python3", "-m", "venv", environment.path])
        guard made != nil else { return nil }
        _ = try? output(
            python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "cassandra-driver==3.30.1"],
            // The C extensions would need a compiler and minutes; plain Python computes the same.
            with: ["CASS_DRIVER_NO_EXTENSIONS": "1", "CASS_DRIVER_NO_CYTHON": "1"])
        return (try? output(python, ["-c", "import cassandra.metadata"])) != nil ? python : nil
    }()

    static func run(_ script: String, _ arguments: String...) throws -> [Substring] {
        let path = root.appending(path: "Tests/Oracles/\(script)").path
        return try output(python!, [path] + arguments).split(separator: "\n")
    }

    private struct Refused: Error {}

    private static func output(_ program: String, _ arguments: [String], with extra: [String: String] = [:]) throws
        -> String
    {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(extra) { $1 }
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Refused() }
        return String(decoding: data, as: UTF8.self)
    }
}
