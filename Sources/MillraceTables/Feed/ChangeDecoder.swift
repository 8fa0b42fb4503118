import MillraceCore

/// Picks the changes of one table and key range out of a written batch.
struct ChangeDecoder: Sendable {
    let table: StoredTable
    let range: KeyRange

    func decode(_ bytes: [UInt8], _ member: ChangeFeed.Entry.Member, into changes: inout [RowChange]) throws(Failure) {
        do throws(ByteFault) {
            try bytes.lending { (raw) throws(ByteFault) in
                var reader = ByteReader(UnsafeRawBufferPointer(rebasing: raw[member.range]))
                while !reader.isAtEnd {
                    let tag = try reader.byte()
                    let key = try slice(&reader)
                    let value = tag == RawBatch.Tag.delete ? nil : try slice(&reader)
                    if let change = try change(tag, key, value, member.id) { changes.append(change) }
                }
            }
        } catch {
            throw Failure(.corrupt, "a commit in the change feed cannot be read: \(error)", place: table.name)
        }
    }

    private func slice(_ reader: inout ByteReader) throws(ByteFault) -> UnsafeRawBufferPointer {
        let length = try reader.unsignedVarint()
        return try reader.take(reader.checked(count: length, minimumElementBytes: 1, limit: Limits.commitBytes))
    }

    private func change(
        _ tag: UInt8, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?, _ id: Int64
    ) throws(ByteFault) -> RowChange? {
        guard key.starts(with: table.prefix), let value else { return nil }
        if tag == RawBatch.Tag.deleteRange {
            let isOutside =
                range.upper.withUnsafeBytes { key.order($0) >= 0 }
                || range.lower.withUnsafeBytes { value.order($0) <= 0 }
            if isOutside { return nil }
            // A table that is dropped has no partition in its bounds.
            guard key.count > table.prefix.count else { return nil }
            let (values, split) = try partition(of: key)
            let (lower, upper) = (Array(key[split...]), Array(value[split...]))
            return deleted(lower, upper, values, id)
        }
        let isOutside =
            range.lower.withUnsafeBytes { key.order($0) < 0 }
            || range.upper.withUnsafeBytes { key.order($0) >= 0 }
        let (values, split) = try partition(of: key)
        guard split < key.count else { throw ByteFault(.truncated, at: split) }
        if key[split] == RowSpace.ranges {
            do throws(RowFault) {
                guard let entry = try RangeDeletions.read(value).first else { return nil }
                let prefix = Array(key[..<split])
                guard (prefix + entry.lower).lexicographicallyPrecedes(range.upper),
                    range.lower.lexicographicallyPrecedes(prefix + entry.upper)
                else { return nil }
                return deleted(entry.lower, entry.upper, values, id)
            } catch {
                throw ByteFault(.unknownValue, at: 0)
            }
        }
        if isOutside { return nil }
        let isFixed = key[split] == RowSpace.fixed
        let clustering =
            isFixed
            ? [] : try table.schema.decodeClustering(UnsafeRawBufferPointer(rebasing: key[(split + 1)...]))
        do throws(RowFault) {
            return try row(value, values + clustering, isFixed: isFixed, id)
        } catch {
            throw ByteFault(.unknownValue, at: 0)
        }
    }

    private func deleted(_ lower: [UInt8], _ upper: [UInt8], _ key: [Value], _ id: Int64) -> RowChange {
        RowChange(
            commit: CommitID(microseconds: id), table: table,
            kind: .rangeDeleted(
                RowChange.DeletedRange(lower: lower, upper: upper, isWholePartition: lower == [RowSpace.fixed])),
            key: key, cells: [])
    }

    private func row(
        _ value: UnsafeRawBufferPointer, _ key: [Value], isFixed: Bool, _ id: Int64
    ) throws(RowFault) -> RowChange {
        let (head, start) = try RowHead.read(value)
        var cursor = start
        var cells: [RowChange.Cell] = []
        while let cell = try cursor.cell(base: head.base) {
            guard let column = table.schema.column(id: UInt16(truncatingIfNeeded: cell.column)) else { continue }
            cells.append(try change(cell, column))
        }
        let kind: RowChange.Kind =
            isFixed
            ? .fixed : head.deletion.isNone ? .row(isInsert: head.marker != nil) : .rowDeleted
        return RowChange(commit: CommitID(microseconds: id), table: table, kind: kind, key: key, cells: cells)
    }

    private func change(_ cell: Cell, _ column: TableSchema.Column) throws(RowFault) -> RowChange.Cell {
        var change = RowChange.Cell(
            column: column, isPart: !cell.path.isEmpty, element: nil, value: nil, timestamp: cell.timestamp,
            expiry: cell.isExpiring ? cell.expiry : nil)
        let isLive = cell.kind == CellFlags.live || cell.kind == CellFlags.counter
        do throws(ByteFault) {
            var type = column.type
            if !cell.path.isEmpty {
                switch column.type {
                case .list(let element, _): type = element
                case .set(let element, _):
                    var decoder = KeyDecoder(cell.path)
                    change.element = try decoder.value(as: element)
                    if isLive { change.value = change.element }
                    return change
                case .map(let key, let value, _):
                    var decoder = KeyDecoder(cell.path)
                    change.element = try decoder.value(as: key)
                    type = value
                case .user(let user, _):
                    let index =
                        cell.path.count == 2 ? Int(UInt16(bigEndian: cell.path.loadUnaligned(as: UInt16.self))) : 0
                    guard index < user.fields.count else { throw ByteFault(.unknownValue, at: 0) }
                    change.element = .text(user.fields[index].name)
                    type = user.fields[index].type
                default: throw ByteFault(.unknownValue, at: 0)
                }
            }
            if isLive { change.value = try ValueCodec.decode(cell.value, as: type) }
        } catch {
            throw RowFault()
        }
        return change
    }

    private func partition(of key: UnsafeRawBufferPointer) throws(ByteFault) -> ([Value], Int) {
        var reader = ByteReader(key)
        try reader.skip(table.prefix.count)
        let partition = try table.schema.decodePartitionKey(&reader)
        return (try table.schema.values(of: partition), reader.position)
    }
}
