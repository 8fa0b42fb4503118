import Foundation
import MillraceCore
import Testing

/// A real process whose system calls go wrong: strace kills it at the n-th call of a kind, or makes the call fail.
private enum Tracer {
    static let path = "/usr/bin/strace"

    /// False where there is no strace, or where the machine lets nobody trace.
    static let isPossible: Bool = {
        guard FileManager.default.isExecutableFile(atPath: path) else { return false }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = ["-f", "-o", "/dev/null", "-e", "trace=fdatasync", "/bin/true"]
        process.standardError = FileHandle.nullDevice
        do { try process.run() } catch { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }()

    static func injecting(_ call: String, _ fault: String, at n: Int) -> [String] {
        [path, "-f", "-o", "/dev/null", "-e", "trace=\(call)", "-e", "inject=\(call):\(fault):when=\(n)"]
    }
}

@Suite(.serialized, .enabled(if: Tracer.isPossible, "SKIPPED: injected faults need strace and the right to trace"))
struct InjectionTests {
    struct Fault: Sendable, CustomTestStringConvertible {
        var name: String
        var call: String
        var effect: String
        /// Whether the log says no to somebody.
        var isTold: Bool
        var testDescription: String { name }
    }
    static let faults = [
        Fault(name: "T02 killed before a write", call: "pwritev", effect: "signal=KILL", isTold: false),
        Fault(name: "T02 killed before a sync", call: "fdatasync", effect: "signal=KILL", isTold: false),
        Fault(name: "T07 killed before a rename", call: "rename", effect: "signal=KILL", isTold: false),
        Fault(name: "T03 interrupted writes", call: "pwritev", effect: "error=EINTR", isTold: false),
        Fault(name: "T03 interrupted syncs", call: "fdatasync", effect: "error=EINTR", isTold: false),
        Fault(name: "T09 a failed sync", call: "fdatasync", effect: "error=EIO", isTold: true),
        Fault(name: "T10 a full disk", call: "pwritev", effect: "error=ENOSPC", isTold: true),
        Fault(name: "G6 a failed write", call: "pwritev", effect: "error=EIO", isTold: true),
        Fault(name: "G6 a failed read", call: "pread64", effect: "error=EIO", isTold: true),
    ]

    /// Acknowledged before the fault, and around it, is there afterwards, once and in order.
    @Test(arguments: faults) func nothingAcknowledgedIsLostToAFailingCall(_ fault: Fault) throws {
        let home = FileManager.default.temporaryDirectory.appendingPathComponent("millrace-fault-\(UUID().uuidString)")
            .path
        defer { try? FileManager.default.removeItem(atPath: home) }
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        let run = ProbeRun(directory: home + "/log", producers: 4, partitions: 2, acknowledgement: "durable")
        var told = 0
        for n in [1, 2, 3, 5, 8, 13, 21, 40] {
            try run.live(
                for: 100, from: .acknowledged(25), under: Tracer.injecting(fault.call, fault.effect, at: n))
            let refusals = run.takeRefusals()
            told += refusals.isEmpty ? 0 : 1
            if !fault.isTold { #expect(refusals == [], "at call \(n)") }
            #expect(refusals.allSatisfy { !$0.contains("unreadable") }, "\(refusals)")
            // The next start without the fault finds a log that is whole.
            try run.live(for: 40, from: .acknowledged(10))
            #expect(run.takeRefusals() == [], "after call \(n)")
            #expect(try FileOracle.problems(run) == [], "after call \(n)")
        }
        if fault.isTold, fault.call != "pread64" { #expect(told > 3, "the fault was never felt") }
        #expect(run.acknowledgedRecords > 100)
    }
}
