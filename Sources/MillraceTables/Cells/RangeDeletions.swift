import MillraceCore

/// A partition's deletions of ranges, the whole partition being one of them.
///
/// Only tables whose writers bring their own timestamps need them; elsewhere a range deletion is RocksDB's own.
///
///     flags 1 · entries…      entry: timestamp 8 · seconds varint · lower length, bytes · upper length, bytes
///
/// Bounds are what follows the partition in a row's key: `lower ≤ suffix < upper`. In normal form entries are in order
/// and do not overlap, so that a row finds its deletion by bisection, and a partition may have very many.
enum RangeDeletions {
    struct Entry: Hashable, Sendable {
        var lower: [UInt8]
        var upper: [UInt8]
        var deletion: Deletion
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

    static func isNormal(_ entries: [Entry]) -> Bool {
        entries.allSatisfy { $0.lower.lexicographicallyPrecedes($0.upper) }
            && zip(entries, entries.dropFirst()).allSatisfy { !$1.lower.lexicographicallyPrecedes($0.upper) }
    }

    /// The union in normal form: where deletions overlap the latest counts.
    static func merge(_ lists: [[Entry]]) -> [Entry] {
        var sorted = lists.flatMap { $0 }.filter { $0.lower.lexicographicallyPrecedes($0.upper) }
        // Lists are in order already, so this is a merge of runs.
        sorted.sort { $0.lower.lexicographicallyPrecedes($1.lower) }
        var merged: [Entry] = []
        /// Entries that begin at or before `position`, the latest deletion last.
        var open: [Entry] = []
        var position: [UInt8] = []
        /// Appends what is deleted from `position` to `end`, which nothing begins before.
        func advance(to end: [UInt8]?) {
            while let top = open.last {
                if !position.lexicographicallyPrecedes(top.upper) {
                    open.removeLast()
                    continue
                }
                if let end, !position.lexicographicallyPrecedes(end) { return }
                let stop = end.map { $0.lexicographicallyPrecedes(top.upper) ? $0 : top.upper } ?? top.upper
                if let last = merged.last, last.deletion == top.deletion, last.upper == position {
                    merged[merged.count - 1].upper = stop
                } else {
                    merged.append(Entry(lower: position, upper: stop, deletion: top.deletion))
                }
                position = stop
            }
        }
        for entry in sorted {
            advance(to: entry.lower)
            position = entry.lower
            let place = open.lastIndex { Deletion.later($0.deletion, entry.deletion) == entry.deletion } ?? -1
            open.insert(entry, at: place + 1)
        }
        advance(to: nil)
        return merged
    }

    /// The deletion over a row whose key ends in `suffix`.
    ///
    /// - Parameter entries: in normal form.
    static func deletion(of suffix: UnsafeRawBufferPointer, in entries: [Entry]) -> Deletion {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].upper.withUnsafeBytes({ $0.order(suffix) <= 0 }) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        guard low < entries.count, entries[low].lower.withUnsafeBytes({ $0.order(suffix) <= 0 }) else { return .none }
        return entries[low].deletion
    }
}
