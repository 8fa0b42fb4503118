import MillraceCore

/// Turns a stored row into values, at one moment.
struct RowDecoder {
    let table: StoredTable
    let projection: Projection
    /// Seconds.
    let now: Int64
    let wantsOrigins: Bool
    /// Dead cells, rows and ranges met.
    var tombstones = 0

    /// Fills the values of the projected columns of a row that is alive.
    ///
    /// - Parameter outer: the deletion over the whole row from elsewhere.
    mutating func decode(
        _ bytes: UnsafeRawBufferPointer, outer: Deletion, into row: inout Row
    ) throws(Failure) {
        do throws(RowFault) {
            try decodeCells(bytes, outer, &row)
        } catch {
            throw RowView.damage(table)
        }
    }

    private mutating func decodeCells(
        _ bytes: UnsafeRawBufferPointer, _ outer: Deletion, _ row: inout Row
    ) throws(RowFault) {
        let (head, start) = try RowHead.read(bytes)
        var cursor = start
        let deletion = Deletion.later(head.deletion, outer)
        var elements = Elements()
        while let cell = try cursor.cell(base: head.base) {
            guard let slot = projection.slot(cell.column), cell.isLive(at: now), !deletion.covers(cell.timestamp)
            else { continue }
            if wantsOrigins { note(cell, slot, &row) }
            do throws(ByteFault) {
                if cell.path.isEmpty {
                    row.values[slot] = try ValueCodec.decode(cell.value, as: projection.columns[slot].type)
                } else {
                    try elements.add(cell, slot, projection.columns[slot].type, &row)
                }
            } catch {
                throw RowFault()
            }
        }
        elements.finish(&row)
    }

    private func note(_ cell: Cell, _ slot: Int, _ row: inout Row) {
        let origin = CellOrigin(timestamp: cell.timestamp, expiry: cell.isExpiring ? cell.expiry : nil, readAt: now)
        if let known = row.origins[slot], known.timestamp > origin.timestamp { return }
        row.origins[slot] = origin
    }
}

/// Gathers a collection's cells, which stand next to each other, into one value.
private struct Elements {
    private var slot = -1
    private var type = ColumnType.int
    private var values: [Value] = []
    private var entries: [Value.MapEntry] = []
    private var fields: [Value?] = []

    mutating func add(_ cell: Cell, _ slot: Int, _ type: ColumnType, _ row: inout Row) throws(ByteFault) {
        if slot != self.slot {
            finish(&row)
            (self.slot, self.type) = (slot, type)
        }
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

    mutating func finish(_ row: inout Row) {
        guard slot >= 0 else { return }
        switch type {
        case .list: row.values[slot] = .list(values)
        case .set: row.values[slot] = .set(values)
        case .map: row.values[slot] = .map(entries)
        default:
            if case .user(let user, _) = type { while fields.count < user.fields.count { fields.append(nil) } }
            row.values[slot] = .tuple(fields)
        }
        slot = -1
        (values, entries, fields) = ([], [], [])
    }
}
