import MillraceCore

/// What all rows of a read have in common, and how it makes values of stored rows.
struct ReadContext: Sendable {
    let table: StoredTable
    let projection: Projection
    /// Seconds.
    let now: Int64
    let wantsOrigins: Bool

    /// Visits the live cells of the projected columns of a stored row.
    ///
    /// - Parameter outer: the deletion over the whole row from elsewhere.
    @inline(__always)
    private func visit(
        _ stored: UnsafeRawBufferPointer, _ outer: Deletion, _ body: (Cell, _ slot: Int) throws(RowFault) -> Void
    ) throws(RowFault) {
        let (head, start) = try RowHead.read(stored)
        var cursor = start
        let deletion = Deletion.later(head.deletion, outer)
        while let cell = try cursor.cell(base: head.base) {
            guard let slot = projection.slot(cell.column), cell.isLive(at: now), !deletion.covers(cell.timestamp)
            else { continue }
            try body(cell, slot)
        }
    }

    /// Refuses what `decode` and `value` could not read. Values that are any bytes cost nothing here.
    @inline(__always)
    func check(_ stored: UnsafeRawBufferPointer, _ outer: Deletion) throws(Failure) {
        do throws(RowFault) {
            try visit(stored, outer) { (cell, slot) throws(RowFault) in
                switch projection.shapes[slot] {
                case .any where cell.path.isEmpty: break
                case .sized(let size) where cell.path.isEmpty && cell.value.count == size: break
                default: try check(cell, projection.columns[slot].type)
                }
            }
        } catch {
            throw RowView.damage(table)
        }
    }

    /// Refuses a clustering key that could not be read.
    @inline(__always)
    func check(clustering bytes: UnsafeRawBufferPointer) throws(Failure) {
        if bytes.count == table.plainClustering { return }
        do throws(ByteFault) { try table.schema.check(clustering: bytes) } catch { throw RowView.damage(table) }
    }

    private func check(_ cell: Cell, _ type: ColumnType) throws(RowFault) {
        do throws(ByteFault) {
            if cell.path.isEmpty {
                try ValueCodec.check(cell.value, as: type)
            } else {
                var elements = Elements(type)
                try elements.add(cell)
            }
        } catch {
            throw RowFault()
        }
    }

    /// Fills the values of the projected columns.
    func decode(
        _ stored: UnsafeRawBufferPointer, _ outer: Deletion, into values: inout [Value?]
    ) throws(RowFault) {
        var elements: Elements?
        var gathered = -1
        try visit(stored, outer) { (cell, slot) throws(RowFault) in
            do throws(ByteFault) {
                if cell.path.isEmpty {
                    values[slot] = try ValueCodec.decode(cell.value, as: projection.columns[slot].type)
                } else {
                    // The elements of a collection stand next to each other.
                    if slot != gathered {
                        if let elements { values[gathered] = elements.value }
                        (elements, gathered) = (Elements(projection.columns[slot].type), slot)
                    }
                    try elements?.add(cell)
                }
            } catch {
                throw RowFault()
            }
        }
        if let elements { values[gathered] = elements.value }
    }

    /// The value of one column; nil is null.
    func value(
        of column: TableSchema.Column, in stored: UnsafeRawBufferPointer, _ outer: Deletion
    ) throws(RowFault) -> Value? {
        let (head, start) = try RowHead.read(stored)
        var cursor = start
        let deletion = Deletion.later(head.deletion, outer)
        var elements: Elements?
        while let cell = try cursor.cell(base: head.base), cell.column <= UInt32(column.id) {
            guard cell.column == UInt32(column.id), cell.isLive(at: now), !deletion.covers(cell.timestamp) else {
                continue
            }
            do throws(ByteFault) {
                if cell.path.isEmpty { return try ValueCodec.decode(cell.value, as: column.type) }
                if elements == nil { elements = Elements(column.type) }
                try elements?.add(cell)
            } catch {
                throw RowFault()
            }
        }
        return elements?.value
    }

    /// Fills the origins of the projected columns; of a collection its latest element's.
    func note(
        _ stored: UnsafeRawBufferPointer, _ outer: Deletion, into origins: inout [CellOrigin?]
    ) throws(RowFault) {
        try visit(stored, outer) { (cell, slot) throws(RowFault) in
            if let known = origins[slot], known.timestamp > cell.timestamp { return }
            origins[slot] = CellOrigin(
                timestamp: cell.timestamp, expiry: cell.isExpiring ? cell.expiry : nil, readAt: now)
        }
    }
}

/// Gathers a collection's cells into one value.
private struct Elements {
    private let type: ColumnType
    private var values: [Value] = []
    private var entries: [Value.MapEntry] = []
    private var fields: [Value?] = []

    init(_ type: ColumnType) { self.type = type }

    mutating func add(_ cell: Cell) throws(ByteFault) {
        switch type {
        case .list(let element, _): values.append(try ValueCodec.decode(cell.value, as: element))
        case .set(let element, _): values.append(try key(cell, element))
        case .map(let key, let value, _):
            entries.append(.init(try self.key(cell, key), try ValueCodec.decode(cell.value, as: value)))
        case .user(let user, _):
            guard cell.path.count == 2 else { throw ByteFault(.unknownValue, at: 0) }
            let index = Int(UInt16(bigEndian: cell.path.loadUnaligned(as: UInt16.self)))
            guard index < user.fields.count else { throw ByteFault(.unknownValue, at: 0) }
            while fields.count < index { fields.append(nil) }
            fields.append(try ValueCodec.decode(cell.value, as: user.fields[index].type))
        default: throw ByteFault(.unknownValue, at: 0)
        }
    }

    private func key(_ cell: Cell, _ type: ColumnType) throws(ByteFault) -> Value {
        var decoder = KeyDecoder(cell.path)
        return try decoder.value(as: type)
    }

    var value: Value {
        switch type {
        case .list: return .list(values)
        case .set: return .set(values)
        case .map: return .map(entries)
        default:
            let missing = if case .user(let user, _) = type { max(0, user.fields.count - fields.count) } else { 0 }
            return .tuple(fields + [Value?](repeating: nil, count: missing))
        }
    }
}
