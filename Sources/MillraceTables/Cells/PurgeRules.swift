internal import Synchronization
import MillraceCore

/// What compaction may forget: expired cells, tombstones whose grace is over, old commits, dropped columns.
///
/// One node holds the only copy, so nothing has to be kept for another replica. RocksDB calls this for values that
/// hide all older ones of their key, so a tombstone in one has nothing left to delete. But it does so without what is
/// newer: where writers bring times of their own, an older write may wait there for its tombstone. So in tables with a
/// grace compaction purges only what no time decides, and `PurgeWalk` the rest, from whole rows.
final class PurgeRules: Sendable {
    enum Verdict {
        case keep, drop
        case replace([UInt8])
    }

    struct Table: Sendable {
        /// Seconds a tombstone stays after it was written, for writers that bring older timestamps.
        var grace: Int64 = 0
        var droppedColumns: Set<UInt32> = []
    }

    private struct State {
        var tables: [UInt32: Table] = [:]
        var purged = 0
        var bare = 0
    }
    private let clock: any RuntimeClock
    /// Microseconds for which commits can be looked up.
    private let commitRetention: TimeSpan
    private let state = Lock(State())
    /// Some table has columns that were dropped: only then rows in which nothing dies are looked at.
    private let hasDropped = Atomic(false)

    init(clock: any RuntimeClock, commitRetention: TimeSpan) {
        (self.clock, self.commitRetention) = (clock, commitRetention)
    }

    func set(_ id: UInt32, _ table: Table?) {
        if let table, !table.droppedColumns.isEmpty { hasDropped.store(true, ordering: .relaxed) }
        state.withLock { $0.tables[id] = table }
    }

    /// Rows rewritten or dropped by compaction since the store was opened.
    var purged: Int { state.withLock { $0.purged } }

    /// Rows dropped in bulk.
    func note(purged rows: Int) { state.withLock { $0.purged += rows } }

    /// Rows that merging emptied: merge results do not pass the filter, so it takes another compaction to drop them.
    var bare: Int { state.withLock { $0.bare } }

    /// Purges what a full merge gave. A row of which nothing is left becomes a bare head, which reads as no row.
    func trim(_ merged: inout [UInt8], _ key: UnsafeRawBufferPointer) {
        guard let flags = merged.first, flags & RowFlags.kindMask == RowFlags.row, flags & RowFlags.mortal != 0 else {
            return
        }
        switch merged.withUnsafeBytes({ rowVerdict(key, $0) }) {
        case .keep: break
        case .replace(let bytes): merged = bytes
        case .drop:
            merged.removeLast(merged.count - RowHead.bytes)
            merged[0] = RowFlags.row
            state.withLock { $0.bare += 1 }
        }
    }

    func verdict(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Verdict {
        guard let space = key.first else { return .keep }
        if space >= Layout.firstRowSpace { return rowVerdict(key, value) }
        guard space == Layout.commits, key.count == 9 else { return .keep }
        let id = Int64(bigEndian: key.loadUnaligned(fromByteOffset: 1, as: Int64.self))
        return id < (clock.wall - commitRetention).microseconds ? .drop : .keep
    }

    private func rowVerdict(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Verdict {
        guard key.count > 4, let flags = value.first, flags & RowFlags.kindMask == RowFlags.row else { return .keep }
        let isEmpty = flags & (RowFlags.marker | RowFlags.deletion) == 0 && value.count == RowHead.bytes
        guard flags & RowFlags.mortal != 0 || isEmpty || hasDropped.load(ordering: .relaxed) else { return .keep }
        let id = UInt32(bigEndian: key.loadUnaligned(as: UInt32.self))
        let table = state.withLock { $0.tables[id] }
        guard let table else { return .keep }
        if isEmpty { return count(.drop) }
        let isLate = table.grace > 0
        guard !isLate && flags & RowFlags.mortal != 0 || !table.droppedColumns.isEmpty else { return .keep }
        do throws(RowFault) {
            return count(try PurgeRules.purge(value, table, now: isLate ? .min : clock.wall.seconds))
        } catch {
            // Damage is for readers and `verify` to report, not for compaction to remove.
            return .keep
        }
    }

    private func count(_ verdict: Verdict) -> Verdict {
        if case .keep = verdict { return verdict }
        state.withLock { $0.purged += 1 }
        return verdict
    }

    /// - Parameter now: seconds; `.min` for dropped columns alone.
    static func purge(
        _ value: UnsafeRawBufferPointer, _ table: Table, now: Int64
    ) throws(RowFault) -> Verdict {
        // A reader that began up to `margin` ago must still find what was alive then.
        let horizon = now == .min ? .min : now - table.grace - Limits.purgeMarginSeconds
        var (head, start) = try RowHead.read(value)
        var dropped = false
        if !head.deletion.isNone, head.deletion.seconds < horizon { (head.deletion, dropped) = (.none, true) }
        if let marker = head.marker, marker.isExpiring, marker.expiry < horizon { (head.marker, dropped) = (nil, true) }
        // Most rows stay or go as a whole: nothing is written before it is known that a part goes.
        var cursor = start
        var cells = 0
        while let cell = try cursor.cell(base: head.base) {
            if mayGo(cell, table, horizon) { dropped = true } else { cells += 1 }
        }
        guard dropped else { return .keep }
        if cells == 0, head.deletion.isNone, head.marker == nil { return .drop }
        var writer = RowWriter(capacity: value.count)
        writer.begin(base: head.base, deletion: head.deletion, marker: head.marker)
        cursor = start
        while let cell = try cursor.cell(base: head.base) {
            if !mayGo(cell, table, horizon) { writer.cell(cell) }
        }
        return .replace(writer.take())
    }

    @inline(__always)
    private static func mayGo(_ cell: Cell, _ table: Table, _ horizon: Int64) -> Bool {
        let isDead = cell.kind == CellFlags.tombstone || cell.kind == CellFlags.collection
        return isDead && cell.seconds < horizon || cell.isExpiring && cell.expiry < horizon
            || !table.droppedColumns.isEmpty && table.droppedColumns.contains(cell.column)
    }
}

extension EventTime {
    /// Whole seconds, rounded down: the resolution of TTLs.
    var seconds: Int64 { microseconds >= 0 ? microseconds / 1_000_000 : (microseconds - 999_999) / 1_000_000 }
}
