/// When the parts of a stored row may leave the disk.
struct Mortality {
    /// Bytes that may leave now, keys not counted.
    var deadBytes = 0
    /// The whole row may leave.
    var isDead = false
    /// Since when something in it has been dead; of the parts that are, the first.
    var deadSince = Int64.max
    /// Seconds at which the next part may leave, and the bytes of all that will; `.max` when the rest stays.
    var next = Int64.max
    var nextBytes = 0

    /// - Parameter lag: seconds from a part's death to its leaving: the table's grace and the margin for readers.
    init(_ value: UnsafeRawBufferPointer, _ table: PurgeRules.Table, now: Int64, lag: Int64) throws(RowFault) {
        var (head, cursor) = try RowHead.read(value)
        guard head.isMortal || !table.droppedColumns.isEmpty else {
            isDead = head.marker == nil && head.deletion.isNone && cursor.isAtEnd
            if isDead { note(0, value.count, now, lag) }
            return
        }
        var stays = false
        if !head.deletion.isNone { note(head.deletion.seconds, 8, now, lag) }
        if let marker = head.marker {
            if marker.isExpiring { note(marker.expiry, 8, now, lag) } else { stays = true }
        }
        var position = cursor.position
        while let cell = try cursor.cell(base: head.base) {
            let bytes = cursor.position - position
            position = cursor.position
            if table.droppedColumns.contains(cell.column) {
                note(0, bytes, now, lag)
            } else if cell.kind == CellFlags.tombstone || cell.kind == CellFlags.collection {
                note(cell.seconds, bytes, now, lag)
            } else if cell.isExpiring {
                note(cell.expiry, bytes, now, lag)
            } else {
                stays = true
            }
        }
        if stays { return }
        isDead = next == .max
        if isDead { deadBytes = value.count } else { nextBytes = value.count - deadBytes }
    }

    private mutating func note(_ death: Int64, _ bytes: Int, _ now: Int64, _ lag: Int64) {
        let leaves = death.addingReportingOverflow(lag + 1)
        if leaves.overflow { return }
        if leaves.partialValue <= now {
            deadBytes += bytes
            deadSince = min(deadSince, leaves.partialValue)
        } else {
            next = min(next, leaves.partialValue)
            nextBytes += bytes
        }
    }
}
