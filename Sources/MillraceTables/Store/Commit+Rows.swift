public import MillraceCore

extension Commit {
    /// INSERT: the row exists from now on, even if all its cells are null. Columns not named stay as they are.
    ///
    /// - Parameters:
    ///   - key: values of the partition key, then of the clustering columns, all of them.
    ///   - cells: regular columns. Static ones are written by `update(static:)`.
    public mutating func insert(
        into table: StoredTable, key: [Value], _ cells: [Assignment] = [], _ options: WriteOptions = .none
    ) throws(Failure) {
        if table.isCounter { throw Commit.refusal(table, "a counter cannot be inserted", "Use update and increment.") }
        let cells = try Commit.ordered(cells, table, fixed: false)
        let isWhole = cells.count == table.schema.regulars.count && cells.allSatisfy { $0.write.isWhole }
        try row(table, fixed: false, key, options, marker: true, isWhole: isWhole) { (row, encoder) throws(Failure) in
            for cell in cells { try encoder.encode(cell, into: &row) }
        }
    }

    /// INSERT of a whole row, the cheapest write there is: one value for each regular column in the schema's order, nil
    /// for null. Whatever the row held before is replaced.
    public mutating func put(
        _ table: StoredTable, key: [Value], _ values: [Value?], _ options: WriteOptions = .none
    ) throws(Failure) {
        let columns = table.schema.regulars
        guard values.count == columns.count, !table.isCounter else {
            throw Commit.refusal(table, "a row has \(columns.count) regular columns, not \(values.count)", "")
        }
        try row(table, fixed: false, key, options, marker: true, isWhole: true) { (row, encoder) throws(Failure) in
            for (at, value) in zip(columns.indices, values) {
                if let value {
                    try encoder.encode(value, columns[at], into: &row)
                } else {
                    try encoder.encode(Assignment(columns[at], .null), into: &row)
                }
            }
        }
    }

    /// UPDATE: the cells alone. The row is gone when the last of them is.
    public mutating func update(
        _ table: StoredTable, key: [Value], _ cells: [Assignment], _ options: WriteOptions = .none
    ) throws(Failure) {
        let cells = try Commit.ordered(cells, table, fixed: false)
        try row(table, fixed: false, key, options, marker: false, isWhole: false) { (row, encoder) throws(Failure) in
            for cell in cells { try encoder.encode(cell, into: &row) }
        }
    }

    /// Writes static columns, which a partition has once.
    public mutating func update(
        static table: StoredTable, partition: [Value], _ cells: [Assignment], _ options: WriteOptions = .none
    ) throws(Failure) {
        let cells = try Commit.ordered(cells, table, fixed: true)
        try row(table, fixed: true, partition, options, marker: false, isWhole: false) {
            (row, encoder) throws(Failure) in
            for cell in cells { try encoder.encode(cell, into: &row) }
        }
    }

    /// DELETE of a row.
    public mutating func delete(
        from table: StoredTable, key: [Value], _ options: WriteOptions = .none
    ) throws(Failure) {
        // Counters add up in the order of the log, so one is deleted in that order too, not by a timestamp.
        if table.isCounter { return try delete(counters: key, table, options) }
        try row(table, fixed: false, key, options, marker: false, isWhole: true, deletion: true) {
            (_, _) throws(Failure) in
        }
    }

    /// Assignments by column, each column at most once and of the right kind.
    static func ordered(_ cells: [Assignment], _ table: StoredTable, fixed: Bool) throws(Failure) -> [Assignment] {
        var last = -1
        var isOrdered = true
        for cell in cells {
            let isStatic = cell.column.kind == .static
            if cell.column.isKey || isStatic != fixed {
                throw refusal(
                    table, "column \(Names.cql(cell.column.name)) is not \(fixed ? "a static" : "a regular") one", "")
            }
            if Int(cell.column.id) <= last { isOrdered = false }
            last = Int(cell.column.id)
        }
        if isOrdered { return cells }
        let sorted = cells.sorted { $0.column.id < $1.column.id }
        for (a, b) in zip(sorted, sorted.dropFirst()) where a.column.id == b.column.id {
            throw refusal(table, "column \(Names.cql(a.column.name)) is written twice in one statement", "")
        }
        return sorted
    }

    static func refusal(_ table: StoredTable, _ message: String, _ advice: String) -> Failure {
        Failure(.invalidArgument, message, advice: advice, place: table.name)
    }
}

extension CellWrite {
    /// Leaves nothing of what the column held.
    var isWhole: Bool {
        switch self {
        case .set, .null, .deleted: true
        default: false
        }
    }
}
