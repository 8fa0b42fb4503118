import MillraceCore
import MillraceTables

let getVerb = Verb(
    name: "get", summary: "print a row, or the rows of a partition",
    about: """
        KEY is the partition key, then as many of the clustering columns as are wanted. Exit code 4 when there is
        nothing.
        """,
    arguments: [
        .init(name: "TABLE", help: "the table"),
        .init(name: "KEY", help: "values of the key's columns in their order", count: .many),
    ],
    options: TableOutput.options + [
        .value("limit", "N", "n", "at most so many rows"),
        .flag("reverse", "r", "the last rows first"),
        .flag("times", "when each value was written, and what is left of its time to live"),
    ],
    examples: [
        .init("millrace table get site.views /home", "all rows of a page"),
        .init("millrace table get site.views /home 2026-03-01T12:00:00Z", "one row"),
    ],
    action: .blocking { invocation in
        try OpenTables.look(invocation, snapshot: invocation.value("snapshot")) { tables in
            let table = try tables.table(invocation.required(0))
            let schema = table.schema
            let key = try invocation.keyValues(invocation.arguments.dropFirst(), of: schema)
            let count = schema.partitionKey.count
            var query = RowQuery(.keys([Array(key.prefix(count))]))
            if key.count > count { query.range = .prefix(Array(key.dropFirst(count))) }
            query.order = invocation.flag("reverse") ? .reversed : .stored
            query.limit = try invocation.integer("limit", in: 1...Int64(Int32.max)).map { Int($0) }
            let rows = try print(table, query, tables, invocation)
            if rows == 0 {
                throw Failure(.notFound, "\(table.name) has no row with this key", advice: "See 'millrace table scan'")
            }
        }
    })

let scanVerb = Verb(
    name: "scan", summary: "print rows in the order of tokens",
    arguments: [.init(name: "TABLE", help: "the table")],
    options: TableOutput.options + [
        .value("limit", "N", "n", "at most so many rows (100 on a terminal, else all)"),
        .value("per-partition", "N", "at most so many rows of a partition"),
        .value("from-token", "N", "from this token on: partitions are in the order of the murmur3 of their keys"),
        .value("to-token", "N", "up to this token, its partitions included"),
        .flag("times", "when each value was written, and what is left of its time to live"),
    ],
    action: .blocking { invocation in
        try OpenTables.look(invocation, snapshot: invocation.value("snapshot")) { tables in
            let table = try tables.table(invocation.required(0))
            var query = RowQuery()
            let (from, to) = (try invocation.integer("from-token"), try invocation.integer("to-token"))
            if from != nil || to != nil {
                guard from ?? .min <= to ?? .max else {
                    throw Failure(.usage, "--from-token is above --to-token", advice: "Give the smaller one first")
                }
                query.partitions = .tokens((from ?? .min)...(to ?? .max))
            }
            let given = try invocation.integer("limit", in: 1...Int64(Int32.max)).map { Int($0) }
            let usual = invocation.terminal.width == nil ? nil : Optional(100)
            query.limit = given ?? usual
            query.perPartitionLimit = try invocation.integer("per-partition", in: 1...Int64(Int32.max)).map { Int($0) }
            let rows = try print(table, query, tables, invocation)
            if given == nil, rows == usual { invocation.terminal.note("the first 100 rows; --limit N shows more") }
        }
    })

/// Prints what a query gives, and returns how many rows that was.
private func print(_ table: StoredTable, _ query: RowQuery, _ tables: OpenTables, _ invocation: Invocation) throws
    -> Int
{
    var query = query
    let columns = try invocation.columns(of: table.schema) ?? table.schema.columns
    query.columns = columns.filter { !$0.isKey }.map(\.name)
    query.origins = invocation.flag("times")
    let output = TableOutput(columns, invocation, showsOrigins: query.origins)
    var cursor = try tables.store.snapshot().rows(table, query)
    while let row = try cursor.next() { output.add(row) }
    output.finish()
    return output.rows
}

let putVerb = Verb(
    name: "put", summary: "write rows given as JSON",
    about: """
        Each ROW is a JSON object whose names are columns; without one they are read from standard input, a line
        each. Columns that are not named stay as they are, null deletes. In a table of counters the numbers are added.
        All rows of one call become visible at once.
        """,
    arguments: [
        .init(name: "TABLE", help: "the table"), .init(name: "ROW", help: "a JSON object", count: .many),
    ],
    options: [
        .value("ttl", "SPAN", "the values expire after this"),
        .value("timestamp", "MICROS", "write timestamp, instead of that of the commit"),
    ],
    examples: [.init(#"millrace table put site.views '{"page":"/","at":"2026-03-01","n":1}'"#, "writes one row")],
    action: .blocking { invocation in
        try OpenTables.with(invocation) { tables in
            let table = try tables.table(invocation.required(0))
            let options = try WriteOptions(invocation)
            var commit = tables.store.begin()
            var count = 0
            for row in invocation.arguments.dropFirst() {
                try put(Array(row.utf8), 1, "the row '\(row)'", table, options, into: &commit)
                count += 1
            }
            if count == 0 {
                let lines = LineReader(0)
                while let line = try lines.next() {
                    if line.allSatisfy({ $0 <= 0x20 }) { continue }
                    try put(Array(line), lines.lineNumber, "standard input", table, options, into: &commit)
                    count += 1
                }
            }
            let id = try tables.store.commit(commit)
            Said(
                "wrote \(Human.text(count: Int64(count))) row\(count == 1 ? "" : "s")",
                [("rows", .count(count)), ("commit", .number(id.microseconds))]
            ).print(to: invocation.terminal)
        }
    })

private func put(
    _ line: [UInt8], _ number: Int, _ source: String, _ table: StoredTable, _ options: WriteOptions,
    into commit: inout Commit
) throws {
    do {
        let fields = try line.withUnsafeBytes { try RowText.fields(json: $0, number: number, of: table.schema) }
        try RowInput(table, options).add(fields, line: number, to: &commit)
    } catch let fault as TextFault {
        throw fault.inside(source)
    }
}

let deleteRowsVerb = Verb(
    name: "delete", summary: "delete a row, values of it, or many rows",
    about: """
        KEY is the partition key, then as many of the clustering columns as are wanted. With the whole key one row
        goes; with less all rows that begin with it, or the whole partition: then --yes must be given.
        """,
    arguments: [
        .init(name: "TABLE", help: "the table"),
        .init(name: "KEY", help: "values of the key's columns in their order", count: .many),
    ],
    options: [
        .value("columns", "A,B", "c", "delete only these columns of the row"),
        .value("timestamp", "MICROS", "delete what was written until then"),
        .flag("yes", "y", "yes, delete many rows"),
    ],
    action: .blocking { invocation in
        try OpenTables.with(invocation) { tables in
            let table = try tables.table(invocation.required(0))
            let schema = table.schema
            let key = try invocation.keyValues(invocation.arguments.dropFirst(), of: schema)
            let count = schema.partitionKey.count
            let isRow = key.count == count + schema.clustering.count
            let options = WriteOptions(timestamp: try invocation.integer("timestamp"))
            var commit = tables.store.begin()
            let what: String
            if let columns = try invocation.columns(of: schema) {
                guard isRow else {
                    throw Failure(.usage, "--columns needs the whole key of a row", advice: "Give all key columns")
                }
                try commit.delete(columns, from: table, key: key, options)
                what = "columns"
            } else if isRow {
                try commit.delete(from: table, key: key, options)
                what = "row"
            } else {
                guard invocation.flag("yes") else {
                    throw Failure(.usage, "this deletes all rows whose key begins so", advice: "Repeat with --yes")
                }
                let partition = Array(key.prefix(count))
                if key.count == count {
                    try commit.delete(partition: partition, from: table, options)
                    what = "partition"
                } else {
                    try commit.delete(
                        .prefix(Array(key.dropFirst(count))), ofPartition: partition, from: table, options)
                    what = "range"
                }
            }
            let id = try tables.store.commit(commit)
            Said("deleted the \(what)", [("deleted", .text(what)), ("commit", .number(id.microseconds))])
                .print(to: invocation.terminal)
        }
    })
