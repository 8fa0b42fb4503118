import Foundation
import Testing

/// Pipelines must stay one loop when another module than the library's compiles them. Debug builds say nothing about
/// that, so this runs the benchmark suite's smoke size from a release build, where there is one that is not older than
/// the library: its gates are on CPU time against loops written by hand and on allocations in the steady state.
@Suite struct SpecialisationTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    private static let suite = root.appendingPathComponent(".build/release/millrace-bench")

    private static func changed(_ url: URL) -> Date {
        let values = try? url.resourceValues(forKeys: [.contentModificationDateKey])
        return values?.contentModificationDate ?? .distantPast
    }
    private static var isBuilt: Bool {
        guard FileManager.default.isExecutableFile(atPath: suite.path) else { return false }
        let built = changed(suite)
        for folder in ["Sources/MillraceFlow", "Benchmarks"] {
            let files = FileManager.default.enumerator(
                at: root.appendingPathComponent(folder), includingPropertiesForKeys: nil)
            for case let file as URL in files ?? .init() where file.pathExtension == "swift" && changed(file) > built {
                return false
            }
        }
        return true
    }

    @Test(
        .enabled(
            if: isBuilt, "no release build of the benchmarks: swift build -c release --product millrace-bench"))
    func pipelinesAreOneLoop() throws {
        let process = Process()
        process.executableURL = Self.suite
        process.arguments = ["--smoke", "flow"]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(text)")
        for name in ["flow.fused", "flow.window", "flow.stages", "flow.sliding"] { #expect(text.contains(name)) }
    }
}
