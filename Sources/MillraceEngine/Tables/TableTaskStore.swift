internal import MillraceCore
internal import MillraceFlow
internal import MillraceTables

/// The node's table store as the place where tasks commit: mark, state, rows and provenance in one synced write batch.
final class TableTaskStore: TaskStore {
    private let store: TableStore

    init(_ store: TableStore) { self.store = store }

    func snapshot() throws(Failure) -> any TaskReader { TableTaskSnapshot(try store.snapshot()) }

    func mark(of task: TaskAddress) throws(Failure) -> TaskMark? { try snapshot().mark(of: task) }

    func stateReader(of task: TaskAddress) -> any StateReader { StoreStateReader(store, prefix: task.statePrefix) }

    func readJournal(
        of task: TaskAddress, _ numbers: Range<Int64>, _ body: (Int64, [UInt8]) throws(Failure) -> Void
    ) throws(Failure) {
        try snapshot().readJournal(of: task, numbers, body)
    }

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
        for number in commit.state.dropped { batch.deleteState(commit.task.journalKey(number)) }
        if let block = commit.state.block {
            let key = commit.task.journalKey(block.number)
            key.withUnsafeBytes { key in block.entries.bytes.withUnsafeBytes { batch.setState(key, $0) } }
        }
        var key = ByteWriter(capacity: 128)
        let prefix = commit.task.statePrefix
        commit.state.entries.forEachInKeyOrder { entry, value in
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

/// What tasks had committed at one moment.
private final class TableTaskSnapshot: TaskReader {
    private let snapshot: TableSnapshot

    init(_ snapshot: TableSnapshot) { self.snapshot = snapshot }

    func mark(of task: TaskAddress) throws(Failure) -> TaskMark? {
        guard let bytes = try snapshot.state(task.markKey) else { return nil }
        return try TaskMark(bytes, of: task)
    }

    func stateReader(of task: TaskAddress) -> any StateReader {
        SnapshotStateReader(snapshot, prefix: task.statePrefix)
    }

    func readJournal(
        of task: TaskAddress, _ numbers: Range<Int64>, _ body: (Int64, [UInt8]) throws(Failure) -> Void
    ) throws(Failure) {
        let (lower, upper) = (task.journalKey(numbers.lowerBound), task.journalKey(numbers.upperBound))
        try snapshot.states(from: lower, to: upper) { (key, value) throws(Failure) in
            let number = key.loadUnaligned(fromByteOffset: key.count - 8, as: UInt64.self)
            try body(Int64(truncatingIfNeeded: UInt64(bigEndian: number)), Array(value))
            return true
        }
    }
}
