import Foundation
import MillraceCore
import Testing

@testable import MillraceTables

#if canImport(Glibc)
    import Glibc
#endif

/// A disk that fails while the store is opened or read: a typed failure, no trap, and all of it there afterwards.
@Suite(.serialized) struct StoreReadFaultTests {
    static let canTrace = StoreFaultTests.isRoot && StoreFaultTests.hasStrace

    @Test(.enabled(if: canTrace, "needs strace and root to make system calls fail"))
    func aDiskThatFailsAtOpen() async throws {
        let place = try StorePlace()
        let directory = place.directory
        await #expect(processExitsWith: .success) { [directory = directory as String] in
            try ReadFaults.telling(directory) {
                try ReadFaults.fill(directory)
                for (call, ending) in [
                    ("openat", "mark"), ("openat", "CURRENT"), ("openat", "LOCK"), ("openat", "MANIFEST"),
                    ("openat", ".log"), ("openat", ".sst"), ("pread64", "mark"), ("read", "CURRENT"),
                    ("read", "MANIFEST"),
                    ("pread64", ".log"), ("pread64", ".sst"),
                ] {
                    let files = try ReadFaults.files(directory, ending)
                    let failure = try ReadFaults.during(call, files) { try ReadFaults.open(directory).close() }
                    guard let failure, failure.code == .io || failure.code == .corrupt else {
                        throw FaultyChild.Wrong(what: "\(call) of \(ending): \(String(describing: failure))")
                    }
                    // Nothing is held by the failed attempt, and nothing was lost.
                    let store = try ReadFaults.open(directory)
                    let present = try Numbers.present(in: store)
                    guard present == Array(1...present.count), present.count >= 60 else {
                        throw FaultyChild.Wrong(what: "after \(call) of \(ending): \(present)")
                    }
                    // Something in the log for the next one to read.
                    try store.commit(try Numbers.commit(present.count + 1, store, try store.require("n", "numbers")))
                    store.close()
                }
            }
        }
        ReadFaults.tell(directory)
    }

    @Test(.enabled(if: canTrace, "needs strace and root to make system calls fail"))
    func aDiskThatFailsToRead() async throws {
        let place = try StorePlace()
        let directory = place.directory
        await #expect(processExitsWith: .success) { [directory = directory as String] in
            try ReadFaults.telling(directory) {
                try ReadFaults.fill(directory)
                let store = try ReadFaults.open(directory)
                let table = try store.require("n", "numbers")
                // Else RocksDB may do so beside us, and read other files than those we watch.
                try store.compact()
                let files = try ReadFaults.files(directory, ".sst")
                let reads: [(String, (Int) throws -> Void)] = [
                    ("row", { n in _ = try store.row(table, key: [.int(Int32(n % 7)), .int(Int32(n))]) }),
                    (
                        "slice",
                        { n in
                            var cursor = try store.snapshot().rows(table, .partition([.int(Int32(n % 7))]))
                            while try cursor.next() != nil {}
                        }
                    ),
                    (
                        "scan",
                        { _ in
                            var cursor = try store.snapshot().rows(table)
                            while try cursor.next() != nil {}
                        }
                    ),
                    ("verify", { _ in try store.verify() }),
                    ("state", { n in _ = try store.state(Array("n".utf8) + Layout.bigEndian(Int64(n))) }),
                ]
                for (n, (name, read)) in reads.enumerated() {
                    let failure = try ReadFaults.during("pread64", files) { try read(n * 11 + 1) }
                    guard let failure, failure.code == .io else {
                        throw FaultyChild.Wrong(what: "\(name): \(String(describing: failure))")
                    }
                    // Once the disk reads again, so does the store, without being opened anew.
                    try read(n * 11 + 1)
                }
                guard try Numbers.present(in: store) == Array(1...60) else { throw FaultyChild.Wrong(what: "rows") }
                try store.commit(try Numbers.commit(61, store, table))
                store.close()
            }
        }
        ReadFaults.tell(directory)
    }
}

enum ReadFaults {
    /// Runs a child's body; what it throws is left for the parent to tell, since an exit test shows only the exit.
    static func telling(_ directory: String, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch {
            try Data("\(error)".utf8).write(to: URL(fileURLWithPath: directory + "/why"))
            throw error
        }
    }
    static func tell(_ directory: String) {
        guard let why = FileManager.default.contents(atPath: directory + "/why") else { return }
        Issue.record("\(String(decoding: why, as: UTF8.self))")
    }

    /// No cache, so that every read is one of the disk.
    static func open(_ directory: String) throws -> TableStore {
        var options = TableStoreOptions()
        options.cacheBytes = 0
        return try TableStore.open(directory: directory + "/t", options: options, clock: SystemClock())
    }

    /// Sixty commits in a file, the last one also in the log.
    static func fill(_ directory: String) throws {
        let store = try open(directory)
        let table = try Numbers.create(in: store)
        for n in 1...59 { try store.commit(try Numbers.commit(n, store, table)) }
        try store.flush()
        try store.commit(try Numbers.commit(60, store, table))
        store.close()
    }

    static func files(_ directory: String, _ ending: String) throws -> [String] {
        if ending == "mark" { return [directory + "/t/mark"] }
        let rows = directory + "/t/rows"
        let names = try FileManager.default.contentsOfDirectory(atPath: rows).filter {
            $0.hasSuffix(ending) || $0.hasPrefix(ending)
        }
        if names.isEmpty { throw FaultyChild.Wrong(what: "no \(ending)") }
        return names.map { rows + "/" + $0 }
    }

    /// What `body` meets while a system call on some files fails with EIO; nil when nothing.
    static func during(_ call: String, _ paths: [String], _ body: () throws -> Void) throws -> Failure? {
        let words =
            ["-f", "-o", "/dev/null", "-p", String(getpid()), "-e", "trace=" + call]
            + paths.flatMap { ["-P", $0] } + ["-e", "inject=\(call):error=EIO"]
        let tracer = try Shell.start("/usr/bin/strace", words)
        try FaultyChild.waitForTracer(attached: true)
        var met: Failure?
        do {
            try body()
        } catch let failure as Failure {
            met = failure
        }
        // Killed, it lets go of us at once; asked, it may wait for a call of ours to end.
        kill(tracer.processIdentifier, SIGKILL)
        try FaultyChild.waitForTracer(attached: false)
        return met
    }
}
