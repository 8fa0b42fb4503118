internal import MillraceCore

extension TableSchema {
    /// Refuses a table that CQL refuses.
    func validate() throws(Failure) {
        try Names.check(keyspace, of: "keyspace")
        try Names.check(name, of: "table")
        guard columns.count <= Limits.columnsPerTable else {
            throw invalid("has \(columns.count) columns; at most \(Limits.columnsPerTable) are allowed")
        }
        guard !partitionKey.isEmpty else { throw invalid("has no partition key") }
        guard (0...Limits.timeToLiveSeconds).contains(defaultTTL) else {
            throw invalid("has a default TTL of \(defaultTTL) s; 0 to \(Limits.timeToLiveSeconds) are allowed")
        }
        var (names, ids): (Set<String>, Set<ColumnID>) = ([], [])
        for column in columns {
            try Names.check(column: column.name)
            guard names.insert(column.name).inserted else { throw invalid("has two columns \(Names.cql(column.name))") }
            guard ids.insert(column.id).inserted, column.id < nextColumnID else {
                throw invalid("gives column \(Names.cql(column.name)) the id \(column.id), which is not its own")
            }
            let place = "\(fullName), column \(Names.cql(column.name))"
            try column.type.checkShape(place: place)
            if column.isKey { try column.type.checkKeyable(place: place) }
            if column.kind == .static, clustering.isEmpty {
                throw invalid(
                    "has a static column \(Names.cql(column.name)) but no clustering column",
                    "Every row would be static")
            }
        }
        let counters = columns.filter { $0.type == .counter }
        guard !counters.isEmpty else { return }
        if let other = columns.first(where: { !$0.isKey && $0.type != .counter }) {
            throw invalid(
                "mixes counters with the column \(Names.cql(other.name))", "Keep counters in a table of their own")
        }
        if defaultTTL != 0 { throw invalid("has counters and a default TTL; counters do not expire") }
    }

    func invalid(_ what: String, _ advice: String = "") -> Failure {
        Failure(.invalidSchema, "table \(fullName) \(what)", advice: advice, place: fullName)
    }
}
