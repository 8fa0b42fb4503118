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
