import Foundation
import MillraceCore
import Testing

@testable import LogProbe

/// The parent of a probe: starts it, notes what it says was acknowledged, kills it.
///
/// The notes are this process's memory, outside the data directory and untouched by the kill.
final class ProbeRun {
    struct Acknowledged {
        var first: Int32
        var last: Int32
        var offset: Int64
        /// It came before the disk was cut. Later ones prove nothing: ext4 lets a sync that began before its shutdown
        /// return success though its transaction was thrown away, which a machine without power tells nobody.
        var isCertain: Bool
    }
    let directory: String
    let partitions: Int
    let acknowledgement: String
    /// Per producer, in the order of sequences.
    private(set) var acknowledged: [[Acknowledged]]
    private(set) var refusals: [String] = []
    private(set) var opened = 0
    private(set) var cycles = 0

    static let program: String? = {
        let near = Bundle.allBundles.map(\.bundleURL) + [URL(fileURLWithPath: CommandLine.arguments[0])]
        return near.flatMap { [$0.deletingLastPathComponent(), $0] }.map { $0.appendingPathComponent("LogProbe").path }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }()

    init(directory: String, producers: Int, partitions: Int, acknowledgement: String) {
        (self.directory, self.partitions, self.acknowledgement) = (directory, partitions, acknowledgement)
        acknowledged = Array(repeating: [], count: producers)
    }

    /// When the time of a life begins.
    enum Begin {
        /// With the start of the process: such a life may end before the log is open.
        case start
        /// When the probe says that the log is open, however long that takes on this machine…
        case open
        /// …or when so many batches of this life are acknowledged.
        case acknowledged(Int)
    }
    /// Longer than any machine takes for it; a life that got nowhere until then ends all the same.
    private static let patience: UInt64 = 60_000_000_000

    /// One life of the probe, ended with SIGKILL `milliseconds` after its `begin`; `cut` runs before the kill.
    ///
    /// - Parameter tracer: a program and its words that run the probe.
    func live(
        for milliseconds: Int, from begin: Begin = .open, under tracer: [String] = [], cut: (() throws -> Void)? = nil
    ) throws {
        let program = try #require(Self.program, "LogProbe is built beside the tests")
        let next = acknowledged.map { String(($0.last?.last ?? -1) + 1) }
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_addclose(&actions, ends[0])
        defer { posix_spawn_file_actions_destroy(&actions) }
        let line = tracer + [program, directory, String(partitions), acknowledgement] + next
        var words: [UnsafeMutablePointer<CChar>?] = line.map { strdup($0) }
        words.append(nil)
        defer { for word in words { free(word) } }
        // A group of its own, so that a tracer goes together with what it traces.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        posix_spawnattr_setpgroup(&attributes, 0)
        defer { posix_spawnattr_destroy(&attributes) }
        var pid: pid_t = 0
        try #require(posix_spawn(&pid, line[0], &actions, &attributes, words, environ) == 0)
        close(ends[1])
        let span = UInt64(milliseconds) * 1_000_000
        let born = DispatchTime.now().uptimeNanoseconds
        var hasBegun = false
        if case .start = begin { hasBegun = true }
        var deadline = born + (hasBegun ? span : Self.patience)
        var said: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let now = DispatchTime.now().uptimeNanoseconds
            guard now < deadline else { break }
            var wait = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
            guard poll(&wait, 1, Int32((deadline - now) / 1_000_000) + 1) > 0 else { continue }
            let count = read(ends[0], &chunk, chunk.count)
            if count <= 0 { break }
            said += chunk[..<count]
            if !hasBegun, Self.hasReached(begin, said) {
                hasBegun = true
                deadline = DispatchTime.now().uptimeNanoseconds + span
            }
        }
        let heardInTime = cut == nil ? Int.max : said.count
        try cut?()
        kill(-pid, SIGKILL)
        while true {
            let count = read(ends[0], &chunk, chunk.count)
            if count <= 0 { break }
            said += chunk[..<count]
        }
        close(ends[0])
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        cycles += 1
        note(String(decoding: said, as: UTF8.self), heardInTime: heardInTime)
    }

    private static func hasReached(_ begin: Begin, _ said: [UInt8]) -> Bool {
        let lines = said.split(separator: UInt8(ascii: "\n"))
        return switch begin {
        case .start: true
        case .open: lines.contains { $0.first == UInt8(ascii: "R") }
        case .acknowledged(let count): lines.count { $0.first == UInt8(ascii: "A") } >= count
        }
    }

    private func note(_ text: String, heardInTime: Int) {
        var position = 0
        // The last line may be torn by the kill of a writer in between; an acknowledgement that nobody heard is none.
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            position += line.utf8.count + 1
            let words = line.split(separator: " ")
            switch words.first {
            case "R": opened += 1
            case "F": refusals.append(String(line))
            case "A":
                let numbers = words.dropFirst().compactMap { Int64($0) }
                guard numbers.count == 4 else {
                    refusals.append("unreadable: \(line)")
                    continue
                }
                acknowledged[Int(numbers[0])].append(
                    Acknowledged(
                        first: Int32(numbers[1]), last: Int32(numbers[2]), offset: numbers[3],
                        isCertain: position <= heardInTime))
            default: refusals.append("unreadable: \(line)")
            }
        }
        for producer in acknowledged.indices { acknowledged[producer].sort { $0.first < $1.first } }
    }

    /// Drops acknowledgements that came after the cut and are not in the log, given how many records each producer has.
    func forgetUnheard(stored: [Int]) {
        for producer in acknowledged.indices {
            while let last = acknowledged[producer].last, !last.isCertain, Int(last.last) >= stored[producer] {
                acknowledged[producer].removeLast()
            }
        }
    }

    func takeRefusals() -> [String] {
        defer { refusals = [] }
        return refusals
    }

    var acknowledgedRecords: Int { acknowledged.joined().reduce(0) { $0 + Int($1.last - $1.first) + 1 } }
}
