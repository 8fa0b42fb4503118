public import MillraceCore

/// The one directory of a node: locked by one process, marked with the version of its layout (design D1).
///
/// ```
/// DIR/lock         held while a node runs
/// DIR/format       "millrace 1\n", written first, checked at every start
/// DIR/generation   how often a node was started here
/// DIR/log          segments, topics, positions
/// DIR/tables       the store
/// DIR/guard        what a guard knows about deaths
/// DIR/control.sock where the command line asks a running node
/// ```
public final class DataDirectory: Sendable {
    static let format = "millrace 1\n"

    public let path: String
    private let lock: any StorageFile

    public var log: String { path + "/log" }
    public var tables: String { path + "/tables" }
    static func guarded(_ path: String) -> String { path + "/guard" }
    public var controlSocket: String { path + "/control.sock" }

    /// Makes the directory when it is missing. Refuses one that another process owns, one of another version, and one
    /// that holds files but no mark, which is somebody else's.
    public init(_ path: String, storage: any Storage) throws(Failure) {
        self.path = path
        do {
            try Self.makeDirectories(path, storage: storage)
            lock = try storage.open(path + "/lock", .create)
            guard try lock.lockExclusively() else {
                lock.close()
                throw Failure(
                    .inUse, "another node owns this data directory",
                    advice: "Stop it, or give this one its own directory", place: path)
            }
            try Self.checkFormat(path, storage: storage)
        } catch let fault as IOFault {
            throw Failure(fault, "the data directory cannot be opened")
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(.io, "the data directory cannot be opened", place: path, cause: error)
        }
    }

    /// Lets the next process in.
    public func close() { lock.close() }

    static func makeDirectories(_ path: String, storage: any Storage) throws(IOFault) {
        let parent = String.parent(of: path)
        if parent != path, parent != ".", try storage.status(of: parent) == nil {
            try makeDirectories(parent, storage: storage)
        }
        if try storage.status(of: path) == nil { try storage.makeDirectory(path) }
    }

    private static func checkFormat(_ path: String, storage: any Storage) throws {
        let file = path + "/format"
        if let bytes = try storage.contents(of: file, limit: 64) {
            let found = String(decoding: bytes, as: UTF8.self)
            guard found == format else {
                throw Failure(
                    .incompatible,
                    "the data directory has layout '\(found.trimmed)', this program writes '\(format.trimmed)'",
                    advice: "Use the version of Millrace that wrote it", place: file)
            }
            return
        }
        let strangers = try storage.list(path).filter { !["lock", "guard"].contains($0) && !$0.hasSuffix(".tmp") }
        guard strangers.isEmpty else {
            throw Failure(
                .incompatible,
                "the directory is not empty and not Millrace's: it holds "
                    + strangers.prefix(3).joined(separator: ", "),
                advice: "Choose an empty or new directory", place: path)
        }
        try storage.replace(file, with: Array(format.utf8))
    }
}
