public import MillraceCore

/// A live row, lent by a cursor or a point read: its bytes where RocksDB holds them. Valid only inside the closure, or
/// until the cursor moves. Reading a value costs no copy and no allocation.
public struct RowView {
    public let table: StoredTable
    /// The stored key, and where in it the kind and the clustering key begin.
    let key: UnsafeRawBufferPointer
    let split: Int
    let stored: UnsafeRawBufferPointer
    /// Over the whole row, from elsewhere.
    let outer: Deletion
    /// Seconds.
    let now: Int64

    /// The stored form of the clustering key: its unsigned order is the order of the rows.
    public var clusteringBytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: key[(split + 1)...])
    }

    /// The value's bytes in CQL's encoding, or nil for null. For columns that are one cell: no collection unless it is
    /// frozen.
    public func bytes(_ column: TableSchema.Column) throws(Failure) -> UnsafeRawBufferPointer? {
        try cell(column)?.value
    }
    /// Microseconds.
    public func writeTime(_ column: TableSchema.Column) throws(Failure) -> Int64? { try cell(column)?.timestamp }

    /// The 8 bytes of a bigint, timestamp, time or counter as a number.
    public func integer(_ column: TableSchema.Column) throws(Failure) -> Int64? {
        guard let bytes = try bytes(column), bytes.count == 8 else { return nil }
        return Int64(bigEndian: bytes.loadUnaligned(as: Int64.self))
    }

    @inline(__always)
    private func cell(_ column: TableSchema.Column) throws(Failure) -> Cell? {
        let id = UInt32(column.id)
        do throws(RowFault) {
            let (head, start) = try RowHead.read(stored)
            var cursor = start
            while let cell = try cursor.cell(base: head.base) {
                if cell.column < id { continue }
                guard cell.column == id, cell.isLive(at: now) else { return nil }
                let isGone = head.deletion.covers(cell.timestamp) || outer.covers(cell.timestamp)
                return isGone ? nil : cell
            }
            return nil
        } catch {
            throw RowView.damage(table)
        }
    }

    static func damage(_ table: StoredTable) -> Failure {
        Failure(
            .corrupt, "a stored row cannot be read", advice: "Run verify, and restore the newest snapshot",
            place: table.name, isFatal: true)
    }

    /// Whether a stored row is there at all: its marker lives, or a cell of a column the table has.
    ///
    /// - Parameter tombstones: counts what is dead.
    static func isAlive(
        _ stored: UnsafeRawBufferPointer, outer: Deletion, now: Int64, _ table: StoredTable, _ tombstones: inout Int
    ) throws(Failure) -> Bool {
        do throws(RowFault) {
            let (head, start) = try RowHead.read(stored)
            if !head.isMortal, outer.isNone, head.marker != nil { return true }
            var cursor = start
            let deletion = Deletion.later(head.deletion, outer)
            var isAlive = false
            if !head.deletion.isNone { tombstones += 1 }
            if let marker = head.marker {
                if marker.isLive(at: now), !deletion.covers(marker.timestamp) {
                    isAlive = true
                } else {
                    tombstones += 1
                }
            }
            while let cell = try cursor.cell(base: head.base) {
                if cell.isLive(at: now), !deletion.covers(cell.timestamp) {
                    if table.everything.isKnown(cell.column) { isAlive = true }
                } else {
                    tombstones += 1
                }
            }
            return isAlive
        } catch {
            throw damage(table)
        }
    }
}
