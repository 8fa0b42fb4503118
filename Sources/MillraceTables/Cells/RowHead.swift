import MillraceCore

/// A time at which something was deleted: everything written at or before `timestamp` is gone.
struct Deletion: Hashable, Sendable {
    /// Microseconds, in the writers' time.
    var timestamp: Int64
    /// The wall's seconds when it was written, from which the grace counts.
    var seconds: Int64

    static let none = Deletion(timestamp: .min, seconds: 0)
    @inline(__always) var isNone: Bool { timestamp == .min }
    @inline(__always) func covers(_ timestamp: Int64) -> Bool { timestamp <= self.timestamp && !isNone }
    @inline(__always) static func later(_ a: Deletion, _ b: Deletion) -> Deletion {
        if a.timestamp != b.timestamp { return a.timestamp > b.timestamp ? a : b }
        return a.seconds >= b.seconds ? a : b
    }
}

/// The sign an INSERT leaves that the row exists though all its cells be null.
struct Marker: Hashable, Sendable {
    var timestamp: Int64
    /// 0: never expires.
    var ttl: Int64 = 0
    var expiry: Int64 = 0
    var isExpiring: Bool { ttl > 0 }

    @inline(__always) func isLive(at seconds: Int64) -> Bool { ttl == 0 || expiry > seconds }

    /// Cassandra's rule: later, then expiring, then the later expiry.
    static func winner(_ a: Marker, _ b: Marker) -> Marker {
        if a.timestamp != b.timestamp { return a.timestamp > b.timestamp ? a : b }
        if a.isExpiring != b.isExpiring { return a.isExpiring ? a : b }
        return a.expiry >= b.expiry ? a : b
    }
}

/// The front of a stored row.
struct RowHead {
    var base: Int64
    var deletion: Deletion
    var marker: Marker?
    var isMortal: Bool

    static let bytes = 9

    /// Reads the head and leaves the cursor at the first cell.
    @inline(__always)
    static func read(_ bytes: UnsafeRawBufferPointer) throws(RowFault) -> (RowHead, CellCursor) {
        guard bytes.count >= RowHead.bytes, bytes[0] & RowFlags.kindMask == RowFlags.row else { throw RowFault() }
        let flags = bytes[0]
        let base = Int64(bigEndian: bytes.loadUnaligned(fromByteOffset: 1, as: Int64.self))
        var cursor = try CellCursor(bytes, from: RowHead.bytes)
        var head = RowHead(base: base, deletion: .none, marker: nil, isMortal: flags & RowFlags.mortal != 0)
        if flags & RowFlags.deletion != 0 {
            head.deletion = Deletion(timestamp: try cursor.delta(to: base), seconds: try cursor.seconds())
        }
        if flags & RowFlags.marker != 0 {
            var marker = Marker(timestamp: base)
            if flags & RowFlags.markerDelta != 0 { marker.timestamp = try cursor.delta(to: base) }
            if flags & RowFlags.markerExpiring != 0 {
                marker.ttl = try cursor.seconds()
                marker.expiry = try cursor.seconds()
            }
            head.marker = marker
        }
        return (head, cursor)
    }
}
