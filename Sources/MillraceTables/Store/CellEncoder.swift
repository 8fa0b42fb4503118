import MillraceCore

/// Turns a statement's assignments into the cells of a row's bytes.
struct CellEncoder {
    let table: StoredTable
    let life: Life
    /// Seconds of the wall, for tombstones.
    let seconds: Int64
    /// Unique microseconds of the commit's beginning, for places in lists.
    let stamp: Int64
    /// Places handed out so far in this commit.
    var places: UInt64

    /// Appends the cells of one assignment.
    mutating func encode(_ assignment: Assignment, into row: inout RowWriter) throws(Failure) {
        let column = assignment.column
        do throws(Failure) {
            switch assignment.write {
            case .unset: break
            case .set(let value): try set(value, column, into: &row)
            case .null, .deleted:
                // Cassandra's rule: overwriting a collection, even with null, deletes what is older than the statement.
                let isOverwrite = if case .null = assignment.write { column.type.isMultiCell } else { false }
                row.dead(
                    column.id, column.type.isMultiCell ? CellFlags.collection : CellFlags.tombstone, seconds: seconds,
                    before: isOverwrite ? 1 : 0)
            default: try change(assignment.write, column, into: &row)
            }
        } catch {
            throw table.schema.at(column, error)
        }
    }

    /// Appends the cells of a value that replaces what the column held.
    mutating func encode(_ value: Value, _ column: TableSchema.Column, into row: inout RowWriter) throws(Failure) {
        do throws(Failure) { try set(value, column, into: &row) } catch { throw table.schema.at(column, error) }
    }

    @inline(__always)
    private mutating func set(
        _ value: Value, _ column: TableSchema.Column, into row: inout RowWriter
    ) throws(Failure) {
        if table.isCounter { throw Failure(.wrongType, "a counter can only be added to") }
        if column.type.isMultiCell {
            row.dead(column.id, CellFlags.collection, seconds: seconds, before: 1)
            return try elements(of: value, column, into: &row)
        }
        let type = column.type
        try row.live(column.id, life) { (writer) throws(Failure) in
            try ValueCodec.encode(value, as: type, into: &writer)
        }
    }

    private mutating func change(
        _ write: CellWrite, _ column: TableSchema.Column, into row: inout RowWriter
    ) throws(Failure) {
        if case .increment(let amount) = write {
            guard column.type == .counter else { throw Failure(.wrongType, "only a counter can be added to") }

            return row.counter(UInt32(column.id), amount, timestamp: row.currentBase, reset: false)
        }
        guard column.type.isMultiCell else {
            throw Failure(.wrongType, "\(column.type) can only be set as a whole", advice: "Use set, or null.")
        }
        switch (write, column.type) {
        case (.append(let values), .list): try elements(of: .list(values), column, into: &row)
        case (.prepend(let values), .list(let type, _)):
            let paths = values.indices.map { _ in place(before: true) }
            for (path, value) in zip(paths.reversed(), values) {
                try element(column, path, value, as: type, into: &row)
            }
        case (.element(let place, let value), .list(let type, _)):
            if let value {
                try element(column, place.path, value, as: type, into: &row)
            } else {
                row.dead(column.id, CellFlags.tombstone, seconds: seconds, path: place.path)
            }
        case (.add(let value), .set), (.add(let value), .map): try elements(of: value, column, into: &row)
        case (.remove(let keys), .set(let type, _)), (.remove(let keys), .map(let type, _, _)):
            for path in try paths(keys, type) {
                row.dead(column.id, CellFlags.tombstone, seconds: seconds, path: path)
            }
        case (.field(let name, let value), .user(let type, _)):
            guard let index = type.fields.firstIndex(where: { $0.name == name }) else {
                throw Failure(.notFound, "type \(type.name) has no field \(name)")
            }
            let path = Layout.bigEndian(UInt16(index))
            if let value {
                try element(column, path, value, as: type.fields[index].type, into: &row)
            } else {
                row.dead(column.id, CellFlags.tombstone, seconds: seconds, path: path)
            }
        default: throw Failure(.wrongType, "this change is not one that \(column.type) allows")
        }
    }

    /// A collection's elements as cells, in the order of their paths.
    private mutating func elements(
        of value: Value, _ column: TableSchema.Column, into row: inout RowWriter
    ) throws(Failure) {
        switch (column.type, value) {
        case (.list(let type, _), .list(let values)):
            for value in values { try element(column, place(before: false), value, as: type, into: &row) }
        case (.set(let type, _), .set(let values)):
            for path in try paths(values, type) { try row.live(column.id, life, path: path) { (_) throws(Failure) in } }
        case (.map(let keyType, let type, _), .map(let entries)):
            var cells: [(path: [UInt8], value: Value)] = []
            for entry in entries { cells.append((try path(entry.key, keyType), entry.value)) }
            // Stable, so that of repeated keys the last counts.
            let order = cells.indices.sorted {
                cells[$0].path == cells[$1].path ? $0 < $1 : cells[$0].path.lexicographicallyPrecedes(cells[$1].path)
            }
            for (i, at) in order.enumerated() {
                if i + 1 < order.count, cells[order[i + 1]].path == cells[at].path { continue }
                try element(column, cells[at].path, cells[at].value, as: type, into: &row)
            }
        case (.user(let type, _), .tuple(let fields)):
            guard fields.count <= type.fields.count else {
                throw Failure(.wrongType, "a tuple of \(fields.count) fields does not fit \(type.name)")
            }
            for (i, value) in fields.enumerated() {
                guard let value else { continue }
                try element(column, Layout.bigEndian(UInt16(i)), value, as: type.fields[i].type, into: &row)
            }
        default: throw Failure(.wrongType, "a value of another kind cannot be stored as \(column.type)")
        }
    }

    private func element(
        _ column: TableSchema.Column, _ path: [UInt8], _ value: Value, as type: ColumnType, into row: inout RowWriter
    ) throws(Failure) {
        try row.live(column.id, life, path: path) { (writer) throws(Failure) in
            try ValueCodec.encode(value, as: type, into: &writer)
        }
    }

    private func path(_ key: Value, _ type: ColumnType) throws(Failure) -> [UInt8] {
        var writer = ByteWriter(capacity: 16)
        try KeyEncoder.encode(key, as: type, into: &writer)
        return writer.bytes
    }

    /// Paths of a set's elements or a map's keys, in order, each once.
    private func paths(_ keys: [Value], _ type: ColumnType) throws(Failure) -> [[UInt8]] {
        var paths: [[UInt8]] = []
        for key in keys { paths.append(try path(key, type)) }
        paths.sort { $0.lexicographicallyPrecedes($1) }
        var unique: [[UInt8]] = []
        for path in paths where unique.last != path { unique.append(path) }
        return unique
    }

    /// A new place in a list: behind everything so far, or before it.
    private mutating func place(before: Bool) -> [UInt8] {
        defer { places += 1 }
        return before
            ? Layout.bigEndian((0 &- stamp) ^ .min) + Layout.bigEndian(UInt64.max - places)
            : Layout.bigEndian(stamp ^ .min) + Layout.bigEndian(places)
    }
}
