internal import CPlatform
internal import Synchronization
#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A file descriptor of ours. It is closed when `close` was called *and* the last call in progress has come back, so a
/// number that the system hands out again is never touched by a late reader.
final class PosixFile: StorageFile {
    let path: String
    private let descriptor: Int32
    /// Calls in progress, plus `closedMark` once closed.
    private let users = Atomic<Int>(0)
    private static let closedMark = 1 << 40

    init(path: String, descriptor: Int32) { (self.path, self.descriptor) = (path, descriptor) }

    deinit { close() }

    func close() {
        let (before, _) = users.bitwiseOr(Self.closedMark, ordering: .acquiringAndReleasing)
        if before == 0 { _ = posixClose(descriptor) }
    }

    /// Nobody enters once the mark is set, so that exactly one call brings the count down to the mark and closes.
    private func enter(_ call: IOFault.Call) throws(IOFault) {
        var seen = users.load(ordering: .relaxed)
        while true {
            if seen >= Self.closedMark { throw IOFault(call, path: path, errno: EBADF) }
            let (isIn, current) = users.weakCompareExchange(
                expected: seen, desired: seen + 1, ordering: .acquiringAndReleasing)
            if isIn { return }
            seen = current
        }
    }
    private func leave() {
        let (_, after) = users.subtract(1, ordering: .acquiringAndReleasing)
        if after == Self.closedMark { _ = posixClose(descriptor) }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(IOFault) -> Int {
        try enter(.read)
        defer { leave() }
        var done = 0
        while done < buffer.count {
            let count = pread(
                descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset) + off_t(done))
            if count == 0 { break }
            if count < 0 {
                let reason = errno
                if reason == EINTR { continue }
                throw IOFault(.read, path: path, errno: reason)
            }
            done += count
        }
        return done
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(IOFault) {
        try enter(.write)
        defer { leave() }
        var done = 0
        while done < bytes.count {
            let count = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset) + off_t(done))
            if count > 0 {
                done += count
                continue
            }
            // A write that takes nothing and gives no reason would be tried for ever.
            let reason = count == 0 ? EIO : errno
            if reason != EINTR { throw IOFault(.write, path: path, errno: reason) }
        }
    }

    func write(_ head: UnsafeRawBufferPointer, _ rest: UnsafeRawBufferPointer, at offset: Int64) throws(IOFault) {
        let taken = try writeOnce(head, rest, at: offset)
        if taken == head.count + rest.count { return }
        // A short write is rare: the pieces follow one by one.
        if taken < head.count {
            try write(UnsafeRawBufferPointer(rebasing: head[taken...]), at: offset + Int64(taken))
        }
        let done = max(0, taken - head.count)
        try write(UnsafeRawBufferPointer(rebasing: rest[done...]), at: offset + Int64(head.count + done))
    }
    /// How many bytes one call took.
    private func writeOnce(
        _ head: UnsafeRawBufferPointer, _ rest: UnsafeRawBufferPointer, at offset: Int64
    ) throws(IOFault) -> Int {
        try enter(.write)
        defer { leave() }
        let (count, reason) = withUnsafeTemporaryAllocation(of: iovec.self, capacity: 2) { pieces in
            pieces[0] = iovec(iov_base: UnsafeMutableRawPointer(mutating: head.baseAddress), iov_len: head.count)
            pieces[1] = iovec(iov_base: UnsafeMutableRawPointer(mutating: rest.baseAddress), iov_len: rest.count)
            let count = pwritev(descriptor, pieces.baseAddress, 2, off_t(offset))
            return (count, errno)
        }
        if count < 0, reason != EINTR { throw IOFault(.write, path: path, errno: reason) }
        return max(0, count)
    }

    func sync() throws(IOFault) {
        try enter(.sync)
        defer { leave() }
        // An interrupted sync has not failed; the kernel keeps the pages dirty.
        try retrying(.sync, path) { mr_fdatasync(descriptor) }
    }

    func truncate(to length: Int64) throws(IOFault) {
        try enter(.truncate)
        defer { leave() }
        try retrying(.truncate, path) { ftruncate(descriptor, off_t(length)) }
    }

    func size() throws(IOFault) -> Int64 {
        try enter(.size)
        defer { leave() }
        return try end(.size)
    }
    private func end(_ call: IOFault.Call) throws(IOFault) -> Int64 {
        var info = stat()
        try retrying(call, path) { fstat(descriptor, &info) }
        return Int64(info.st_size)
    }

    /// Does nothing where the file system cannot reserve room.
    func preallocate(_ length: Int64) throws(IOFault) {
        try enter(.preallocate)
        defer { leave() }
        if length <= 0 { return }
        do { try retrying(.preallocate, path) { mr_preallocate(descriptor, length) } } catch {
            if error.errno != EOPNOTSUPP && error.errno != ENOSYS { throw error }
        }
    }

    func map(offset: Int64, length: Int) throws(IOFault) -> MappedBytes {
        try enter(.map)
        defer { leave() }
        let end = try end(.map)
        guard offset >= 0, length >= 0, offset <= end, Int64(length) <= end - offset else {
            throw IOFault(.map, path: path, errno: EINVAL)
        }
        if length == 0 { return MappedBytes(UnsafeRawBufferPointer(start: nil, count: 0)) { _ in } }
        let page = sysconf(Int32(_SC_PAGESIZE))
        let lead = Int(offset) % page
        let start = mmap(nil, lead + length, PROT_READ, MAP_SHARED, descriptor, off_t(offset) - off_t(lead))
        guard let start, start != MAP_FAILED else { throw IOFault(.map, path: path, errno: errno) }
        return MappedBytes(UnsafeRawBufferPointer(start: start + lead, count: length)) { bytes in
            let start = UnsafeMutableRawPointer(mutating: bytes.baseAddress! - lead)
            munmap(start, lead + bytes.count)
        }
    }

    func lockExclusively() throws(IOFault) -> Bool {
        try enter(.lock)
        defer { leave() }
        do {
            try retrying(.lock, path) { mr_lock_exclusive(descriptor) }
            return true
        } catch {
            if error.errno == EWOULDBLOCK { return false }
            throw error
        }
    }
}

// The method of `PosixFile` shadows the C function of the same name.
private func posixClose(_ descriptor: Int32) -> Int32 { close(descriptor) }
