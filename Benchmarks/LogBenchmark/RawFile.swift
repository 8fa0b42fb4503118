internal import CPlatform
internal import MillraceCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The system's calls and nothing around them: what the log is held against.
struct RawFile: Sendable {
    let descriptor: Int32

    init(_ path: String, create: Bool = false) throws {
        descriptor = mr_open(path, create ? O_RDWR | O_CREAT : O_RDWR, 0o600)
        guard descriptor >= 0 else { throw IOFault(.open, path: path, errno: errno) }
    }
    func shut() { close(descriptor) }

    func put(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        guard pwrite(descriptor, bytes.baseAddress, bytes.count, off_t(offset)) == bytes.count else {
            throw IOFault(.write, path: "", errno: errno)
        }
    }
    func get(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int {
        let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
        guard count >= 0 else { throw IOFault(.read, path: "", errno: errno) }
        return count
    }
    func sync() throws {
        guard mr_fdatasync(descriptor) == 0 else { throw IOFault(.sync, path: "", errno: errno) }
    }

    /// Makes the next read come from the disk, where the system lets us.
    static func dropCache(of path: String) throws {
        let file = try RawFile(path)
        defer { file.shut() }
        try file.sync()
        #if canImport(Glibc)
            posix_fadvise(file.descriptor, 0, 0, POSIX_FADV_DONTNEED)
        #endif
    }

    /// Reads the whole file in pieces; returns its bytes.
    static func readThrough(_ path: String, piece: UnsafeMutableRawBufferPointer) throws -> Int {
        let file = try RawFile(path)
        defer { file.shut() }
        var position: Int64 = 0
        while true {
            let count = try file.get(piece, at: position)
            if count == 0 { return Int(position) }
            position += Int64(count)
        }
    }
}

/// Times of single operations, in microseconds.
struct Latencies {
    private var all: [Double] = []
    mutating func add(_ other: Latencies) { all += other.all }
    mutating func time<R>(_ body: () throws -> R) rethrows -> R {
        let clock = ContinuousClock()
        let start = clock.now
        let result = try body()
        let (seconds, attoseconds) = start.duration(to: clock.now).components
        all.append(Double(seconds) * 1e6 + Double(attoseconds) * 1e-12)
        return result
    }
    func quantile(_ part: Double) -> Double {
        let sorted = all.sorted()
        return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]
    }
    var extra: [(name: String, value: Double)] { [("p50 µs", quantile(0.5)), ("p99 µs", quantile(0.99))] }
}
