import Foundation
import MillraceCore
import Testing

@testable import MillraceCommand

/// Runs the real tool as a process in a directory of its own.
final class ToolRun {
    struct Outcome {
        var code: Int32
        var out: String
        var error: String
        var lines: [[String: Any]] {
            out.split(separator: "\n").compactMap {
                (try? JSONSerialization.jsonObject(with: Data($0.utf8))) as? [String: Any]
            }
        }
    }
    let home: URL
    static let program: URL? = {
        let near = Bundle.allBundles.map(\.bundleURL) + [URL(fileURLWithPath: CommandLine.arguments[0])]
        let folders = near.flatMap { [$0.deletingLastPathComponent(), $0] }
        return folders.map { $0.appendingPathComponent("millrace") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
    }()

    init() throws {
        home = FileManager.default.temporaryDirectory.appendingPathComponent("millrace-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(at: home) }

    @discardableResult
    func run(_ line: String, input: String = "", expecting code: Int32 = 0) throws -> Outcome {
        try run(words: line.split(separator: " ").map(String.init), input: input, expecting: code)
    }

    /// A tool that is still running.
    final class Running {
        let process = Process()
        let input = Pipe()
        let out: URL
        init(_ tool: ToolRun, _ line: String) throws {
            out = tool.home.appendingPathComponent(".out-\(UUID().uuidString)")
            _ = FileManager.default.createFile(atPath: out.path, contents: nil)
            let program: URL = try #require(ToolRun.program, "the tool is built beside the tests")
            process.executableURL = program
            process.arguments = line.split(separator: " ").map(String.init)
            process.currentDirectoryURL = tool.home
            process.environment = ["PATH": "/usr/bin:/bin"]
            process.standardInput = input
            process.standardOutput = try FileHandle(forWritingTo: out)
            process.standardError = FileHandle.nullDevice
            try ToolRun.start(process)
        }
        deinit { if process.isRunning { process.terminate() } }
        func say(_ text: String) throws { try input.fileHandleForWriting.write(contentsOf: Data(text.utf8)) }
        var lines: [Substring] {
            ((try? String(contentsOf: out, encoding: .utf8)) ?? "").split(separator: "\n")
        }
        /// Waits up to two minutes.
        func waits(until isDone: () -> Bool) -> Bool {
            for _ in 0..<2_400 {
                if isDone() { return true }
                Thread.sleep(forTimeInterval: 0.05)
            }
            return isDone()
        }
    }

    /// One at a time: Foundation has crashed when several threads started processes.
    private static func start(_ process: Process) throws {
        _ = ignoresBrokenPipes
        try starting.withLock { _ in try process.run() }
    }
    private static let starting = Lock(())
    private static let ignoresBrokenPipes: Void = { _ = signal(SIGPIPE, SIG_IGN) }()

    /// Runs with arguments that hold spaces.
    @discardableResult
    func run(words: [String], input: String = "", expecting code: Int32 = 0) throws -> Outcome {
        let process = Process()
        let program: URL = try #require(Self.program, "the tool is built beside the tests")
        process.executableURL = program
        process.arguments = words
        process.currentDirectoryURL = home
        process.environment = ["PATH": "/usr/bin:/bin"]
        let (stdin, out, error) = (Pipe(), home.appendingPathComponent(".out"), home.appendingPathComponent(".err"))
        for file in [out, error] { _ = FileManager.default.createFile(atPath: file.path, contents: nil) }
        process.standardInput = stdin
        process.standardOutput = try FileHandle(forWritingTo: out)
        process.standardError = try FileHandle(forWritingTo: error)
        try Self.start(process)
        // What refuses its arguments is gone before it reads.
        try? stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try stdin.fileHandleForWriting.close()
        process.waitUntilExit()
        let outcome = Outcome(
            code: process.terminationStatus, out: try String(contentsOf: out, encoding: .utf8),
            error: try String(contentsOf: error, encoding: .utf8))
        #expect(outcome.code == code, "millrace \(words.joined(separator: " ")): \(outcome.error)")
        return outcome
    }
}

@Suite struct ToolTests {
    @Test func aTopicLivesFromCreateToDelete() throws {
        let tool = try ToolRun()
        #expect(try tool.run("log list", expecting: 4).error.contains("there is no data directory"))
        try tool.run("log create clicks -p 3")
        #expect(try tool.run("log create clicks", expecting: 1).error.contains("exists"))
        let input = (0..<50).map { #"{"page":"/\#($0 % 7)","at":"2026-03-01T12:00:\#(10 + $0)Z"}"# }
        let appended = try tool.run(
            "log append clicks --key page --time at --compression zstd", input: input.joined(separator: "\n"))
        #expect(appended.lines.first?["records"] as? Int == 50)

        let read = try tool.run("log read clicks").lines
        #expect(read.count == 50)
        #expect(Set(read.compactMap { $0["value"] as? String }) == Set(input))
        for record in read {
            let key = try #require(record["key"] as? String)
            let partition = Array(key.utf8).withUnsafeBytes { murmur($0) & 0x7FFF_FFFF } % 3
            #expect(record["partition"] as? Int == Int(partition), "Kafka's partitioner puts \(key) elsewhere")
        }
        let late = try tool.run("log read clicks --from 2026-03-01T12:00:40Z").lines
        #expect(late.allSatisfy { ($0["timestamp"] as? String ?? "") >= "2026-03-01T12:00:40" })
        #expect(late.count == 20)
        #expect(try tool.run("log read clicks --raw --limit 5").out.split(separator: "\n").count == 5)
        #expect(try tool.run("log tail clicks --no-follow --from -1").lines.count <= 3)

        #expect(try tool.run("log list").lines.first?["records"] as? Int == 50)
        let described = try #require(try tool.run("log describe clicks --segments").lines.first)
        #expect((described["partitions"] as? [Any])?.count == 3)
        #expect(try tool.run("log verify").lines.allSatisfy { $0["state"] as? String == "whole" })
        #expect(try tool.run("log dump clicks --records").lines.allSatisfy { $0["check"] as? String == "ok" })

        #expect(try tool.run("log delete clicks", expecting: 2).error.contains("--yes"))
        try tool.run("log delete clicks --yes")
        #expect(try tool.run("log read clicks", expecting: 4).error.contains("no topic"))
    }

    @Test func whatIsReadCanBeAppended() throws {
        let tool = try ToolRun()
        let envelope = [
            #"{"key":"a","value":"1","timestamp":"2026-03-01T12:00:00.000Z","headers":{"h":"v","n":null}}"#,
            #"{"key":null,"value":null,"timestamp":"2026-03-01T12:00:01.000Z"}"#,
            #"{"key":"","value64":"/wA=","timestamp":"2026-03-01T12:00:02.000Z"}"#,
        ].joined(separator: "\n")
        try tool.run("log append a --create --envelope", input: envelope)
        let first = try tool.run("log read a").out
        try tool.run("log append b --create --envelope", input: first)
        #expect(try tool.run("log read b").out == first)
        #expect(first.split(separator: "\n").count == 3 && first.contains(#""headers":{"h":"v","n":null}"#))
        #expect(try tool.run("log append a --envelope", input: "{\"vlaue\":1}", expecting: 1).error.contains("line 1"))
    }

    @Test func positionsAreShownAndReset() throws {
        let tool = try ToolRun()
        try tool.run("log append t --create", input: (0..<100).map { "\($0)\n" }.joined())
        let offsets = try tool.run("log offsets t").lines
        #expect(offsets.first?["endOffset"] as? Int == 100 && offsets.first?["startOffset"] as? Int == 0)
        #expect(try tool.run("log offsets --group g", expecting: 4).error.contains("no consumer group"))
        #expect(try tool.run("log reset g t --to 40").error.contains("nothing was changed"))
        #expect(try tool.run("log offsets --groups").lines.isEmpty)
        try tool.run("log reset g t --to 40 --yes")
        let position = try #require(try tool.run("log offsets --group g").lines.first)
        #expect(position["offset"] as? Int == 40 && position["lag"] as? Int == 60)
        try tool.run("log reset g t --to -10 --yes")
        #expect(try tool.run("log offsets --group g").lines.first?["offset"] as? Int == 90)
        #expect(try tool.run("log reset g t --to nowhere", expecting: 2).error.contains("earliest, latest"))
        try tool.run("log reset g t --forget --yes")
        #expect(try tool.run("log offsets --groups").lines.isEmpty)
    }

    @Test func aFollowerSeesWhatOtherProcessesAppend() throws {
        let tool = try ToolRun()
        // Small segments, so that the follower goes from file to file.
        try tool.run("log create t -p 2 --segment-bytes 1KiB")
        try tool.run("log append t", input: "before\n")
        let tail = try ToolRun.Running(tool, "log tail t --raw --from earliest --limit 121")
        let read = try ToolRun.Running(tool, "log read t --raw --follow --from latest --limit 120")
        #expect(tail.waits { tail.lines == ["before"] })
        var expected: Set<Substring> = []
        for round in 0..<6 {
            let lines = (0..<20).map { "round \(round) line \($0) \(String(repeating: "x", count: 30))" }
            try tool.run("log append t --batch-bytes 200", input: lines.joined(separator: "\n") + "\n")
            expected.formUnion(lines.map { Substring($0) })
            #expect(tail.waits { tail.lines.count == 1 + (round + 1) * 20 })
        }
        // Both end by themselves, and each line came once.
        #expect(tail.waits { !tail.process.isRunning } && tail.process.terminationStatus == 0)
        #expect(Set(tail.lines.dropFirst()) == expected && tail.lines.count == 121)
        #expect(read.waits { !read.process.isRunning })
        #expect(Set(read.lines) == expected && read.lines.count == 120)
    }

    @Test func looksBesideAWriterAndChangesOnlyAfterIt() throws {
        let tool = try ToolRun()
        try tool.run("log create t")
        let writer = try ToolRun.Running(tool, "log append t")
        try writer.say("one\ntwo\n")
        #expect(writer.waits { (try? tool.run("log read t --raw").out) == "one\ntwo\n" })
        #expect(try tool.run("log list").lines.first?["records"] as? Int == 2)
        #expect(try tool.run("log describe t").lines.first?["topic"] as? String == "t")
        #expect(try tool.run("log offsets t").lines.first?["endOffset"] as? Int == 2)
        #expect(try tool.run("log verify").lines.first?["state"] as? String == "whole")
        #expect(try tool.run("log dump t --records").lines.count >= 1)
        for verb in ["create u", "append t", "reset g t --to 0 --yes", "compact t", "delete t --yes"] {
            let refused = try tool.run("log \(verb)", expecting: 5).error
            #expect(refused.contains("another process owns") && refused.contains("stop it"), "\(verb): \(refused)")
        }
        try writer.say("three\n")
        try writer.input.fileHandleForWriting.close()
        #expect(writer.waits { !writer.process.isRunning } && writer.process.terminationStatus == 0)
        #expect(try tool.run("log read t --raw").out == "one\ntwo\nthree\n")
        try tool.run("log append t", input: "four\n")
    }

    @Test func compactionAndCuttingKeepWhatTheySay() throws {
        let tool = try ToolRun()
        try tool.run("log create users --cleanup compact --segment-bytes 4KiB")
        var last: [String: String] = [:]
        for round in 0..<4 {
            let lines = (0..<200).map { n in (key: "k\(n % 9)", value: "\(round)-\(n)") }
            for line in lines { last[line.key] = line.value }
            let input = lines.map { "\($0.key)=\($0.value)\n" }.joined()
            try tool.run("log append users --key-separator = --batch-bytes 1KiB", input: input)
        }
        let compacted = try #require(try tool.run("log compact users").lines.first)
        #expect(compacted["recordsDropped"] as? Int ?? 0 > 100)
        var read: [String: String] = [:]
        let records = try tool.run("log read users").lines
        for record in records { read[record["key"] as? String ?? ""] = record["value"] as? String }
        #expect(read == last && records.count < 800)
        #expect(try tool.run("log verify").lines.allSatisfy { $0["state"] as? String == "whole" })

        try tool.run("log delete users --before 700", expecting: 2)
        try tool.run("log delete users --before 700 --yes")
        #expect(try tool.run("log read users").lines.first?["offset"] as? Int ?? 0 >= 700)
        try tool.run("log create plain")
        #expect(try tool.run("log compact plain", expecting: 1).error.contains("not a compacted topic"))
    }

    @Test func damageIsFoundAndReadAround() throws {
        let tool = try ToolRun()
        try tool.run("log create t")
        for n in 0..<3 { try tool.run("log append t", input: "record \(n)\n") }
        let file = tool.home.appendingPathComponent(".millrace/log/topics/t/0/00000000000000000000.e0.g0.log")
        var bytes = try Data(contentsOf: file)
        let middle = bytes.count / 2
        bytes[middle] ^= 1
        try bytes.write(to: file)
        let verify = try tool.run("log verify", expecting: 3)
        #expect(verify.lines.first?["state"] as? String == "damaged")
        #expect(verify.error.contains("1 damaged place"))
        #expect((verify.lines.last?["damaged"] as? String)?.hasSuffix(".log") ?? false)
        #expect(verify.lines.last?["offset"] as? Int == 1)
        #expect(try tool.run("log read t", expecting: 3).error.contains("--skip-damage"))
        let dump = try tool.run("log dump \(file.path)", expecting: 3)
        #expect(dump.lines.count == 3)
        #expect(dump.lines.allSatisfy { $0["file"] as? String == file.path })
        #expect(dump.lines[1]["check"] as? String == "damage: the checksum does not match")
        #expect(try tool.run("log dump \(file.path) --text", expecting: 3).out.contains("next whole batch"))
        // A write that was cut short is none.
        bytes[middle] ^= 1
        try bytes.dropLast(10).write(to: file)
        #expect(try tool.run("log verify").lines.first?["state"] as? String == "unfinished write")
    }

    /// Partitions are not equally long, and what one of them does not have is no reason to fail.
    @Test func anOffsetIsTakenFromThePartitionsThatHaveIt() throws {
        let tool = try ToolRun()
        try tool.run("log create t --partitions 3")
        try tool.run("log append t --partition 1", input: "a\nb\nc\nd\ne\n")
        try tool.run("log append t --partition 2", input: "x\n")
        #expect(try tool.run("log read t --raw --from 2").out == "c\nd\ne\n")
        let beyond = try tool.run("log read t --from 99", expecting: 1)
        #expect(beyond.error.contains("offset 99 is beyond the end, 5"))
        let cut = try tool.run("log delete t --before 3 --yes")
        #expect(cut.lines.first?["records"] as? Int == 4)
        let rest = try tool.run("log read t --raw --from 1")
        #expect(rest.out == "d\ne\n")
        #expect(rest.error.contains("t/1: the offsets 1 to 2 are gone"))
        #expect(try tool.run("log dump nowhere/a/b.log", expecting: 4).error.contains("there is no file"))
        let lines = tool.home.appendingPathComponent("lines")
        try Data("{\"k\":1}\nnone\n".utf8).write(to: lines)
        let unread = try tool.run("log append t lines --key k", expecting: 1).error
        #expect(unread.contains("line 2 of 'lines' is not JSON") && unread.contains("Lines before it were appended"))
        #expect(try tool.run("log read t --raw").out.contains("{\"k\":1}"))
    }

    @Test func wrongCommandLinesSayWhatToDo() throws {
        let tool = try ToolRun()
        #expect(try tool.run("lgo list", expecting: 2).error.contains("Did you mean 'millrace log'?"))
        #expect(try tool.run("log create", expecting: 2).error.contains("TOPIC is missing"))
        #expect(try tool.run("log create a --partitions x", expecting: 2).error.contains("cannot be 'x'"))
        #expect(try tool.run("log create a/b", expecting: 1).error.contains("cannot be the name"))
        #expect(try tool.run("help").out.contains("Exit codes"))
        #expect(try tool.run("log read --help").out.contains("--from WHERE"))
        #expect(try tool.run("--version").out.hasPrefix("millrace "))
        try tool.run("log create clicks")
        #expect(try tool.run("log read click", expecting: 4).error.contains("Did you mean 'clicks'?"))
    }

    @Test func theHelpOfEveryVerbIsComplete() {
        func visit(_ verb: Verb, _ path: [String]) {
            let help = Help(root: Catalogue.root, style: Style(isOn: false)).text(for: path)
            #expect(help.split(separator: "\n").allSatisfy { $0.count <= 120 }, "\(path)")
            #expect(!verb.summary.isEmpty && !verb.summary.hasSuffix("."), "\(path)")
            #expect((verb.action == nil) != verb.verbs.isEmpty, "\(path) does one thing")
            let names = (verb.options + Verb.globalOptions).map(\.name)
            #expect(Set(names).count == names.count, "\(path)")
            let letters = (verb.options + Verb.globalOptions).compactMap(\.letter)
            #expect(Set(letters).count == letters.count, "\(path)")
            for option in verb.options { #expect(help.contains("--\(option.name)")) }
            for next in verb.verbs { visit(next, path + [next.name]) }
        }
        visit(Catalogue.root, [])
    }

    /// Kafka's hash, written again from its description.
    private func murmur(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var hash = UInt32(0x9747_B28C) ^ UInt32(bytes.count)
        var rest = bytes[...]
        while rest.count >= 4 {
            var k = rest.prefix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) } &* 0x5BD1_E995
            k = (k ^ (k >> 24)) &* 0x5BD1_E995
            hash = (hash &* 0x5BD1_E995) ^ k
            rest = rest.dropFirst(4)
        }
        if !rest.isEmpty {
            hash ^= rest.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            hash &*= 0x5BD1_E995
        }
        hash = (hash ^ (hash >> 13)) &* 0x5BD1_E995
        return hash ^ (hash >> 15)
    }
}
