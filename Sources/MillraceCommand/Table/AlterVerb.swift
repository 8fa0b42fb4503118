import MillraceCore
import MillraceTables

let alterTableVerb = Verb(
    name: "alter", summary: "add, drop and rename columns",
    about: """
        All changes of one call are made at once or not at all. A dropped column's values are gone, also when one of
        the same name is added later. Only columns of the primary key can be renamed, and none of them dropped.
        """,
    arguments: [.init(name: "TABLE", help: "the table")],
    options: [
        .value("add", "'NAME TYPE'", "a column, as in CREATE TABLE: 'tags set<text>', 'title text static'; repeatable"),
        .value("drop", "NAME", "a column with its values; repeatable"),
        .value("rename", "OLD=NEW", "a column of the primary key; repeatable"),
        .value("ttl", "SPAN", "what is written from now on expires after this, unless written with a TTL; 0s: never"),
    ],
    examples: [
        .init("millrace table alter site.views --add 'referrer text' --drop old --rename at=time", "three changes")
    ],
    action: .blocking { invocation in
        let ttl = try invocation.timeToLive()
        let renames = try invocation.values("rename").map { (text) throws(Failure) in
            let names = text.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
            guard names.count == 2 else { throw invocation.refusal("rename", text, "OLD=NEW") }
            return (old: names[0], new: names[1])
        }
        let changes = [invocation.values("add"), invocation.values("drop"), invocation.values("rename")].joined()
        guard !changes.isEmpty || ttl != nil else {
            throw Failure(.usage, "nothing to change", advice: "Give --add, --drop, --rename or --ttl")
        }
        try OpenTables.with(invocation) { tables in
            let table = try tables.table(invocation.required(0))
            let types = tables.store.types.filter { $0.keyspace == table.schema.keyspace }
            let added = try invocation.values("add").map { (text) throws(Failure) in
                try NewColumn(text) { name in types.first { $0.name == name } }
            }
            let altered = try tables.store.alterTable(table.schema.keyspace, table.schema.name) {
                (schema) throws(Failure) in
                var schema = schema
                for (old, new) in renames { schema = try schema.renaming(old, to: new) }
                for name in invocation.values("drop") { schema = try schema.dropping(name) }
                for column in added {
                    schema = try schema.adding(column.name, column.type, isStatic: column.isStatic)
                }
                if let ttl { schema = try schema.with(defaultTTL: ttl) }
                return schema
            }
            Said(
                "altered table \(altered.schema.fullName)",
                [
                    ("table", .text(altered.schema.fullName)), ("revision", .number(Int64(altered.schema.revision))),
                    ("cql", .text(altered.schema.cql)),
                ]
            ).print(to: tables.terminal)
        }
    })

/// `NAME TYPE`, or `NAME TYPE static`.
private struct NewColumn {
    let name: String
    let type: ColumnType
    let isStatic: Bool

    init(_ text: String, userType: (String) -> UserType?) throws(Failure) {
        var words = text.split(separator: " ").map(String.init)
        isStatic = words.count > 2 && words.last?.lowercased() == "static"
        if isStatic { words.removeLast() }
        guard words.count > 1 else {
            throw Failure(
                .usage, "--add cannot be '\(text)'", advice: "Give a name and a type, such as 'tags set<text>'")
        }
        name = words[0]
        type = try ColumnType.parse(words.dropFirst().joined(separator: " "), userType: userType)
    }
}
