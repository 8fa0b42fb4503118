public import MillraceCore
public import MillraceFlow

/// A stage's stored state in memory: deltas in, reads out, and a copy as a snapshot.
public final class MemoryState: StateReader {
    public private(set) var entries: [[UInt8]: [UInt8]] = [:]
    /// Reads and scans since the start: what read-through costs.
    public private(set) var reads = 0

    public init() {}
    public init(copying other: MemoryState) { entries = other.entries }

    public func apply(_ delta: StateDelta) {
        delta.forEach { key, value in entries[Array(key)] = value.map { Array($0) } }
    }
    public func read(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer?) -> Void) throws(Failure) {
        reads += 1
        guard let found = entries[Array(key)] else { return body(nil) }
        found.withUnsafeBytes { body($0) }
    }
    public func scan(
        prefix: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
    ) throws(Failure) {
        reads += 1
        let wanted = Array(prefix)
        let found = entries.filter { $0.key.starts(with: wanted) }
            .sorted { $0.key.lexicographicallyPrecedes($1.key) }
        for (key, value) in found {
            let goesOn = key.withUnsafeBytes { key in value.withUnsafeBytes { value in body(key, value) } }
            guard goesOn else { return }
        }
    }
}
