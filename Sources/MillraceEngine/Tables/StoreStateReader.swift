internal import MillraceCore
internal import MillraceFlow
internal import MillraceTables

/// A task's state as the store has it: keys are relative to the task. Used on the task's lane for what is not in
/// memory.
final class StoreStateReader: StateReader {
    private let store: TableStore
    private let prefix: [UInt8]
    private var key = ByteWriter(capacity: 128)

    init(_ store: TableStore, prefix: [UInt8]) { (self.store, self.prefix) = (store, prefix) }

    func read(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer?) -> Void) throws(Failure) {
        self.key.removeAll()
        self.key.raw(prefix)
        self.key.raw(key)
        try self.key.bytes.lending { (full) throws(Failure) in
            try store.state(full) { (value) throws(Failure) in body(value) }
        }
    }

    func scan(
        prefix: UnsafeRawBufferPointer, _ body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool
    ) throws(Failure) {
        try SnapshotStateReader(store.snapshot(), prefix: self.prefix).scan(prefix: prefix, body)
    }
}

/// The same as of one moment, on whatever thread.
final class SnapshotStateReader: StateReader {
    private let snapshot: TableSnapshot
    private let prefix: [UInt8]

    init(_ snapshot: TableSnapshot, prefix: [UInt8]) { (self.snapshot, self.prefix) = (snapshot, prefix) }

    func read(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer?) -> Void) throws(Failure) {
        guard let value = try snapshot.state(prefix + key) else { return body(nil) }
        value.withUnsafeBytes { body($0) }
    }

    func scan(
        prefix: UnsafeRawBufferPointer, _ body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool
    ) throws(Failure) {
        let own = self.prefix.count
        try snapshot.states(from: self.prefix + prefix) { (key, value) throws(Failure) in
            body(UnsafeRawBufferPointer(rebasing: key[own...]), value)
        }
    }
}
