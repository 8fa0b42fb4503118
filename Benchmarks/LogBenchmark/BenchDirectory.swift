internal import MillraceCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Where the benchmark's logs lie: below `MILLRACE_BENCH_DIRECTORY`, else `/var/tmp`, which is on a disk where `/tmp`
/// may not be. Goes at the end of the process; what a killed run left goes at the next one's start.
enum BenchDirectory {
    private static let prefix = "millrace-bench-log-"
    private static let parent = getenv("MILLRACE_BENCH_DIRECTORY").map { String(cString: $0) } ?? "/var/tmp"
    private static let storage = PosixStorage()
    private static let count = Lock(0)

    private static let root: String = {
        for name in (try? storage.list(parent)) ?? [] {
            guard name.hasPrefix(prefix), let owner = pid_t(name.dropFirst(prefix.count)), kill(owner, 0) != 0 else {
                continue
            }
            remove(parent + "/" + name)
        }
        let path = parent + "/" + prefix + "\(getpid())"
        do { try storage.makeDirectory(path) } catch { preconditionFailure("no directory for the benchmark: \(error)") }
        atexit { BenchDirectory.removeAll() }
        return path
    }()

    /// A directory of its own.
    static func fresh(_ name: String) throws -> String {
        let number = count.withLock { count in
            count += 1
            return count
        }
        let path = "\(root)/\(name)-\(number)"
        try storage.makeDirectory(path)
        return path
    }

    static func remove(_ path: String) {
        for name in (try? storage.list(path)) ?? [] {
            let inner = path + "/" + name
            if (try? storage.status(of: inner))??.kind == .directory {
                remove(inner)
            } else {
                try? storage.unlink(inner)
            }
        }
        try? storage.removeDirectory(path)
    }

    private static func removeAll() { remove(root) }
}
