internal import MillraceCore

/// Where the last record of each key lies: what compaction keeps. Bounded in bytes; when it is full, only what it has
/// seen is compacted.
struct KeyMap {
    private var latest: [[UInt8]: Int64] = [:]
    private(set) var bytes = 0
    let limit: Int
    /// A key's share besides its own bytes: array and table.
    private static let overhead = 72

    init(limit: Int = Limits.compactionMapBytes) { self.limit = limit }

    var isFull: Bool { bytes >= limit }

    mutating func note(_ key: UnsafeRawBufferPointer, at offset: Int64) {
        let known = latest.updateValue(offset, forKey: Array(key))
        if known == nil { bytes += key.count + Self.overhead }
    }
    /// The offset that replaces all earlier ones of a key; nil for a key not in the map.
    func latestOffset(of key: UnsafeRawBufferPointer) -> Int64? { latest[Array(key)] }
}

/// What compaction did to a partition.
public struct CompactionResult: Hashable, Sendable {
    public var segments = 0
    public var bytesBefore: Int64 = 0
    public var bytesAfter: Int64 = 0
    public var recordsDropped: Int64 = 0
}

/// Spends a byte rate: compaction asks before each piece of work.
protocol Throttle {
    /// Returns when `bytes` more may be read or written; false when the work is to stop.
    mutating func spend(_ bytes: Int) -> Bool
}
struct NoThrottle: Throttle {
    mutating func spend(_ bytes: Int) -> Bool { true }
}
