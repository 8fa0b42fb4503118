import MillraceCore

@testable import MillraceTables

/// What a subscriber wants, and what statements look like to it: written from the documentation of the feed.
struct FeedScope {
    var table: Int
    var schema: TableSchema
    var partition: [Value]?
    var range: ModelRange?

    /// Clustering keys that workloads use: what a range deletion took is compared by them.
    private var domain: [[Value]] {
        schema.clustering.reduce([[]]) { keys, column in
            let values: [Value] =
                column.type == .text
                ? ["", "a", "ab", "b\u{0}"].map { .text($0) } : [-1, 0, 1].map { .int(Int32($0)) }
            return keys.flatMap { key in values.map { key + [$0] } }
        }
    }

    private func wants(_ partition: [Value]) -> Bool { self.partition.map { $0 == partition } ?? true }
    private func wants(row: [Value]) -> Bool { range.map { $0.contains(row, of: schema) } ?? true }

    // MARK: What should come

    /// The lines of one commit. Deletions of ranges come last, since its statements all happen at once.
    func lines(_ planned: [Planned], _ id: CommitID, _ now: Int64) -> [String] {
        let mine = planned.filter { $0.table == table }
        let lines = mine.map { (isRange: isRange($0.statement), line: line($0, id, now)) }
        return lines.filter { !$0.isRange }.compactMap(\.line) + lines.filter(\.isRange).compactMap(\.line)
    }

    private func isRange(_ statement: ModelStatement) -> Bool {
        switch statement {
        case .deleteRange, .deletePartition: true
        // Counters are deleted in the order of commits, as ranges of one row.
        case .deleteRow: schema.isCounterTable
        default: false
        }
    }

    private func line(_ plan: Planned, _ id: CommitID, _ now: Int64) -> String? {
        let count = schema.partitionKey.count
        let key = plan.statement.key
        let partition = Array(key.prefix(count))
        guard wants(partition) else { return nil }
        let row = Array(key.dropFirst(count))
        let time = plan.timestamp ?? id.microseconds
        let seconds = Int64(plan.ttl ?? schema.defaultTTL)
        let expiry = seconds > 0 ? now + seconds : nil
        func gone(_ rows: [[Value]], whole: Bool) -> String? {
            let rows = rows.filter { wants(row: $0) }
            if rows.isEmpty, !whole { return nil }
            return "\(id) range (\(partition.brief)) \(whole) \(rows.map(\.brief))"
        }
        switch plan.statement {
        case .deletePartition: return gone(domain, whole: true)
        case .deleteRange(_, let range): return gone(domain.filter { range.contains($0, of: schema) }, whole: false)
        case .deleteRow where schema.isCounterTable: return gone([row], whole: false)
        case .updateStatic(_, let cells):
            if range != nil { return nil }
            return "\(id) fixed (\(key.brief)) \(parts(cells, time, expiry))"
        default: break
        }
        guard wants(row: row) else { return nil }
        switch plan.statement {
        case .insert(_, let cells): return "\(id) insert (\(key.brief)) \(parts(cells, time, expiry))"
        case .update(_, let cells): return "\(id) update (\(key.brief)) \(parts(cells, time, expiry))"
        case .deleteRow: return "\(id) deleted (\(key.brief)) []"
        case .deleteCells(_, let columns):
            return "\(id) update (\(key.brief)) \(columns.map { "\($0.name) whole – @\(time)/0" })"
        default: return nil
        }
    }

    private func parts(_ cells: [ModelAssignment], _ time: Int64, _ expiry: Int64?) -> [String] {
        cells.sorted { $0.column.id < $1.column.id }.flatMap { parts($0, time, expiry) }
    }

    private func parts(_ cell: ModelAssignment, _ time: Int64, _ expiry: Int64?) -> [String] {
        let (name, type) = (cell.column.name, cell.column.type)
        let end = expiry ?? 0
        func part(_ element: Value?, _ elementType: ColumnType?, _ value: Value?, _ type: ColumnType) -> String {
            let place = element.map { "[\(Self.bytes($0, elementType ?? type))]" } ?? "[]"
            return "\(name) \(place) \(Self.text(value, type)) @\(time)/\(value == nil ? 0 : end)"
        }
        func all(_ value: Value) -> [String] {
            switch (type, value) {
            case (.list(let e, _), .list(let values)): return values.map { part(nil, nil, $0, e) }
            case (.set(let e, _), .set(let values)): return sorted(values, e).map { part($0, e, $0, e) }
            case (.map(let k, let v, _), .map(let entries)):
                let keys = sorted(entries.map(\.key), k)
                return keys.map { key in part(key, k, entries.last { $0.key == key }?.value, v) }
            case (.user(let user, _), .tuple(let fields)):
                return fields.enumerated().compactMap { i, field in
                    field.map { part(.text(user.fields[i].name), .text, $0, user.fields[i].type) }
                }
            default: preconditionFailure("\(value) for a \(type)")
            }
        }
        let emptied = "\(name) whole – @\(time - 1)/0"
        switch cell.action {
        case .unset: return []
        case .null: return type.isMultiCell ? [emptied] : ["\(name) whole – @\(time)/0"]
        case .set(let value):
            if type.isMultiCell { return [emptied] + all(value) }
            return ["\(name) whole \(Self.text(value, type)) @\(time)/\(end)"]
        case .append(let values), .prepend(let values): return all(.list(values))
        case .add(let value): return all(value)
        case .remove(let keys):
            let k = type.parts[0]
            return sorted(keys, k).map { part($0, k, nil, k) }
        case .field(let i, let value):
            guard case .user(let user, _) = type else { return [] }
            return [part(.text(user.fields[i].name), .text, value, user.fields[i].type)]
        case .increment(let amount): return ["\(name) whole \(Self.text(.bigint(amount), .counter)) @\(time)/0"]
        case .element(_, _, let value): return [part(nil, nil, value, type.parts[0])]
        }
    }

    private func sorted(_ values: [Value], _ type: ColumnType) -> [Value] {
        var unique: [Value] = []
        for value in values where !unique.contains(value) { unique.append(value) }
        return unique.sorted { a, b in
            CassandraOrder.compare(Self.bytes(a, type)[...], Self.bytes(b, type)[...], type) < 0
        }
    }

    private static func bytes(_ value: Value, _ type: ColumnType) -> [UInt8] {
        guard let bytes = try? ValueCodec.encode(value, as: type) else {
            preconditionFailure("\(value) is no \(type)")
        }
        return bytes
    }
    private static func text(_ value: Value?, _ type: ColumnType) -> String {
        value.map { "\(bytes($0, type))" } ?? "–"
    }

    // MARK: What came

    /// A change as a line; nil for a deletion that took no row the workload could have.
    func line(_ change: RowChange) throws -> String? {
        let id = change.commit
        switch change.kind {
        case .rangeDeleted(let deleted):
            let rows = try domain.filter { row in
                var writer = ByteWriter()
                writer.byte(RowSpace.rows)
                try schema.encodeClustering(row, into: &writer)
                let isInside =
                    !writer.bytes.lexicographicallyPrecedes(deleted.lower)
                    && writer.bytes.lexicographicallyPrecedes(deleted.upper)
                return isInside && wants(row: row)
            }
            if rows.isEmpty, !deleted.isWholePartition { return nil }
            return "\(id) range (\(change.key.brief)) \(deleted.isWholePartition) \(rows.map(\.brief))"
        case .fixed: return "\(id) fixed (\(change.key.brief)) \(try change.cells.map(line))"
        case .row(let isInsert):
            return "\(id) \(isInsert ? "insert" : "update") (\(change.key.brief)) \(try change.cells.map(line))"
        case .rowDeleted: return "\(id) deleted (\(change.key.brief)) \(try change.cells.map(line))"
        }
    }

    private func line(_ cell: RowChange.Cell) throws -> String {
        let type = cell.column.type
        var (place, valueType) = ("whole", type)
        if cell.isPart {
            switch type {
            case .list(let e, _): (place, valueType) = ("[]", e)
            case .set(let e, _): (place, valueType) = ("[\(Self.bytes(cell.element ?? .text(""), e))]", e)
            case .map(let k, let v, _): (place, valueType) = ("[\(Self.bytes(cell.element ?? .text(""), k))]", v)
            case .user(let user, _):
                guard case .text(let name)? = cell.element else { preconditionFailure("a field without a name") }
                place = "[\(Array(name.utf8))]"
                valueType = user.fields.first { $0.name == name }?.type ?? type
            default: preconditionFailure("a part of a \(type)")
            }
        }
        return "\(cell.column.name) \(place) \(Self.text(cell.value, valueType)) @\(cell.timestamp)/\(cell.expiry ?? 0)"
    }
}
