internal import MillraceCore
internal import MillraceFlow
internal import MillraceTables

/// Turns a pipeline's rows into statements on a table whose columns follow from the rows' layout.
struct TableRows {
    private let table: StoredTable
    /// For each key column of the table, then for each regular one: the position of its cell in a row.
    private let keyCells: [Int]
    private let valueCells: [Int]

    /// The schema that a layout asks for. Keys of windows are ordered by their start.
    static func schema(_ layout: RowLayout, for table: Table) throws(Failure) -> TableSchema {
        guard layout.columns.contains(where: { $0.role == .partitionKey }) else {
            throw Failure(
                .invalidArgument, "a result without a key cannot be kept in table \(table.name)",
                advice: "Group it first, with .keyed(by:), or write it into a log", place: table.name)
        }
        var builder = TableSchema.Builder(table.keyspace, table.table)
        for column in layout.columns {
            switch column.role {
            case .partitionKey: builder = builder.partitionKey(column.name, columnType(column.type))
            case .clusteringKey: builder = builder.clustering(column.name, columnType(column.type))
            case .regular: builder = builder.column(column.name, columnType(column.type))
            }
        }
        return try builder.build()
    }

    /// Makes the table, or checks that the one that is there takes these rows.
    static func prepare(_ layout: RowLayout, for table: Table, in store: TableStore) throws(Failure) {
        let wanted = try schema(layout, for: table)
        if !store.keyspaces.contains(table.keyspace) { try store.createKeyspace(table.keyspace) }
        guard let present = store.table(table.keyspace, table.table) else {
            try store.createTable(wanted)
            return
        }
        for column in wanted.columns {
            guard let known = present.schema.column(column.name), known.type == column.type, known.kind == column.kind
            else {
                throw Failure(
                    .incompatible, "table \(table.name) has no column \(column.name) as this pipeline writes it",
                    advice: "Give the pipeline another table, or alter this one", place: table.name)
            }
        }
        guard present.schema.columns.filter(\.isKey).map(\.name) == wanted.columns.filter(\.isKey).map(\.name) else {
            throw Failure(
                .incompatible, "table \(table.name) has another primary key than this pipeline writes",
                advice: "Give the pipeline another table", place: table.name)
        }
    }

    init(_ table: StoredTable, layout: RowLayout) throws(Failure) {
        self.table = table
        var positions: [String: Int] = [:]
        for (index, column) in layout.columns.enumerated() { positions[column.name] = index }
        let schema = table.schema
        keyCells = (Array(schema.partitionKey) + Array(schema.clustering)).map { positions[$0.name] ?? -1 }
        valueCells = schema.regulars.map { positions[$0.name] ?? -1 }
        guard !keyCells.contains(-1) else {
            throw Failure(
                .incompatible, "table \(table.name) has a key column that the rows do not have", place: table.name)
        }
    }

    func put(_ rows: RowBuffer, into commit: inout Commit) throws(Failure) {
        var failure: Failure?
        // Used again for every row: an array of each would be two allocations a row.
        var (key, values) = ([Value](), [Value?]())
        rows.forEach { row, cells in
            guard failure == nil else { return }
            do throws(Failure) {
                key.removeAll(keepingCapacity: true)
                for index in keyCells {
                    guard let value = Self.value(cells[index]) else { throw Self.nullKey(table) }
                    key.append(value)
                }
                switch rows.operation(ofRow: row) {
                case .upsert:
                    values.removeAll(keepingCapacity: true)
                    for index in valueCells { values.append(index < 0 ? nil : Self.value(cells[index])) }
                    try commit.put(table, key: key, values)
                case .retract: try commit.delete(from: table, key: key)
                }
            } catch { failure = error }
        }
        if let failure { throw failure }
    }

    private static func nullKey(_ table: StoredTable) -> Failure {
        Failure(
            .invalidArgument, "a row for \(table.name) has no value in its key",
            advice: "Filter records without a key before .keyed(by:)", place: table.name)
    }

    private static func columnType(_ type: RowColumnType) -> ColumnType {
        switch type {
        case .bool: .boolean
        case .int: .bigint
        case .double: .double
        case .text: .text
        case .bytes: .blob
        case .time: .timestamp
        }
    }

    /// A timestamp column has milliseconds, as CQL's.
    private static func value(_ cell: RowCell) -> Value? {
        switch cell {
        case .null: nil
        case .bool(let value): .boolean(value)
        case .int(let value): .bigint(value)
        case .double(let value): .double(value)
        case .text(let bytes): .text(String(decoding: bytes, as: UTF8.self))
        case .bytes(let bytes): .blob(Array(bytes))
        case .time(let time): .timestamp(time.flooredMilliseconds)
        }
    }
}

extension EventTime {
    /// Whole milliseconds, rounded towards the past.
    var flooredMilliseconds: Int64 {
        let (quotient, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000)
        return rest < 0 ? quotient - 1 : quotient
    }
}
