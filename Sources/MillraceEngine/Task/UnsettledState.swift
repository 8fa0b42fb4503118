internal import MillraceCore
internal import MillraceFlow

/// The store's state as a kernel has to see it: without the keys that were removed by a commit which is still on its
/// way. The store has them until it lands, and a key that is touched meanwhile must not come back with its old value.
///
/// What the commit on its way writes needs no such care: it is in memory, since nothing leaves memory before it is
/// stored.
final class UnsettledState: StateReader {
    private let stored: any StateReader
    /// The commit that is under way; its removed keys are collected when one is asked for.
    private var delta: StateDelta?
    private var removed: Set<[UInt8]>?

    init(_ stored: any StateReader) { self.stored = stored }

    func committing(_ delta: StateDelta) { (self.delta, removed) = (delta, nil) }
    func settled() { (delta, removed) = (nil, nil) }

    private func isRemoved(_ key: UnsafeRawBufferPointer) -> Bool {
        guard let delta else { return false }
        if removed == nil {
            var keys: Set<[UInt8]> = []
            delta.forEach { key, value in if value == nil { keys.insert(Array(key)) } }
            removed = keys
        }
        guard let removed, !removed.isEmpty else { return false }
        return removed.contains(Array(key))
    }

    func read(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer?) -> Void) throws(Failure) {
        if isRemoved(key) { return body(nil) }
        try stored.read(key, body)
    }

    func scan(
        prefix: UnsafeRawBufferPointer, _ body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool
    ) throws(Failure) {
        try stored.scan(prefix: prefix) { key, value in isRemoved(key) || body(key, value) }
    }
}
