/// The file system at the level of system calls: the only way the core reaches a disk.
///
/// Implemented by `PosixStorage` and by a simulated one that can crash. Every call may block; call it from a thread we
/// own, never from the cooperative pool. Paths are UTF-8, absolute or relative to the process's directory.
public protocol Storage: AnyObject, Sendable {
    func open(_ path: String, _ mode: OpenMode) throws(IOFault) -> any StorageFile
    /// Atomic replacement. Durable only after `syncDirectory` of the parent.
    func rename(_ from: String, to: String) throws(IOFault)
    func link(_ from: String, to: String) throws(IOFault)
    func unlink(_ path: String) throws(IOFault)
    /// Creates one directory with mode 0700. No error when it is there already.
    func makeDirectory(_ path: String) throws(IOFault)
    /// Removes an empty directory.
    func removeDirectory(_ path: String) throws(IOFault)
    /// The names in a directory, sorted by their bytes, without `.` and `..`.
    func list(_ path: String) throws(IOFault) -> [String]
    /// `nil` when there is nothing at the path.
    func status(of path: String) throws(IOFault) -> FileStatus?
    /// Makes creations, renames and removals in a directory durable.
    func syncDirectory(_ path: String) throws(IOFault)
    /// Bytes free for us on the volume that holds `path`.
    func freeBytes(at path: String) throws(IOFault) -> Int64
    /// Marks a place between two steps where a crash must do no harm: `storage.crashPoint("segment.roll.renamed")`.
    /// Does nothing but in tests: a simulated disk loses power here when told to, and a process started with
    /// `MILLRACE_CRASH=segment.roll.renamed:3` kills itself at the third time.
    func crashPoint(_ name: StaticString)
}

extension Storage {
    public func crashPoint(_ name: StaticString) { CrashPoint.reached(name) }
}

/// An open file. Safe to use from several threads at once; positions are explicit.
public protocol StorageFile: AnyObject, Sendable {
    var path: String { get }
    /// Reads up to `buffer.count` bytes; fewer only at the end of the file (a short read is continued).
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(IOFault) -> Int
    /// Writes every byte or throws; after a throw any prefix may be in the file.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(IOFault)
    /// The same of two pieces, one behind the other, in one call where the system has it.
    func write(_ head: UnsafeRawBufferPointer, _ rest: UnsafeRawBufferPointer, at offset: Int64) throws(IOFault)
    /// Returns when everything written before the call is on the disk. **After it threw, nothing about the file's
    /// unsynced part is known**: never sync it again, never trust it until it was read back after a restart.
    func sync() throws(IOFault)
    func truncate(to length: Int64) throws(IOFault)
    func size() throws(IOFault) -> Int64
    /// Reserves room so that later writes inside `length` do not fail for lack of it. The size stays.
    func preallocate(_ length: Int64) throws(IOFault)
    /// The bytes `offset ..< offset + length`, which must exist and must not be truncated away while mapped.
    func map(offset: Int64, length: Int) throws(IOFault) -> MappedBytes
    /// Takes the exclusive lock of the file without waiting; false when another process holds it. Ends with `close`.
    func lockExclusively() throws(IOFault) -> Bool
    /// Idempotent. Every other call on a closed file throws `EBADF`.
    func close()
}

extension StorageFile {
    public func write(
        _ head: UnsafeRawBufferPointer, _ rest: UnsafeRawBufferPointer, at offset: Int64
    ) throws(IOFault) {
        var joined: [UInt8] = []
        joined.reserveCapacity(head.count + rest.count)
        joined.append(contentsOf: head)
        joined.append(contentsOf: rest)
        try joined.lending { (bytes) throws(IOFault) in try write(bytes, at: offset) }
    }
}

public enum OpenMode: Sendable {
    /// Must exist.
    case read
    /// Must exist. Symbolic links are followed: for the system's files, never for ours.
    case readLinked
    /// Must exist.
    case readWrite
    /// Made with mode 0600 when missing.
    case create
    /// Made with mode 0600; an existing one is an error (`EEXIST`).
    case createNew
}

public struct FileStatus: Sendable, Hashable {
    public enum Kind: Sendable, Hashable { case file, directory, symbolicLink, other }
    public var kind: Kind
    public var size: Int64
    public init(kind: Kind, size: Int64) { (self.kind, self.size) = (kind, size) }
}

/// A read-only view of a part of a file. Lives as long as the last reference.
public final class MappedBytes: Sendable {
    /// Valid while this object lives; hold it with `withExtendedLifetime`.
    public nonisolated(unsafe) let bytes: UnsafeRawBufferPointer
    private let release: @Sendable (UnsafeRawBufferPointer) -> Void

    public init(_ bytes: UnsafeRawBufferPointer, release: @escaping @Sendable (UnsafeRawBufferPointer) -> Void) {
        (self.bytes, self.release) = (bytes, release)
    }
    deinit { release(bytes) }
}

extension Storage {
    /// The whole of a small file, or `nil` when it is missing. Refuses more than `limit` bytes with `EFBIG`.
    public func contents(of path: String, limit: Int) throws(IOFault) -> [UInt8]? {
        guard let status = try status(of: path) else { return nil }
        if status.kind == .directory { throw IOFault(.read, path: path, errno: IOFault.isDirectory) }
        guard status.size <= Int64(limit) else { throw IOFault(.read, path: path, errno: IOFault.tooLarge) }
        let file = try open(path, .read)
        defer { file.close() }
        var bytes = [UInt8](repeating: 0, count: Int(status.size))
        let count = try bytes.reading { (buffer) throws(IOFault) in try file.read(into: buffer, at: 0) }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    /// Replaces a small file so that after a crash either the old or the new content is there, whole:
    /// temporary file, sync, rename, sync of the directory.
    public func replace(_ path: String, with bytes: [UInt8]) throws(IOFault) {
        let temporary = path + ".tmp"
        if try status(of: temporary) != nil { try unlink(temporary) }
        let file = try open(temporary, .createNew)
        defer { file.close() }
        try bytes.lending { (buffer) throws(IOFault) in try file.write(buffer, at: 0) }
        try file.sync()
        try rename(temporary, to: path)
        try syncDirectory(String.parent(of: path))
    }
}

extension String {
    /// The directory that holds a path: `a/b` → `a`, `b` → `.`, `/b` → `/`.
    public static func parent(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

extension Array where Element == UInt8 {
    /// `withUnsafeBytes` that lets a typed error through.
    @inlinable public func lending<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        let outcome: Result<R, E> = withUnsafeBytes { bytes in
            do throws(E) { return .success(try body(bytes)) } catch { return .failure(error) }
        }
        return try outcome.get()
    }
    /// `withUnsafeMutableBytes` that lets a typed error through.
    @inlinable public mutating func reading<R, E: Error>(_ body: (UnsafeMutableRawBufferPointer) throws(E) -> R)
        throws(E) -> R
    {
        let outcome: Result<R, E> = withUnsafeMutableBytes { bytes in
            do throws(E) { return .success(try body(bytes)) } catch { return .failure(error) }
        }
        return try outcome.get()
    }
}
