public import MillraceCore

extension TableSchema {
    /// Reads what stands between the brackets of CQL's CREATE TABLE:
    /// `user text, at timestamp, clicks bigint, PRIMARY KEY (user, at)`.
    ///
    /// - Parameters:
    ///   - order: CQL's CLUSTERING ORDER BY, `at desc, id asc`; empty for ascending.
    ///   - userType: finds a user type by its name.
    public static func parse(
        keyspace: String, name: String, columns text: String, order: String = "", defaultTTL: Int32 = 0,
        comment: String = "", userType: (String) -> UserType? = { _ in nil }
    ) throws(Failure) -> TableSchema {
        var tokens = CQLTokens(text)
        var declared: [(name: String, type: ColumnType, isStatic: Bool)] = []
        var key: (partition: [String], clustering: [String])?
        repeat {
            if tokens.skip(word: "primary") {
                guard tokens.skip(word: "key") else { throw tokens.failure("expected KEY behind PRIMARY") }
                if key != nil { throw tokens.failure("a second PRIMARY KEY") }
                key = try primaryKey(&tokens)
                continue
            }
            let column = try tokens.word("a column's name").text
            let type = try tokens.type(userType: userType)
            let isStatic = tokens.skip(word: "static")
            if tokens.skip(word: "primary") {
                guard tokens.skip(word: "key") else { throw tokens.failure("expected KEY behind PRIMARY") }
                if key != nil { throw tokens.failure("a second PRIMARY KEY") }
                key = ([column], [])
            }
            declared.append((column, type, isStatic))
        } while tokens.skip(",")
        try tokens.expectEnd()
        guard let key else {
            throw Failure(
                .invalidSchema, "no PRIMARY KEY is given", advice: "Add PRIMARY KEY (column) at the end",
                place: "'\(text)'")
        }
        let orders = try parse(order: order, clustering: key.clustering)
        for name in key.partition + key.clustering where !declared.contains(where: { $0.name == name }) {
            throw Failure(
                .invalidSchema, "the primary key names \(Names.cql(name)), which is no column", place: "'\(text)'")
        }
        if let fixed = declared.first(where: { $0.isStatic && (key.partition + key.clustering).contains($0.name) }) {
            throw Failure(.invalidSchema, "key column \(Names.cql(fixed.name)) cannot be static", place: "'\(text)'")
        }
        var builder = Builder(keyspace, name).defaultTTL(defaultTTL).comment(comment)
        for name in key.partition {
            for column in declared where column.name == name { builder = builder.partitionKey(name, column.type) }
        }
        for (name, order) in zip(key.clustering, orders) {
            for column in declared where column.name == name { builder = builder.clustering(name, column.type, order) }
        }
        for column in declared where !key.partition.contains(column.name) && !key.clustering.contains(column.name) {
            builder =
                column.isStatic
                ? builder.staticColumn(column.name, column.type) : builder.column(column.name, column.type)
        }
        return try builder.build()
    }

    /// `(a, b, c)` or `((a, b), c)`.
    private static func primaryKey(_ tokens: inout CQLTokens) throws(Failure) -> ([String], [String]) {
        try tokens.expect("(")
        var partition: [String] = []
        var clustering: [String] = []
        if tokens.skip("(") {
            repeat { partition.append(try tokens.word("a column's name").text) } while tokens.skip(",")
            try tokens.expect(")")
        } else {
            partition.append(try tokens.word("a column's name").text)
        }
        while tokens.skip(",") { clustering.append(try tokens.word("a column's name").text) }
        try tokens.expect(")")
        return (partition, clustering)
    }

    private static func parse(order text: String, clustering: [String]) throws(Failure) -> [SortOrder] {
        var orders = clustering.map { _ in SortOrder.ascending }
        var tokens = CQLTokens(text)
        if tokens.isAtEnd { return orders }
        var index = 0
        repeat {
            let start = tokens.position
            let name = try tokens.word("a clustering column").text
            guard index < clustering.count, clustering[index] == name else {
                throw tokens.failure(
                    "the order has to name \(clustering.joined(separator: ", ")) from the first on",
                    at: start)
            }
            if tokens.skip(word: "desc") { orders[index] = .descending } else { _ = tokens.skip(word: "asc") }
            index += 1
        } while tokens.skip(",")
        try tokens.expectEnd()
        return orders
    }

    /// The table as CQL's CREATE TABLE.
    public var cql: String {
        var lines = columns.map { column in
            "    \(Names.cql(column.name)) \(column.type)" + (column.kind == .static ? " static" : "")
        }
        let partition = partitionKey.map { Names.cql($0.name) }.joined(separator: ", ")
        let first = partitionKey.count == 1 ? partition : "(\(partition))"
        lines.append(
            "    PRIMARY KEY (" + ([first] + clustering.map { Names.cql($0.name) }).joined(separator: ", ") + ")")
        var text = "CREATE TABLE \(fullName) (\n" + lines.joined(separator: ",\n") + "\n)"
        var options: [String] = []
        if clustering.contains(where: { $0.order == .descending }) {
            let orders = clustering.map { "\(Names.cql($0.name)) \($0.order == .ascending ? "ASC" : "DESC")" }
            options.append("CLUSTERING ORDER BY (\(orders.joined(separator: ", ")))")
        }
        if defaultTTL > 0 { options.append("default_time_to_live = \(defaultTTL)") }
        if !comment.isEmpty {
            let quoted = comment.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
            options.append("comment = '\(quoted)'")
        }
        if !options.isEmpty { text += " WITH " + options.joined(separator: "\n    AND ") }
        return text + ";"
    }
}
