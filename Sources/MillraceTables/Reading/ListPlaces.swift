public import MillraceCore

/// Where an element of a list stands, for setting or deleting it by its index: CQL's `list[2] = x`.
///
/// As in Cassandra the list is read first and the element written then. It is the same element whatever is added or
/// taken away before it meanwhile; who needs the list unchanged adds a condition.
public struct ListPlace: Hashable, Sendable {
    let path: [UInt8]
}

extension TableSnapshot {
    /// The places of a list's elements in their order; empty when the row is not there.
    ///
    /// - Parameter key: of the row; of the partition when the column is static.
    public func places(
        of column: TableSchema.Column, in table: StoredTable, key: [Value]
    ) throws(Failure) -> [ListPlace] {
        guard case .list = column.type, column.type.isMultiCell else {
            throw Failure(
                .wrongType, "\(Names.cql(column.name)) is a \(column.type), not a list whose elements can be set",
                place: table.name)
        }
        let isStatic = column.kind == .static
        guard key.count == (isStatic ? table.partitionColumns : table.keyColumns) else {
            throw RowKey.wrongCount(table, key.count)
        }
        let context = ReadContext(table: table, projection: table.everything, now: seconds, wantsOrigins: false)
        var tombstones = 0
        var (prefix, full) = (ByteWriter(capacity: 64), ByteWriter(capacity: 64))
        try RowKey.partition(table, key[..<table.partitionColumns], into: &prefix)
        if isStatic { try RowKey.fixed(table, key, into: &full) } else { try RowKey.row(table, key, into: &full) }
        var facts = PartitionFacts(prefix: prefix.bytes)
        try facts.load(database, snapshot, context, &tombstones)
        return try full.bytes.lending { (bytes) throws(Failure) in
            let suffix = UnsafeRawBufferPointer(rebasing: bytes[prefix.count...])
            let outer = RangeDeletions.deletion(of: suffix, in: facts.ranges)
            return try database.get(bytes, snapshot) { (stored) throws(Failure) in
                guard let stored else { return [] }
                do throws(RowFault) {
                    return try ListPlace.live(stored, UInt32(column.id), outer, seconds)
                } catch {
                    throw RowView.damage(table)
                }
            }
        }
    }
}

extension TableStore {
    /// As of now; see `TableSnapshot.places`.
    public func places(
        of column: TableSchema.Column, in table: StoredTable, key: [Value]
    ) throws(Failure) -> [ListPlace] {
        try snapshot().places(of: column, in: table, key: key)
    }
}

extension ListPlace {
    fileprivate static func live(
        _ stored: UnsafeRawBufferPointer, _ column: UInt32, _ outer: Deletion, _ now: Int64
    ) throws(RowFault) -> [ListPlace] {
        let (head, start) = try RowHead.read(stored)
        var cursor = start
        let deletion = Deletion.later(head.deletion, outer)
        var places: [ListPlace] = []
        while let cell = try cursor.cell(base: head.base) {
            guard cell.column == column, !cell.path.isEmpty, cell.isLive(at: now), !deletion.covers(cell.timestamp)
            else { continue }
            places.append(ListPlace(path: Array(cell.path)))
        }
        return places
    }
}
