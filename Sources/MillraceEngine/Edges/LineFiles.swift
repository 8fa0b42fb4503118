public import MillraceCore
public import MillraceFlow

/// Writes results as NDJSON files, one for each commit that has any: `TASK-NUMBER.ndjson` in a directory. A file
/// appears whole and once: it is written and synced under another name before the commit, and renamed after it.
public final class LineFiles: Sink {
    public let name: String
    private let storage: any Storage

    public init(directory: String, storage: any Storage = PosixStorage()) {
        (name, self.storage) = (directory, storage)
    }

    public func writer(task: String, layout: RowLayout) throws(Failure) -> any SinkWriter {
        do throws(IOFault) {
            if try storage.status(of: name) == nil {
                try storage.makeDirectory(name)
                try storage.syncDirectory(String.parent(of: name))
            }
        } catch { throw Failure(error, "the directory for results cannot be made") }
        let prefix = task.map { $0 == "/" ? "-" : String($0) }.joined()
        return LineFileWriter(name + "/" + prefix, layout: layout, storage: storage)
    }
}

private final class LineFileWriter: SinkWriter {
    private let prefix: String
    private let layout: RowLayout
    private let storage: any Storage

    init(_ prefix: String, layout: RowLayout, storage: any Storage) {
        (self.prefix, self.layout, self.storage) = (prefix, layout, storage)
    }

    private func path(_ number: Int64) -> String {
        let digits = String(number)
        return prefix + "-" + String(repeating: "0", count: max(0, 12 - digits.count)) + digits + ".ndjson"
    }

    func prepare(_ rows: RowBuffer, commit number: Int64) throws(Failure) {
        guard !rows.isEmpty else { return }
        let bytes = RowLines.write(rows)
        try attempt("the results cannot be written") { () throws(IOFault) in
            let file = try storage.open(path(number) + ".part", .create)
            defer { file.close() }
            try file.truncate(to: 0)
            try bytes.lending { (bytes) throws(IOFault) in try file.write(bytes, at: 0) }
            try file.sync()
            // Its name, too: when the commit has decided it must be there.
            try storage.syncDirectory(String.parent(of: prefix))
        }
    }

    func publish(commit number: Int64) throws(Failure) {
        try attempt("the results cannot be shown") { () throws(IOFault) in
            guard try storage.status(of: path(number) + ".part") != nil else { return }
            try storage.rename(path(number) + ".part", to: path(number))
            try storage.syncDirectory(String.parent(of: prefix))
        }
    }

    /// A part that belongs to the last commit is shown; one of a commit that never was goes.
    func recover(lastCommit number: Int64) throws(Failure) {
        try publish(commit: number)
        try attempt("the results of an earlier run cannot be looked at") { () throws(IOFault) in
            let directory = String.parent(of: prefix)
            let own = prefix.dropFirst(directory.count + 1) + "-"
            for name in try storage.list(directory) where name.hasPrefix(own) && name.hasSuffix(".part") {
                try storage.unlink(directory + "/" + name)
            }
        }
    }

    func close() {}

    private func attempt(_ message: String, _ body: () throws(IOFault) -> Void) throws(Failure) {
        do throws(IOFault) { try body() } catch { throw Failure(error, message, place: prefix) }
    }
}

/// Writes results as lines of JSON to the standard output when their commit is durable.
public final class StandardOutput: Sink {
    public let name = "standard output"
    public init() {}
    public func writer(task: String, layout: RowLayout) throws(Failure) -> any SinkWriter { StandardOutputWriter() }
}

private final class StandardOutputWriter: SinkWriter {
    private let prepared = Lock<[UInt8]>([])

    func prepare(_ rows: RowBuffer, commit number: Int64) throws(Failure) {
        let bytes = RowLines.write(rows)
        prepared.withLock { $0 = bytes }
    }
    func publish(commit number: Int64) throws(Failure) {
        let bytes = prepared.withLock { bytes in
            defer { bytes = [] }
            return bytes
        }
        if !bytes.isEmpty { TextOutput().text(String(decoding: bytes, as: UTF8.self)) }
    }
    func recover(lastCommit number: Int64) throws(Failure) {}
    func close() {}
}
