internal import MillraceCore
internal import MillraceFlow
internal import MillraceTables

/// The node's table store as the place where tasks commit: mark, state, rows and provenance in one synced write batch.
final class TableTaskStore: TaskStore {
    private let store: TableStore

    init(_ store: TableStore) { self.store = store }

    func mark(of task: TaskAddress) throws(Failure) -> TaskMark? {
        guard let bytes = try store.state(task.markKey) else { return nil }
        return try TaskMark(bytes, of: task)
    }

    func stateReader(of task: TaskAddress) -> any StateReader { StoreStateReader(store, prefix: task.statePrefix) }

    func commit(_ commit: TaskCommit) throws(Failure) {
        // A pipeline's last row for a key is the one that stays.
        var batch = store.begin(ties: .byOrder)
        batch.setState(commit.task.markKey, commit.mark.bytes)
        setState(commit, into: &batch)
        if let rows = commit.rows, !rows.isEmpty, let table = commit.table {
            let stored = try store.require(table.keyspace, table.table)
            try TableRows(stored, layout: rows.layout).put(rows, into: &batch)
        }
        batch.setProvenance(Provenance(commit).bytes)
        try store.commit(batch)
    }

    private func setState(_ commit: TaskCommit, into batch: inout Commit) {
        var key = ByteWriter(capacity: 128)
        let prefix = commit.task.statePrefix
        commit.delta.forEach { entry, value in
            key.removeAll()
            key.raw(prefix)
            key.raw(entry)
            if let value {
                key.bytes.withUnsafeBytes { batch.setState($0, value) }
            } else {
                batch.deleteState(key.bytes)
            }
        }
    }
}

/// What is kept about a commit under its id (design D9): which code made it from which input.
struct Provenance: Equatable, Sendable {
    var pipeline: String
    var stage: Int
    var partition: Int
    var release: String
    var input: String
    /// The records it covers: `first ..< end`.
    var first: Int64
    var end: Int64
    var watermark: EventTime

    init(_ commit: TaskCommit) {
        (pipeline, stage, partition) = (commit.task.pipeline, commit.task.stage, commit.task.partition)
        (release, input) = (commit.release, commit.input)
        (first, end, watermark) = (commit.firstPosition, commit.mark.position, commit.mark.watermark)
    }

    private static let version: UInt8 = 1

    var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 96)
        writer.byte(Self.version)
        for text in [pipeline, release, input] {
            writer.integer(UInt16(clamping: text.utf8.count))
            writer.raw(text.utf8.prefix(Int(UInt16.max)))
        }
        writer.integer(UInt16(stage))
        writer.integer(UInt32(partition))
        for number in [first, end, watermark.microseconds] { writer.integer(number) }
        return writer.bytes
    }

    init(_ bytes: [UInt8]) throws(ByteFault) {
        self = try bytes.lending { (raw) throws(ByteFault) in try Self(reading: raw) }
    }

    private init(reading raw: UnsafeRawBufferPointer) throws(ByteFault) {
        var reader = ByteReader(raw)
        guard try reader.byte() == Self.version else { throw ByteFault(.unknownValue, at: 0) }
        pipeline = try reader.text(Int(try reader.integer(UInt16.self)))
        release = try reader.text(Int(try reader.integer(UInt16.self)))
        input = try reader.text(Int(try reader.integer(UInt16.self)))
        stage = Int(try reader.integer(UInt16.self))
        partition = Int(try reader.integer(UInt32.self))
        first = try reader.integer()
        end = try reader.integer()
        watermark = EventTime(microseconds: try reader.integer())
        try reader.expectEnd()
    }
}
