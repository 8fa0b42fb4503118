import MillraceCore

/// A partition's deletions of ranges, the whole partition being one of them.
///
/// Only tables whose writers bring their own timestamps need them; elsewhere a range deletion is RocksDB's own.
///
///     flags 1 · entries…      entry: timestamp 8 · seconds varint · lower length, bytes · upper length, bytes
///
/// Bounds are what follows the partition in a row's key: `lower ≤ suffix < upper`.
enum RangeDeletions {
    struct Entry: Hashable, Sendable {
        var lower: [UInt8]
        var upper: [UInt8]
        var deletion: Deletion
        func covers(_ other: Entry) -> Bool {
            deletion.timestamp >= other.deletion.timestamp && !other.lower.lexicographicallyPrecedes(lower)
                && !upper.lexicographicallyPrecedes(other.upper)
        }
    }

    /// Where the timestamp of a list with one entry stands, to be filled in at the commit.
    static let timestampPosition = 1

    static func read(_ bytes: UnsafeRawBufferPointer) throws(RowFault) -> [Entry] {
        guard bytes.count >= 1, bytes[0] & RowFlags.kindMask == RowFlags.ranges else { throw RowFault() }
        var cursor = try CellCursor(bytes, from: 1)
        var entries: [Entry] = []
        while !cursor.isAtEnd {
            let timestamp = Int64(bigEndian: try cursor.take(8).loadUnaligned(as: Int64.self))
            let seconds = try cursor.seconds()
            let lower = try cursor.slice()
            entries.append(
                Entry(
                    lower: Array(lower), upper: Array(try cursor.slice()),
                    deletion: Deletion(timestamp: timestamp, seconds: seconds)))
        }
        return entries
    }

    static func write(_ entries: [Entry]) -> [UInt8] {
        var writer = ByteWriter(capacity: 32 * entries.count + 1)
        writer.byte(RowFlags.ranges)
        for entry in entries {
            writer.integer(entry.deletion.timestamp)
            writer.unsignedVarint(UInt64(bitPattern: entry.deletion.seconds))
            writer.unsignedVarint(UInt64(entry.lower.count))
            writer.raw(entry.lower)
            writer.unsignedVarint(UInt64(entry.upper.count))
            writer.raw(entry.upper)
        }
        return writer.bytes
    }

    /// The union; an entry that another covers is dropped.
    static func merge(_ lists: [[Entry]]) -> [Entry] {
        var kept: [Entry] = []
        for entry in lists.joined() where !kept.contains(where: { $0.covers(entry) }) {
            kept.removeAll { entry.covers($0) }
            kept.append(entry)
        }
        return kept
    }

    /// The latest deletion over a row whose key ends in `suffix`.
    static func deletion(of suffix: UnsafeRawBufferPointer, in entries: [Entry]) -> Deletion {
        var found = Deletion.none
        for entry in entries {
            let inside =
                entry.lower.withUnsafeBytes { $0.order(suffix) <= 0 }
                && entry.upper.withUnsafeBytes { suffix.order($0) < 0 }
            if inside { found = Deletion.later(found, entry.deletion) }
        }
        return found
    }
}
