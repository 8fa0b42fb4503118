import Foundation
import Testing

/// The wrapper script on machines that we make up: a PATH of a few real tools and some false ones.
@Suite struct WrapperTests {
    private struct Outcome {
        var status: Int32
        var output: String
    }

    private static let toolNames = [
        "bash", "env", "cat", "dirname", "find", "grep", "head", "mktemp", "printf", "sed", "sort", "touch", "tr",
        "uname",
    ]

    /// Runs the wrapper with only `tools` (name → shell script) and the harmless real ones in its PATH.
    private func run(_ arguments: [String], tools: [String: String], from directory: String = "/") throws -> Outcome {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "millrace wrapper \(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for name in Self.toolNames where tools[name] == nil {
            let real = ["/usr/bin/", "/bin/"].map { $0 + name }.first {
                FileManager.default.isExecutableFile(atPath: $0)
            }
            if let real {
                try FileManager.default.createSymbolicLink(
                    at: folder.appendingPathComponent(name), withDestinationURL: URL(fileURLWithPath: real))
            }
        }
        for (name, script) in tools {
            let url = folder.appendingPathComponent(name)
            try ("#!/bin/sh\n" + script + "\n").write(to: url, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: url.path)
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = [Repository.root.appendingPathComponent("millrace").path] + arguments
        process.environment = ["PATH": folder.path, "HOME": folder.path]
        process.currentDirectoryURL = URL(fileURLWithPath: directory)
        process.standardInput = FileHandle.nullDevice
        let pipe = Pipe()
        (process.standardOutput, process.standardError) = (pipe, pipe)
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return Outcome(status: process.terminationStatus, output: output)
    }

    /// A Debian on which all but `missing` is installed.
    private func debian(missing: [String], root: Bool, sudo: String? = nil) -> [String: String] {
        let cases = missing.isEmpty ? "none" : missing.map { "*\" \($0)\"" }.joined(separator: "|")
        var tools = [
            "dpkg-query": "case \" $*\" in \(cases)) exit 1;; esac\nprintf installed",
            "apt-get": "echo \"APT $* as ${FAKE_ROOT:-nobody} $DEBIAN_FRONTEND\"",
            "id": root ? "echo 0" : "echo 1000",
            "pkg-config": "exit 0",
        ]
        tools["sudo"] = sudo
        return tools
    }

    @Test func nothingIsInstalledWhenNothingIsMissing() throws {
        let outcome = try run(["setup"], tools: debian(missing: [], root: true))
        #expect(outcome.status == 0)
        #expect(!outcome.output.contains("APT"))
    }

    @Test func onlyWhatIsMissingIsInstalledAndNamed() throws {
        let outcome = try run(["setup"], tools: debian(missing: ["libuv1-dev", "librocksdb-dev"], root: true))
        #expect(outcome.status == 0)
        #expect(outcome.output.contains("installing with apt-get: librocksdb-dev libuv1-dev"))
        #expect(outcome.output.components(separatedBy: "APT update").count == 2, "one update")
        let install = try #require(outcome.output.split(separator: "\n").first { $0.hasPrefix("APT install") })
        #expect(install.contains(" -y ") && install.contains("librocksdb-dev libuv1-dev"))
        #expect(install.contains("noninteractive"))
        #expect(!install.contains("libzstd-dev"))
    }

    @Test func aDryRunOnlySays() throws {
        let outcome = try run(["setup", "--dry-run"], tools: debian(missing: ["libuv1-dev"], root: true))
        #expect(outcome.status == 0)
        #expect(outcome.output.contains("libuv1-dev"))
        #expect(!outcome.output.contains("APT"))
    }

    @Test func sudoIsUsedOnlyWhenNeededAndNeverWaits() throws {
        let sudo = "echo \"SUDO $1\"\n[ \"$1\" = -n ] && shift\nFAKE_ROOT=root \"$@\""
        let needed = try run(["setup"], tools: debian(missing: ["libuv1-dev"], root: false, sudo: sudo))
        #expect(needed.status == 0)
        #expect(needed.output.contains("SUDO -n"), "without a terminal sudo must not ask")
        #expect(needed.output.contains("APT install -y -q --no-install-recommends libuv1-dev as root"))
        let idle = try run(["setup"], tools: debian(missing: [], root: false, sudo: sudo))
        #expect(!idle.output.contains("SUDO"))
    }

    @Test func withoutRootAndSudoItSaysWhatToRun() throws {
        let outcome = try run(["setup"], tools: debian(missing: ["libuv1-dev"], root: false))
        #expect(outcome.status != 0)
        #expect(outcome.output.contains("libuv1-dev"))
        #expect(outcome.output.contains("root"))
    }

    @Test func aFailedInstallationStopsWithAdvice() throws {
        var tools = debian(missing: ["libuv1-dev"], root: true)
        tools["apt-get"] = "[ \"$1\" = update ]"
        let outcome = try run(["setup"], tools: tools)
        #expect(outcome.status != 0)
        #expect(outcome.output.contains("sudo apt-get install libuv1-dev"))
    }

    @Test func homebrewInstallsByItsOwnNames() throws {
        let brew = """
            if [ "$1" = list ]; then
                for name in rocksdb lz4 zstd snappy zlib libmicrohttpd libuv pkgconf; do echo $name; done
                exit
            fi
            echo "BREW $*"
            """
        let outcome = try run(["setup"], tools: ["brew": brew])
        #expect(outcome.status == 0)
        #expect(outcome.output.contains("BREW install -q simdjson librdkafka"))
    }

    @Test(arguments: ["5.10.1", "6.1"]) func anOldToolchainIsRefusedClearly(_ version: String) throws {
        var tools = debian(missing: [], root: true)
        tools["swift"] = "echo 'Swift version \(version) (swift-\(version)-RELEASE)'"
        for verb in ["demo", "test"] {
            let outcome = try run([verb], tools: tools)
            #expect(outcome.status != 0)
            #expect(
                outcome.output.contains("needs Swift 6.2 or later; this is \(version.prefix(4))"), "\(outcome.output)")
        }
    }

    /// As a toolchain does whose machine lacks one of its libraries.
    @Test func aToolchainThatDoesNotRunSaysWhy() throws {
        var tools = debian(missing: [], root: true)
        tools["swift"] = "echo 'error while loading shared libraries: libncurses.so.6' >&2; exit 127"
        let outcome = try run(["demo"], tools: tools)
        #expect(outcome.status != 0)
        #expect(outcome.output.contains("Swift does not run here") && outcome.output.contains("libncurses.so.6"))
    }

    private static let newSwift = """
        case "$*" in
        --version) echo 'Apple Swift version 6.2 (swiftlang)';;
        *help-hidden*) echo '  --explicit-target-dependency-import-check <x>';;
        *FAILING*) exit 1;;
        *) echo "SWIFT $*"; pwd;;
        esac
        """

    @Test func testHandsItsArgumentsToSwift() throws {
        var tools = debian(missing: [], root: true)
        tools["swift"] = Self.newSwift
        let outcome = try run(["test", "--filter", "a b"], tools: tools, from: "/tmp")
        #expect(outcome.status == 0)
        let root = Repository.root.path.hasSuffix("/") ? String(Repository.root.path.dropLast()) : Repository.root.path
        let expected = "SWIFT test --package-path \(root) --explicit-target-dependency-import-check error --filter a b"
        #expect(outcome.output.contains(expected), "\(outcome.output)")
        #expect(outcome.output.contains("\n/tmp\n"), "the caller's directory stays")
    }

    @Test func testRunsEveryTargetAndFailsWhenOneFails() throws {
        var tools = debian(missing: [], root: true)
        tools["swift"] = Self.newSwift
        let outcome = try run(["test"], tools: tools)
        #expect(outcome.status == 0)
        #expect(outcome.output.contains("--build-tests --explicit-target-dependency-import-check error"))
        for folder in Repository.folders(in: "Tests") where folder.hasSuffix("Tests") {
            #expect(outcome.output.contains("--skip-build --filter ^\(folder)\\."), "\(folder)")
        }
        #expect(outcome.output.contains("-c release --skip-build millrace-bench --smoke"))
        tools["swift"] = Self.newSwift.replacingOccurrences(of: "FAILING", with: "--smoke")
        let broken = try run(["test"], tools: tools)
        #expect(broken.status != 0 && broken.output.contains("failed: benchmarks"))
        tools["swift"] = Self.newSwift.replacingOccurrences(of: "FAILING", with: "MillraceLogTests")
        let failed = try run(["test"], tools: tools)
        #expect(failed.status != 0)
        #expect(failed.output.contains("failed: MillraceLogTests"))
        #expect(failed.output.contains("^TidyTests"), "the rest is run all the same")
    }
}
