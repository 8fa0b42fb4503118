import MillraceTables

/// A table as Cassandra's documentation describes it: what a read at any later time has to give. A value, so a copy is
/// a snapshot.
struct TableModel {
    struct PartitionModel {
        var deletions: [Stamp] = []
        var ranges: [(range: ModelRange, stamp: Stamp)] = []
        var fixed = RowModel()
        var rows: [[Value]: RowModel] = [:]
    }

    var schema: TableSchema
    var partitions: [[Value]: PartitionModel] = [:]

    /// - Parameters:
    ///   - order: the statement's place in its commit when that counts, else 0.
    ///   - serial: grows with every statement.
    ///   - now: seconds since 1970 when the commit was begun.
    mutating func apply(
        _ statement: ModelStatement, timestamp: Int64, ttl: Int32?, order: Int, serial: Int, now: Int64
    ) throws {
        let stamp = Stamp(timestamp: timestamp, order: order)
        let seconds = Int64(ttl ?? schema.defaultTTL)
        let expiry = seconds > 0 ? now + seconds : nil
        let keys = schema.partitionKey.count
        switch statement {
        case .insert(let key, let cells):
            try change(key) { row in
                row.markers.versions.append(Version(stamp: stamp, bytes: [], expiry: expiry))
                try row.assign(cells, stamp, expiry, serial)
            }
        case .update(let key, let cells): try change(key) { try $0.assign(cells, stamp, expiry, serial) }
        case .updateStatic(let key, let cells):
            try partitions[key, default: PartitionModel()].fixed.assign(cells, stamp, expiry, serial)
        case .deleteRow(let key): change(key) { $0.deletions.append(stamp) }
        case .deleteCells(let key, let columns):
            change(key) { row in
                for column in columns { row.delete(column, stamp) }
            }
        case .deleteRange(let key, let range):
            partitions[key, default: PartitionModel()].ranges.append((range, stamp))
        case .deletePartition(let key):
            precondition(key.count == keys)
            partitions[key, default: PartitionModel()].deletions.append(stamp)
        }
    }

    private mutating func change(_ key: [Value], _ body: (inout RowModel) throws -> Void) rethrows {
        let count = schema.partitionKey.count
        try body(
            &partitions[Array(key.prefix(count)), default: PartitionModel()].rows[
                Array(key.dropFirst(count)), default: RowModel()])
    }

    struct RowReading: Equatable {
        /// Partition key and clustering; the partition key alone when only static columns are there.
        var key: [Value]
        /// One for each column outside the key, in the schema's order.
        var cells: [RowModel.Reading]
    }

    /// The rows of a partition within a range, in the stored order.
    func read(_ key: [Value], _ range: ModelRange? = nil, at now: Int64) throws -> [RowReading] {
        guard let partition = partitions[key] else { return [] }
        let gone = partition.deletions.max()
        let fixed = try schema.statics.map { try partition.fixed.reading($0, at: now, deleted: gone) }
        var rows: [RowReading] = []
        for (clustering, row) in partition.rows where range?.contains(clustering, of: schema) ?? true {
            let covering = partition.ranges.filter { $0.range.contains(clustering, of: schema) }.map(\.stamp)
            let deleted = (covering + row.deletions + partition.deletions).max()
            guard try row.exists(schema.regulars, at: now, deleted: deleted) else { continue }
            let cells = try schema.regulars.map { try row.reading($0, at: now, deleted: deleted) }
            rows.append(RowReading(key: key + clustering, cells: fixed + cells))
        }
        let count = key.count
        rows.sort { ModelRange.order(Array($0.key.dropFirst(count)), Array($1.key.dropFirst(count)), of: schema) < 0 }
        // CQL shows a partition that has nothing but static columns as one row, unless the query bounds the rows.
        if rows.isEmpty, range == nil, fixed.contains(where: { $0.bytes != nil }) {
            rows = [RowReading(key: key, cells: fixed + schema.regulars.map { _ in RowModel.Reading() })]
        }
        return rows
    }
}

extension TableModel {
    /// Paths of a list's live elements in their order.
    func elements(of column: TableSchema.Column, at key: [Value], _ now: Int64) -> [ElementPath] {
        let count = schema.partitionKey.count
        let clustering = Array(key.dropFirst(count))
        guard let partition = partitions[Array(key.prefix(count))], let row = partition.rows[clustering] else {
            return []
        }
        let covering = partition.ranges.filter { $0.range.contains(clustering, of: schema) }.map(\.stamp)
        let deleted = (covering + row.deletions + partition.deletions).max()
        return RowModel.ordered(row.collections[column.id]?.live(at: now, deleted: deleted) ?? []).map(\.path)
    }
}

extension RowModel {
    mutating func assign(_ cells: [ModelAssignment], _ stamp: Stamp, _ expiry: Int64?, _ serial: Int) throws {
        for cell in cells { try assign(cell, stamp, expiry, serial) }
    }

    /// DELETE of one column.
    mutating func delete(_ column: TableSchema.Column, _ stamp: Stamp) {
        if column.type == .counter {
            counters[column.id, default: CounterHistory()].deletions.append(stamp)
        } else if column.type.isMultiCell {
            collections[column.id, default: CollectionHistory()].deletions.append(stamp)
        } else {
            cells[column.id, default: CellHistory()].versions.append(Version(stamp: stamp, bytes: nil))
        }
    }

    private mutating func assign(
        _ cell: ModelAssignment, _ stamp: Stamp, _ expiry: Int64?, _ serial: Int
    ) throws {
        let column = cell.column
        let type = column.type
        /// Overwriting a collection deletes what is older than the statement, not what happens at its time.
        func overwrite(_ collection: inout CollectionHistory) {
            let before =
                stamp.order > 0
                ? Stamp(timestamp: stamp.timestamp, order: stamp.order - 1)
                : Stamp(timestamp: stamp.timestamp - 1, order: .max)
            collection.deletions.append(before)
        }
        func add(_ value: Value, to collection: inout CollectionHistory) throws {
            switch (type, value) {
            case (.set(let element, _), .set(let values)):
                for value in values {
                    let path = ElementPath.key(try ValueCodec.encode(value, as: element))
                    collection.elements[path, default: CellHistory()].versions.append(
                        Version(stamp: stamp, bytes: [], expiry: expiry))
                }
            case (.map(let key, let type, _), .map(let entries)):
                for entry in entries {
                    let path = ElementPath.key(try ValueCodec.encode(entry.key, as: key))
                    let bytes = try ValueCodec.encode(entry.value, as: type)
                    collection.elements[path, default: CellHistory()].versions.append(
                        Version(stamp: stamp, bytes: bytes, expiry: expiry))
                }
            case (.list(let element, _), .list(let values)):
                for (i, value) in values.enumerated() {
                    collection.elements[.position(group: serial, index: i)] = CellHistory(
                        versions: [
                            Version(stamp: stamp, bytes: try ValueCodec.encode(value, as: element), expiry: expiry)
                        ])
                }
            case (.user(let user, _), .tuple(let fields)):
                for (i, field) in fields.enumerated() {
                    guard let field else { continue }
                    let bytes = try ValueCodec.encode(field, as: user.fields[i].type)
                    collection.elements[.field(i), default: CellHistory()].versions.append(
                        Version(stamp: stamp, bytes: bytes, expiry: expiry))
                }
            default: preconditionFailure("the workload gave \(value) to a \(type)")
            }
        }
        switch cell.action {
        case .unset: return
        case .increment(let amount):
            counters[column.id, default: CounterHistory()].deltas.append((stamp, amount))
        case .null where !type.isMultiCell:
            cells[column.id, default: CellHistory()].versions.append(Version(stamp: stamp, bytes: nil))
        case .set(let value) where !type.isMultiCell:
            cells[column.id, default: CellHistory()].versions.append(
                Version(stamp: stamp, bytes: try ValueCodec.encode(value, as: type), expiry: expiry))
        default:
            var collection = collections[column.id, default: CollectionHistory()]
            defer { collections[column.id] = collection }
            switch cell.action {
            case .null: overwrite(&collection)
            case .set(let value):
                overwrite(&collection)
                try add(value, to: &collection)
            case .append(let values): try add(.list(values), to: &collection)
            case .prepend(let values):
                guard case .list(let element, _) = type else { preconditionFailure("prepend to a \(type)") }
                for (i, value) in values.enumerated() {
                    let bytes = try ValueCodec.encode(value, as: element)
                    collection.elements[.position(group: -serial, index: i)] = CellHistory(
                        versions: [Version(stamp: stamp, bytes: bytes, expiry: expiry)])
                }
            case .add(let value): try add(value, to: &collection)
            case .remove(let keys):
                for key in keys {
                    let path = ElementPath.key(try ValueCodec.encode(key, as: type.parts[0]))
                    collection.elements[path, default: CellHistory()].versions.append(Version(stamp: stamp, bytes: nil))
                }
            case .field(let i, let value):
                let bytes = try value.map { try ValueCodec.encode($0, as: type.parts[i]) }
                collection.elements[.field(i), default: CellHistory()].versions.append(
                    Version(stamp: stamp, bytes: bytes, expiry: bytes == nil ? nil : expiry))
            case .element(let path, _, let value):
                let bytes = try value.map { try ValueCodec.encode($0, as: type.parts[0]) }
                collection.elements[path, default: CellHistory()].versions.append(
                    Version(stamp: stamp, bytes: bytes, expiry: bytes == nil ? nil : expiry))
            case .unset, .increment: preconditionFailure("handled above")
            }
        }
    }
}
