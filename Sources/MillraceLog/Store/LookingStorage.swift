internal import MillraceCore

/// A storage whose every change is forgotten: recovery runs on it as on the real one and touches nothing.
///
/// For whoever looks at a log that another process owns. A directory that was "made" is there and empty.
final class LookingStorage: Storage {
    private let real: any Storage
    private let made = Lock<Set<String>>([])

    init(_ real: any Storage) { self.real = real }

    func open(_ path: String, _ mode: OpenMode) throws(IOFault) -> any StorageFile {
        switch mode {
        case .read, .readLinked: return LookingFile(try real.open(path, mode), path)
        case .readWrite: return LookingFile(try real.open(path, .read), path)
        case .create:
            let exists = try real.status(of: path) != nil
            return LookingFile(exists ? try real.open(path, .read) : nil, path)
        case .createNew: return LookingFile(nil, path)
        }
    }
    func rename(_ from: String, to: String) throws(IOFault) {}
    func link(_ from: String, to: String) throws(IOFault) {}
    func unlink(_ path: String) throws(IOFault) {}
    func makeDirectory(_ path: String) throws(IOFault) {
        if try real.status(of: path) == nil { _ = made.withLock { $0.insert(path) } }
    }
    func removeDirectory(_ path: String) throws(IOFault) {}
    func list(_ path: String) throws(IOFault) -> [String] {
        if made.withLock({ $0.contains(path) }) { return [] }
        return try real.list(path)
    }
    func status(of path: String) throws(IOFault) -> FileStatus? { try real.status(of: path) }
    func syncDirectory(_ path: String) throws(IOFault) {}
    func freeBytes(at path: String) throws(IOFault) -> Int64 { try real.freeBytes(at: path) }
    func crashPoint(_ name: StaticString) {}
}

/// A file whose writes are forgotten; one that does not exist is empty.
private final class LookingFile: StorageFile {
    let path: String
    private let real: (any StorageFile)?

    init(_ real: (any StorageFile)?, _ path: String) { (self.real, self.path) = (real, path) }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(IOFault) -> Int {
        try real?.read(into: buffer, at: offset) ?? 0
    }
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(IOFault) {}
    func sync() throws(IOFault) {}
    func truncate(to length: Int64) throws(IOFault) {}
    func size() throws(IOFault) -> Int64 { try real?.size() ?? 0 }
    func preallocate(_ length: Int64) throws(IOFault) {}
    func map(offset: Int64, length: Int) throws(IOFault) -> MappedBytes {
        guard let real else { throw IOFault(.map, path: path, errno: IOFault.invalidArgument) }
        return try real.map(offset: offset, length: length)
    }
    func lockExclusively() throws(IOFault) -> Bool { false }
    func close() { real?.close() }
}
