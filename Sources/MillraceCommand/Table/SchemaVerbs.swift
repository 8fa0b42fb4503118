import MillraceCore
import MillraceTables

let createTableVerb = Verb(
    name: "create", summary: "make a table",
    about: """
        COLUMNS is what stands between the brackets of CQL's CREATE TABLE. The keyspace is made when it is missing,
        and so is the data directory.
        """,
    arguments: [
        .init(name: "KEYSPACE.TABLE", help: "its name: letters, digits and _"),
        .init(name: "COLUMNS", help: "'a text, b int, c list<int>, PRIMARY KEY (a, b)'"),
    ],
    options: [
        .value("order", "ORDER", "order of the clustering columns: 'b desc, c asc'"),
        .value("ttl", "SPAN", "rows expire after this, unless written with a TTL of their own (never)"),
        .value("grace", "SPAN", "remember deletions so long for writers that bring older timestamps (0s)"),
        .value("comment", "TEXT", "what the table is for"),
        .flag("if-missing", "do nothing when there is such a table already"),
    ],
    examples: [
        .init(
            "millrace table create ks.t 'user text, at timestamp, clicks bigint, PRIMARY KEY (user, at)' "
                + "--order 'at desc'", "rows of a user, the latest first")
    ],
    action: .blocking { invocation in
        let (keyspace, name) = try TableName.split(invocation.required(0))
        guard let keyspace else {
            throw Failure(
                .usage, "'\(name)' has no keyspace", advice: "Write KEYSPACE.TABLE, such as main.\(name)")
        }
        let ttl = try invocation.timeToLive() ?? 0
        let grace = try invocation.span("grace") ?? .zero
        try OpenTables.with(invocation, creating: true) { tables in
            if invocation.flag("if-missing"), tables.store.table(keyspace, name) != nil { return }
            let types = tables.store.types.filter { $0.keyspace == keyspace }
            let schema = try TableSchema.parse(
                keyspace: keyspace, name: name, columns: invocation.required(1), order: invocation.value("order") ?? "",
                defaultTTL: ttl, comment: invocation.value("comment") ?? "",
                userType: { name in types.first { $0.name == name } })
            if !tables.store.keyspaces.contains(keyspace) { try tables.store.createKeyspace(keyspace) }
            try tables.store.createTable(schema, tombstoneGrace: grace)
            Said("created table \(schema.fullName)", [("table", .text(schema.fullName))]).print(to: tables.terminal)
        }
    })

let dropTableVerb = Verb(
    name: "drop", summary: "delete a table with all its rows",
    about: "There is no way back, so --yes must be given.",
    arguments: [.init(name: "TABLE", help: "the table")],
    options: [.flag("yes", "y", "yes, delete it")],
    action: .blocking { invocation in
        try OpenTables.with(invocation) { tables in
            let table = try tables.table(invocation.required(0))
            let size = try tables.store.size(of: table)
            guard invocation.flag("yes") else {
                throw Failure(
                    .usage, "\(table.name) holds about \(Human.text(count: Int64(size.rows))) rows",
                    advice: "Repeat with --yes to delete them")
            }
            try tables.store.dropTable(table.schema.keyspace, table.schema.name)
            Said("dropped table \(table.name)", [("table", .text(table.name))]).print(to: tables.terminal)
        }
    })

let listTablesVerb = Verb(
    name: "list", summary: "list the tables",
    about: "Sizes and numbers of rows are estimates.",
    action: .blocking { invocation in
        try OpenTables.look(invocation) { tables in
            let rows = RowWriter(
                [
                    .init("keyspace"), .init("table"), .init("rows"), .init("bytes", "size"), .init("columns"),
                    .init("primaryKey", "primary key"), .init("comment", isElastic: true),
                ], invocation.terminal)
            for table in tables.store.tables {
                let size = try tables.store.size(of: table)
                rows.add([
                    .text(table.schema.keyspace), .text(table.schema.name), .count(size.rows), .bytes(size.bytes),
                    .count(table.schema.columns.count), .text(table.schema.primaryKeyText),
                    .text(table.schema.comment),
                ])
            }
            rows.finish()
            if tables.store.tables.isEmpty {
                invocation.terminal.note("no tables yet; make one with 'millrace table create KEYSPACE.TABLE COLUMNS'")
            }
        }
    })

let describeTableVerb = Verb(
    name: "describe", summary: "show a table's columns, options and size",
    arguments: [.init(name: "TABLE", help: "the table")],
    action: .blocking { invocation in
        try OpenTables.look(invocation) { tables in
            let table = try tables.table(invocation.required(0))
            let (schema, terminal) = (table.schema, invocation.terminal)
            let size = try tables.store.size(of: table)
            guard terminal.format == .json else {
                terminal.out.line(schema.cql)
                terminal.out.line("")
                var facts = FactWriter()
                facts.add("rows", "rows, about", .count(size.rows))
                facts.add("bytes", "size, about", .bytes(size.bytes))
                facts.add("revision", "revision", .number(Int64(schema.revision)))
                if table.tombstoneGrace != .zero { facts.add("grace", "grace", .span(table.tombstoneGrace)) }
                return facts.print(to: terminal)
            }
            let columns = schema.columns.map { column in
                [
                    Cell.text(column.name), .text("\(column.type)"), .text(column.role),
                    column.isKey ? .text(column.order == .ascending ? "asc" : "desc") : .missing,
                ]
            }
            var facts = FactWriter()
            facts.add("table", "table", .text(schema.fullName))
            facts.add("columns", "", .json(JSONText.array(["name", "type", "role", "order"], columns)))
            facts.add("defaultTTL", "", .number(Int64(schema.defaultTTL)))
            facts.add("comment", "", .text(schema.comment))
            facts.add("revision", "", .number(Int64(schema.revision)))
            facts.add("graceSeconds", "", .span(table.tombstoneGrace))
            facts.add("rows", "", .count(size.rows))
            facts.add("bytes", "", .bytes(size.bytes))
            facts.add("cql", "", .text(schema.cql))
            facts.print(to: terminal)
        }
    })

extension TableSchema {
    /// `(page, at desc)`, or `((a, b), c)`.
    fileprivate var primaryKeyText: String {
        let partition = partitionKey.map(\.name).joined(separator: ", ")
        let first = partitionKey.count == 1 ? partition : "(\(partition))"
        let rest = clustering.map { $0.name + ($0.order == .descending ? " desc" : "") }
        return "(" + ([first] + rest).joined(separator: ", ") + ")"
    }
}

extension TableSchema.Column {
    fileprivate var role: String {
        switch kind {
        case .partitionKey: "partition key"
        case .clustering: "clustering"
        case .static: "static"
        case .regular: "regular"
        }
    }
}
