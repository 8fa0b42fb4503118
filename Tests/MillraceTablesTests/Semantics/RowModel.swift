import MillraceTables

/// One row, or a partition's static columns.
struct RowModel {
    var markers = CellHistory()
    var deletions: [Stamp] = []
    var cells: [TableSchema.ColumnID: CellHistory] = [:]
    var collections: [TableSchema.ColumnID: CollectionHistory] = [:]
    var counters: [TableSchema.ColumnID: CounterHistory] = [:]

    /// A value as read, and for a plain cell when it was written and when it ends.
    struct Reading: Equatable {
        /// CQL's serialised form, which both sides can be brought to.
        var bytes: [UInt8]?
        var timestamp: Int64?
        var expiry: Int64?
    }

    func reading(_ column: TableSchema.Column, at now: Int64, deleted: Stamp?) throws -> Reading {
        if column.type == .counter {
            guard let value = counters[column.id]?.value(deleted: deleted) else { return Reading() }
            return Reading(bytes: try ValueCodec.encode(.bigint(value), as: .counter))
        }
        if column.type.isMultiCell {
            let live = collections[column.id]?.live(at: now, deleted: deleted) ?? []
            return Reading(bytes: live.isEmpty ? nil : try RowModel.collection(live, column.type))
        }
        guard let version = cells[column.id]?.live(at: now, deleted: deleted) else { return Reading() }
        return Reading(bytes: version.bytes, timestamp: version.stamp.timestamp, expiry: version.expiry)
    }

    /// A list's elements in their order.
    static func ordered(
        _ live: [(path: ElementPath, version: Version)]
    ) -> [(path: ElementPath, version: Version)] {
        live.sorted { a, b in
            guard case .position(let g, let i) = a.path, case .position(let h, let j) = b.path else { return false }
            return (g, i) < (h, j)
        }
    }

    private static func collection(
        _ live: [(path: ElementPath, version: Version)], _ type: ColumnType
    ) throws -> [UInt8] {
        func key(_ path: ElementPath, _ type: ColumnType) throws -> Value {
            guard case .key(let bytes) = path else { preconditionFailure("not an element of a set or map") }
            return try ValueCodec.decode(bytes, as: type)
        }
        switch type {
        case .set(let element, _):
            return try ValueCodec.encode(.set(try live.map { try key($0.path, element) }), as: type)
        case .map(let keyType, let valueType, _):
            let entries = try live.map {
                Value.MapEntry(try key($0.path, keyType), try ValueCodec.decode($0.version.bytes ?? [], as: valueType))
            }
            return try ValueCodec.encode(.map(entries), as: type)
        case .list(let element, _):
            let values = try ordered(live).map { try ValueCodec.decode($0.version.bytes ?? [], as: element) }
            return try ValueCodec.encode(.list(values), as: type)
        case .user(let user, _):
            let fields = try user.fields.enumerated().map { i, field -> Value? in
                let version = live.first { $0.path == .field(i) }?.version
                return try version.map { try ValueCodec.decode($0.bytes ?? [], as: field.type) }
            }
            return try ValueCodec.encode(.tuple(fields), as: type)
        default: preconditionFailure("not a collection")
        }
    }

    /// Something in the row is live: its marker, or a cell of any column.
    func exists(_ columns: some Collection<TableSchema.Column>, at now: Int64, deleted: Stamp?) throws -> Bool {
        if markers.live(at: now, deleted: deleted) != nil { return true }
        return try columns.contains { try reading($0, at: now, deleted: deleted).bytes != nil }
    }
}
