internal import CPlatform
#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The real file system.
///
/// Calls that a signal interrupted are made again. Nothing is cached; any thread may call.
public final class PosixStorage: Storage {
    public init() {}

    public func open(_ path: String, _ mode: OpenMode) throws(IOFault) -> any StorageFile {
        let flags =
            switch mode {
            case .read, .readLinked: O_RDONLY
            case .readWrite: O_RDWR
            case .create: O_RDWR | O_CREAT
            case .createNew: O_RDWR | O_CREAT | O_EXCL
            }
        let descriptor = try retrying(.open, path) {
            mode == .readLinked ? mr_open_linked(path, flags) : mr_open(path, flags, 0o600)
        }
        if mode == .read || mode == .readLinked {
            // The kernel opens directories for reading; ours is a storage of files.
            var info = stat()
            if fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFDIR {
                posixClose(descriptor)
                throw IOFault(.open, path: path, errno: EISDIR)
            }
        }
        return PosixFile(path: path, descriptor: descriptor)
    }

    public func rename(_ from: String, to: String) throws(IOFault) {
        try retrying(.rename, from) { posixRename(from, to) }
    }
    public func link(_ from: String, to: String) throws(IOFault) {
        try retrying(.link, from) { posixLink(from, to) }
    }
    public func unlink(_ path: String) throws(IOFault) {
        try retrying(.unlink, path) { posixUnlink(path) }
    }

    public func makeDirectory(_ path: String) throws(IOFault) {
        do {
            try retrying(.makeDirectory, path) { mkdir(path, 0o700) }
        } catch {
            guard error.errno == EEXIST, try status(of: path)?.kind == .directory else { throw error }
        }
    }
    public func removeDirectory(_ path: String) throws(IOFault) {
        try retrying(.removeDirectory, path) { rmdir(path) }
    }

    public func list(_ path: String) throws(IOFault) -> [String] {
        guard let directory = opendir(path) else { throw IOFault(.list, path: path, errno: errno) }
        defer { closedir(directory) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(directory) else {
                if errno != 0 { throw IOFault(.list, path: path, errno: errno) }
                break
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    public func status(of path: String) throws(IOFault) -> FileStatus? {
        var info = stat()
        do {
            try retrying(.status, path) { lstat(path, &info) }
        } catch {
            if error.errno == ENOENT || error.errno == ENOTDIR { return nil }
            throw error
        }
        let kind: FileStatus.Kind =
            switch info.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            case S_IFLNK: .symbolicLink
            default: .other
            }
        return FileStatus(kind: kind, size: Int64(info.st_size))
    }

    public func syncDirectory(_ path: String) throws(IOFault) {
        let descriptor = try retrying(.syncDirectory, path) { mr_open_directory(path) }
        defer { posixClose(descriptor) }
        try retrying(.syncDirectory, path) { fsync(descriptor) }
    }

    public func freeBytes(at path: String) throws(IOFault) -> Int64 {
        var info = statvfs()
        try retrying(.freeBytes, path) { statvfs(path, &info) }
        return Int64(
            clamping: UInt64(info.f_bavail).multipliedReportingOverflow(by: UInt64(info.f_frsize)).partialValue)
    }
}

/// Makes a call again until no signal interrupts it; a negative answer becomes a fault.
@discardableResult
func retrying(_ call: IOFault.Call, _ path: String, _ body: () -> Int32) throws(IOFault) -> Int32 {
    while true {
        let answer = body()
        if answer >= 0 { return answer }
        let reason = errno
        if reason != EINTR { throw IOFault(call, path: path, errno: reason) }
    }
}

// The methods of `PosixStorage` shadow the C functions of the same names.
private func posixRename(_ from: String, _ to: String) -> Int32 { rename(from, to) }
private func posixLink(_ from: String, _ to: String) -> Int32 { link(from, to) }
private func posixUnlink(_ path: String) -> Int32 { unlink(path) }
private func posixClose(_ descriptor: Int32) { _ = close(descriptor) }
