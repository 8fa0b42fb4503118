internal import BenchmarkHarness
internal import CPlatform
internal import MillraceCore
internal import MillraceLog

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A process of its own opens a log with many partitions that hold a batch each, and says how long it took and how much
/// memory it has then. The control lists the same directories and looks at the same files.
let openWorkloads: [Workload] = [true, false].map { isClean in
    Workload(
        "log.open.partitions.\(isClean ? "clean" : "killed")", unit: "partition", small: 300, full: 10_000,
        goal: "10,000 ≤ 2 s, ≤ 100 MB", controlAnswersTheSame: false,
        control: ("list+stat", { try list(manyPartitions($0), $0) }),
        run: { try open(manyPartitions($0), $0, isClean: isClean) })
}

private let made = Lock<[Int: String]>([:])

private func manyPartitions(_ count: Int) throws -> String {
    if let known = made.withLock({ $0[count] }) { return known }
    let directory = try BenchDirectory.fresh("many")
    let store = try PreparedLog.open(directory)
    var configuration = TopicConfiguration(partitions: count)
    configuration.durability = .written
    let batch = try Noise.batch(of: 10, 100)
    let flight = AppendFlight()
    for partition in try store.createTopic(PreparedLog.topic, configuration).partitions {
        flight.send(batch, to: partition)
    }
    try flight.wait(below: 1)
    try store.close()
    made.withLock { $0[count] = directory }
    return directory
}

private func open(_ directory: String, _ count: Int, isClean: Bool) throws -> Workload.Outcome {
    if !isClean { try PosixStorage().unlink(directory + "/clean") }
    let answer = directory + "/answer"
    let status = try spawn([LogChild.verb, directory, answer])
    let text = try PosixStorage().contents(of: answer, limit: 1_000).map { String(decoding: $0, as: UTF8.self) } ?? ""
    let words = text.split(separator: " ").compactMap { Double($0) }
    guard status == 0, words.count == 4, Int(words[3]) == count else {
        throw Failure(.io, "the child that opens the log ended with \(status) and said '\(text)'")
    }
    return .init(
        units: count, hash: UInt64(words[3]), extra: [("s", words[0]), ("resident MB", words[2] / 1e6)],
        part: Part(wallSeconds: words[0], cpuSeconds: words[1]))
}

private func list(_ directory: String, _ count: Int) throws -> Workload.Outcome {
    let storage = PosixStorage()
    let (bytes, part) = try Part.timing {
        let root = "\(directory)/topics/\(PreparedLog.topic)"
        var bytes: Int64 = 0
        for partition in try storage.list(root) where Int(partition) != nil {
            let path = "\(root)/\(partition)"
            for file in try storage.list(path) { bytes += try storage.status(of: "\(path)/\(file)")?.size ?? 0 }
        }
        return bytes
    }
    return .init(units: count, hash: UInt64(bytes), part: part)
}

/// Runs this program again with other arguments; returns its exit code.
private func spawn(_ arguments: [String]) throws -> Int32 {
    var words: [UnsafeMutablePointer<CChar>?] = (CommandLine.arguments.prefix(1) + arguments).map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }
    var pid: pid_t = 0
    #if canImport(Glibc)
        let program = "/proc/self/exe"
    #else
        let program = CommandLine.arguments[0]
    #endif
    let code = posix_spawn(&pid, program, nil, nil, words, mr_environment())
    guard code == 0 else { throw IOFault(.open, path: program, errno: code) }
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    return mr_exit_reason(status)
}

/// The child's side.
public enum LogChild {
    /// The word with which this program is called for it.
    public static let verb = "open-log"

    /// Opens the log in the first argument's directory and writes seconds, CPU seconds, resident bytes and partitions
    /// to the second argument's file.
    public static func run(_ arguments: [String]) throws {
        guard arguments.count == 2 else { throw Failure(.invalidArgument, "open-log DIRECTORY ANSWER") }
        let (store, part) = try Part.timing { try PreparedLog.open(arguments[0]) }
        let resident = mr_resident_bytes()
        let partitions = store.topics.reduce(0) { $0 + $1.partitions.count }
        guard store.topics.allSatisfy({ topic in topic.partitions.allSatisfy { $0.endOffset == 10 } }) else {
            throw Failure(.corrupt, "records are missing")
        }
        let text = "\(part.wallSeconds) \(part.cpuSeconds) \(resident) \(partitions)"
        try PosixStorage().replace(arguments[1], with: Array(text.utf8))
        try store.close()
    }
}
