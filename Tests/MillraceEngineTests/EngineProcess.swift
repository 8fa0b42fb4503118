import Foundation

/// Runs the probe as a process of its own.
enum EngineProcess {
    /// Beside the test bundle, where the package manager builds it.
    private static let program: URL = {
        let bundle = Bundle.allBundles.map(\.bundleURL).first { $0.pathExtension == "xctest" }
        let beside = bundle ?? URL(fileURLWithPath: CommandLine.arguments[0])
        return beside.deletingLastPathComponent().appendingPathComponent("EngineProbe")
    }()

    /// Kills it after `seconds`, if that is given. Returns whether it ended by itself with success.
    ///
    /// - Parameters:
    ///   - errors: a file for what it writes to standard error.
    ///   - output: one for its standard output.
    static func run(
        _ arguments: [String], crash: String? = nil, workload: String? = nil, killAfter seconds: Double? = nil,
        errors: FileHandle? = nil,
        output: FileHandle? = nil
    ) throws -> Bool {
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        var environment = ProcessInfo.processInfo.environment
        environment["MILLRACE_CRASH"] = crash
        environment["MILLRACE_TEST_WORKLOAD"] = workload
        environment["SWIFT_BACKTRACE"] = "enable=no"
        process.environment = environment
        if let errors { process.standardError = errors }
        process.standardOutput = output ?? FileHandle.nullDevice
        try process.run()
        if let seconds {
            let end = Date().addingTimeInterval(seconds)
            while process.isRunning, Date() < end { usleep(2_000) }
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        }
        process.waitUntilExit()
        return process.terminationReason == .exit && process.terminationStatus == 0
    }
}
