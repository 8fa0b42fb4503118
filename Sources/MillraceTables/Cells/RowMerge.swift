import MillraceCore

/// What becomes of two versions of a row. Cassandra's rules, cell by cell; the order of arrival matters to counters
/// alone.
///
/// Associative, so RocksDB may merge any neighbours first, and it never forgets a deletion: what it drops is only what
/// a deletion it keeps has covered.
enum RowMerge {
    /// - Parameters:
    ///   - older, newer: rows in the order they were committed.
    static func merge(
        _ older: UnsafeRawBufferPointer, _ newer: UnsafeRawBufferPointer, into writer: inout RowWriter
    ) throws(RowFault) {
        let (a, firstA) = try RowHead.read(older)
        let (b, firstB) = try RowHead.read(newer)
        var (cursorA, cursorB) = (firstA, firstB)
        let deletion = Deletion.later(a.deletion, b.deletion)
        var marker: Marker?
        switch (a.marker, b.marker) {
        case (let x?, let y?): marker = Marker.winner(x, y)
        case (let x, let y): marker = x ?? y
        }
        if let found = marker, deletion.covers(found.timestamp) { marker = nil }
        writer.begin(base: b.base, deletion: deletion, marker: marker)

        var output = CellOutput(deletion)
        var x = try cursorA.cell(base: a.base)
        var y = try cursorB.cell(base: b.base)
        while x != nil || y != nil {
            let order: Int
            if let x, let y { order = isBefore(x, y) } else { order = x == nil ? 1 : -1 }
            if order < 0, let cell = x {
                output.add(cell, to: &writer)
                x = try cursorA.cell(base: a.base)
            } else if order > 0, let cell = y {
                output.add(cell, to: &writer)
                y = try cursorB.cell(base: b.base)
            } else if let older = x, let newer = y {
                if newer.kind == CellFlags.counter || older.kind == CellFlags.counter {
                    output.add(counters: older, newer, to: &writer)
                } else {
                    output.add(winner(older, newer), to: &writer)
                }
                x = try cursorA.cell(base: a.base)
                y = try cursorB.cell(base: b.base)
            }
        }
    }

    /// A row without what a deletion covers: nil when that is nothing, a bare row when it is everything.
    static func trim(_ row: UnsafeRawBufferPointer, by deletion: Deletion) throws(RowFault) -> RowWriter? {
        let (head, start) = try RowHead.read(row)
        var cursor = start
        var trimmed = false
        var marker = head.marker
        if let found = marker, deletion.covers(found.timestamp) { (marker, trimmed) = (nil, true) }
        var writer = RowWriter()
        writer.begin(base: head.base, deletion: head.deletion, marker: marker)
        while let cell = try cursor.cell(base: head.base) {
            if deletion.covers(cell.timestamp) { trimmed = true } else { writer.cell(cell) }
        }
        return trimmed ? writer : nil
    }

    /// Later timestamp; then what can die over what cannot, a tombstone over what expires, the later end, and last the
    /// larger value.
    static func winner(_ a: Cell, _ b: Cell) -> Cell {
        if a.timestamp != b.timestamp { return a.timestamp > b.timestamp ? a : b }
        let deadA = a.kind != CellFlags.live, deadB = b.kind != CellFlags.live
        let mortalA = deadA || a.isExpiring, mortalB = deadB || b.isExpiring
        if mortalA != mortalB { return mortalA ? a : b }
        if deadA != deadB { return deadA ? a : b }
        if deadA { return a.seconds >= b.seconds ? a : b }
        if mortalA, a.expiry != b.expiry { return a.expiry > b.expiry ? a : b }
        return a.value.order(b.value) >= 0 ? a : b
    }
}

/// Writes cells that survive the row's deletion and their collection's.
private struct CellOutput {
    private let deletion: Deletion
    private var collection: UInt32 = .max
    private var collectionDeletion = Int64.min

    init(_ deletion: Deletion) { self.deletion = deletion }

    @inline(__always)
    mutating func add(_ cell: Cell, to writer: inout RowWriter) {
        if deletion.covers(cell.timestamp) { return }
        if cell.kind == CellFlags.collection {
            (collection, collectionDeletion) = (cell.column, cell.timestamp)
        } else if cell.column == collection, cell.timestamp <= collectionDeletion {
            return
        }
        writer.cell(cell)
    }

    mutating func add(counters older: Cell, _ newer: Cell, to writer: inout RowWriter) {
        guard newer.kind == CellFlags.counter, !deletion.covers(older.timestamp) else {
            return add(newer, to: &writer)
        }
        let sum = older.kind == CellFlags.counter ? older.counter &+ newer.counter : newer.counter
        let isReset = newer.flags & CellFlags.reset != 0
        let olderEnds = older.kind != CellFlags.counter || older.flags & CellFlags.reset != 0
        writer.counter(
            newer.column, isReset ? newer.counter : sum, timestamp: max(older.timestamp, newer.timestamp),
            reset: isReset || olderEnds)
    }
}
