import Foundation
import MillraceCore
import Testing

@testable import MillraceTables

#if canImport(Glibc)
    import Glibc
#endif

/// A disk that is full or fails: a typed failure, no trap, and everything acknowledged there after `reopen`.
@Suite(.serialized) struct StoreFaultTests {
    static let isRoot = geteuid() == 0
    static let hasStrace = FileManager.default.isExecutableFile(atPath: "/usr/bin/strace")

    @Test func aFileSizeLimitIsADiskThatIsFull() async throws {
        let place = try StorePlace()
        let directory = place.directory
        await #expect(processExitsWith: .success) { [directory = directory as String] in
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 200_000, rlim_max: rlim_t.max)
            let store = try TableStore.open(directory: directory + "/t", clock: SystemClock())
            let table = try Numbers.create(in: store)
            setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
            let (last, failure) = try FaultyChild.commitUntilFailure(store, table)
            guard failure.code == .diskFull, last > 10 else { throw FaultyChild.Wrong(what: "\(last): \(failure)") }
            limit.rlim_cur = rlim_t.max
            setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
            try FaultyChild.checkFencedAndReopened(store, table, last)
        }
    }

    @Test(.enabled(if: isRoot, "needs root to mount a small volume")) func aFullVolume() async throws {
        let place = try StorePlace()
        let directory = place.directory
        try Shell.run("/bin/mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", directory)
        defer { try? Shell.run("/bin/umount", directory) }
        await #expect(processExitsWith: .success) { [directory = directory as String] in
            let store = try TableStore.open(directory: directory + "/t", clock: SystemClock())
            let table = try Numbers.create(in: store)
            let (last, failure) = try FaultyChild.commitUntilFailure(store, table)
            guard failure.code == .diskFull, last > 10 else { throw FaultyChild.Wrong(what: "\(last): \(failure)") }
            // Reads go on.
            guard try Numbers.present(in: store).count >= last else { throw FaultyChild.Wrong(what: "reads") }
            try Shell.run("/bin/mount", "-o", "remount,size=64m", directory)
            try FaultyChild.checkFencedAndReopened(store, table, last)
            store.close()
        }
    }

    @Test(
        .enabled(if: hasStrace && isRoot, "needs strace and root to make system calls fail"),
        arguments: ["fdatasync", "write"])
    func aDiskThatFails(call: String) async throws {
        let place = try StorePlace()
        let directory = place.directory
        await #expect(processExitsWith: .success) { [directory = directory as String, call = call as String] in
            let store = try TableStore.open(directory: directory + "/t", clock: SystemClock())
            let table = try Numbers.create(in: store)
            let tracer = try Shell.start(
                "/usr/bin/strace", "-f", "-o", "/dev/null", "-p", String(getpid()), "-e", "trace=" + call,
                "-P", try FaultyChild.log(directory), "-e", "inject=\(call):error=EIO")
            try FaultyChild.waitForTracer(attached: true)
            // Attached it may yet let calls through, on a machine that is busy.
            let (last, failure) = try FaultyChild.commitUntilFailure(store, table, atMost: 10_000)
            // Killed, it lets go of us at once; asked, it may wait for a call of ours to end.
            kill(tracer.processIdentifier, SIGKILL)
            try FaultyChild.waitForTracer(attached: false)
            guard failure.code == .io else { throw FaultyChild.Wrong(what: "\(failure)") }
            try FaultyChild.checkFencedAndReopened(store, table, last)
        }
    }

    @Test func anUnreadableFileIsATypedFailure() throws {
        let place = try StorePlace()
        do {
            let store = try place.open()
            let table = try Numbers.create(in: store)
            for n in 1...50 { try store.commit(try Numbers.commit(n, store, table)) }
            try store.flush()
            store.close()
        }
        let rows = place.directory + "/t/rows"
        let file = try #require(
            FileManager.default.contentsOfDirectory(atPath: rows).first { $0.hasSuffix(".sst") })
        var data = try Data(contentsOf: URL(fileURLWithPath: rows + "/" + file))
        data[data.count / 4] ^= 1
        try data.write(to: URL(fileURLWithPath: rows + "/" + file))
        let store = try place.open()
        let failure = try #require(throws: Failure.self) { try store.verify() }
        #expect(failure.code == .corrupt)
        store.close()
        try FileManager.default.removeItem(atPath: rows + "/" + file)
        let missing = try #require(throws: Failure.self) { try place.open() }
        #expect(missing.code == .corrupt || missing.code == .io, "\(missing)")
    }
}

enum FaultyChild {
    struct Wrong: Error { var what: String }

    static func numbered(_ n: Int, _ store: TableStore, _ table: StoredTable) throws(Failure) -> Commit {
        do { return try Numbers.commit(n, store, table) } catch {
            throw Failure(.invalidArgument, "\(error)")
        }
    }

    /// The last acknowledged number, and what the next one met.
    static func commitUntilFailure(
        _ store: TableStore, _ table: StoredTable, atMost limit: Int = 1_000_000
    ) throws -> (Int, Failure) {
        for n in 1...limit {
            let commit = try numbered(n, store, table)
            do throws(Failure) { try store.commit(commit) } catch { return (n - 1, error) }
        }
        throw Wrong(what: "the disk neither filled nor failed")
    }

    static func checkFencedAndReopened(_ store: TableStore, _ table: StoredTable, _ last: Int) throws {
        do throws(Failure) {
            try store.commit(try numbered(last + 1, store, table))
            throw Failure(.invalidArgument, "a fenced store took a commit")
        } catch {
            guard error.code == .fenced else { throw Wrong(what: "not fenced: \(error)") }
        }
        try store.reopen()
        let present = try Numbers.present(in: store)
        guard present.count == last || present.count == last + 1 else {
            throw Wrong(what: "\(last) acknowledged, \(present.count) there")
        }
        let table = try store.require("n", "numbers")
        try store.commit(try numbered(present.count + 1, store, table))
        guard try Numbers.present(in: store).count == present.count + 1 else { throw Wrong(what: "after reopen") }
    }

    static func log(_ directory: String) throws -> String {
        let rows = directory + "/t/rows"
        guard
            let name = try FileManager.default.contentsOfDirectory(atPath: rows).filter({ $0.hasSuffix(".log") })
                .max()
        else { throw Wrong(what: "no log") }
        return rows + "/" + name
    }

    static func waitForTracer(attached: Bool) throws {
        for _ in 0..<2_000 {
            // It attaches to one thread after the other, and threads come and go meanwhile.
            let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")
            let traced = threads.filter { thread in
                let status = try? String(contentsOfFile: "/proc/self/task/\(thread)/status", encoding: .utf8)
                let line = status?.split(separator: "\n").first { $0.hasPrefix("TracerPid:") }
                return line.map { !$0.hasSuffix("\t0") } ?? attached
            }
            if attached ? traced.count == threads.count : traced.isEmpty {
                // Attached is not yet stopped and set up.
                if attached { usleep(200_000) }
                return
            }
            usleep(10_000)
        }
        throw Wrong(what: "strace did not \(attached ? "attach" : "let go")")
    }
}

enum Shell {
    static func start(_ path: String, _ arguments: String...) throws -> Process { try start(path, arguments) }
    static func start(_ path: String, _ arguments: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }
    static func run(_ path: String, _ arguments: String...) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        try process.run()
        process.waitUntilExit()
        if process.terminationStatus != 0 { throw FaultyChild.Wrong(what: "\(path) \(arguments)") }
    }
}
