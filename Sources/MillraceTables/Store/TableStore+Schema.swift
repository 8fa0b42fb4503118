public import MillraceCore
internal import Synchronization

/// Changes of the schema. Each is checked whole, then committed with a sync; a failure has changed nothing.
extension TableStore {
    public var keyspaces: [String] { catalog.withLock { $0.keyspaces.sorted() } }
    /// In order of keyspace and name.
    public var tables: [StoredTable] {
        catalog.withLock { Array($0.tables.values) }
            .sorted { ($0.schema.keyspace, $0.schema.name) < ($1.schema.keyspace, $1.schema.name) }
    }
    public var types: [UserType] {
        catalog.withLock { Array($0.types.values) }.sorted { ($0.keyspace, $0.name) < ($1.keyspace, $1.name) }
    }

    public func table(_ keyspace: String, _ name: String) -> StoredTable? {
        catalog.withLock { $0.tables[Catalog.Name(keyspace: keyspace, name: name)] }
    }
    public func table(id: UInt32) -> StoredTable? { catalog.withLock { $0.table(id: id) } }

    /// The table, or a failure that says which there are.
    public func require(_ keyspace: String, _ name: String) throws(Failure) -> StoredTable {
        if let table = table(keyspace, name) { return table }
        let known = tables.filter { $0.schema.keyspace == keyspace }.map(\.schema.name).joined(separator: ", ")
        throw Failure(
            .notFound, "there is no table \(keyspace).\(name)",
            advice: known.isEmpty ? "Create it first" : "The keyspace has \(known)", place: directory)
    }

    public func createKeyspace(_ name: String) throws(Failure) {
        try Names.check(name, of: "keyspace")
        try change { (catalog, batch) throws(Failure) in
            guard catalog.keyspaces.insert(name).inserted else { throw Self.exists("keyspace \(name)") }
            batch.put(Catalog.keyspaceKey(name), [])
        }
    }

    /// Drops a keyspace that holds no table and no type.
    public func dropKeyspace(_ name: String) throws(Failure) {
        try change { (catalog, batch) throws(Failure) in
            guard catalog.keyspaces.remove(name) != nil else { throw Self.missing("keyspace \(name)") }
            if let table = catalog.tables.keys.first(where: { $0.keyspace == name })
                ?? catalog.types.keys.first(where: { $0.keyspace == name })
            {
                throw Failure(
                    .invalidSchema, "keyspace \(name) still holds \(table.name)", advice: "Drop what is in it first")
            }
            batch.delete(Catalog.keyspaceKey(name))
        }
    }

    public func createType(_ type: UserType) throws(Failure) {
        try type.check(place: "\(type.keyspace).\(type.name)")
        try change { (catalog, batch) throws(Failure) in
            try Self.requireKeyspace(type.keyspace, catalog)
            let name = Catalog.Name(keyspace: type.keyspace, name: type.name)
            guard catalog.types[name] == nil else { throw Self.exists("type \(type.keyspace).\(type.name)") }
            catalog.types[name] = type
            var writer = ByteWriter()
            type.encode(into: &writer)
            batch.put(Catalog.typeKey(name), writer.bytes)
        }
    }

    public func dropType(_ keyspace: String, _ name: String) throws(Failure) {
        try change { (catalog, batch) throws(Failure) in
            let key = Catalog.Name(keyspace: keyspace, name: name)
            guard let type = catalog.types[key] else { throw Self.missing("type \(keyspace).\(name)") }
            for table in catalog.tables.values {
                let uses = table.schema.columns.contains {
                    $0.type.contains {
                        if case .user(let used, _) = $0 {
                            used.keyspace == type.keyspace && used.name == type.name
                        } else {
                            false
                        }
                    }
                }
                if uses {
                    throw Failure(.invalidSchema, "table \(table.name) uses the type \(name)", advice: "Drop it first")
                }
            }
            catalog.types[key] = nil
            batch.delete(Catalog.typeKey(key))
        }
    }

    /// - Parameter tombstoneGrace: how long deletions are remembered for writers that bring older timestamps. Zero, the
    ///   default, is for tables whose timestamps come from commits: deleting then leaves nothing behind.
    @discardableResult
    public func createTable(_ schema: TableSchema, tombstoneGrace: TimeSpan = .zero) throws(Failure) -> StoredTable {
        try change { (catalog, batch) throws(Failure) in
            try Self.requireKeyspace(schema.keyspace, catalog)
            let name = Catalog.Name(keyspace: schema.keyspace, name: schema.name)
            guard catalog.tables[name] == nil else { throw Self.exists("table \(schema.fullName)") }
            guard catalog.tables.count < Limits.tables else {
                throw Failure(.limitReached, "there are \(Limits.tables) tables already")
            }
            let table = StoredTable(
                id: catalog.nextTable, schema: schema, tombstoneGrace: tombstoneGrace, droppedColumns: [],
                facts: TableFacts())
            catalog.nextTable += 1
            catalog.tables[name] = table
            batch.put(Layout.nextTableKey, Layout.bigEndian(catalog.nextTable))
            batch.put(Catalog.tableKey(table.id), TableRecord(table).encoded)
            return table
        }
    }

    /// Replaces the schema by what `change` makes of it: `{ try $0.adding("x", .int) }`, `dropping`, `renaming`.
    @discardableResult
    public func alterTable(
        _ keyspace: String, _ name: String, _ alter: (TableSchema) throws(Failure) -> TableSchema
    ) throws(Failure) -> StoredTable {
        try change { (catalog, batch) throws(Failure) in
            let key = Catalog.Name(keyspace: keyspace, name: name)
            guard let old = catalog.tables[key] else { throw Self.missing("table \(keyspace).\(name)") }
            let schema = try alter(old.schema)
            let kept = Set(schema.columns.map(\.id))
            let dropped = old.schema.columns.filter { !kept.contains($0.id) }.map { UInt32($0.id) }
            let table = StoredTable(
                id: old.id, schema: schema, tombstoneGrace: old.tombstoneGrace,
                droppedColumns: old.droppedColumns.union(dropped), facts: old.facts)
            if !dropped.isEmpty, !old.facts.mayDie.exchange(true, ordering: .relaxed) {
                batch.put(Layout.tableFactsKey(table.id), old.facts.encoded)
            }
            catalog.tables[key] = table
            batch.put(Catalog.tableKey(table.id), TableRecord(table).encoded)
            return table
        }
    }

    /// Drops the table and all its rows; the space comes back at once.
    public func dropTable(_ keyspace: String, _ name: String) throws(Failure) {
        let table = try change { (catalog, batch) throws(Failure) in
            let key = Catalog.Name(keyspace: keyspace, name: name)
            guard let table = catalog.tables.removeValue(forKey: key) else {
                throw Self.missing("table \(keyspace).\(name)")
            }
            batch.delete(Catalog.tableKey(table.id))
            batch.delete(Layout.tableFactsKey(table.id))
            batch.deleteRange(table.rows)
            return table
        }
        try database().deleteFiles(in: table.rows)
    }

    private func change<R>(_ body: (inout Catalog, inout RawBatch) throws(Failure) -> R) throws(Failure) -> R {
        try schemaChange.locked { () throws(Failure) in
            var next = catalog.withLock { $0 }
            var commit = begin()
            let result = try body(&next, &commit.batch)
            try self.commit(commit)
            for table in next.tables.values { purge.set(table.id, PurgeRules.Table(table)) }
            let changed = next
            catalog.withLock { $0 = changed }
            return result
        }
    }

    private static func requireKeyspace(_ name: String, _ catalog: Catalog) throws(Failure) {
        guard catalog.keyspaces.contains(name) else { throw missing("keyspace \(name)") }
    }
    private static func exists(_ what: String) -> Failure { Failure(.alreadyExists, "\(what) exists already") }
    private static func missing(_ what: String) -> Failure {
        Failure(.notFound, "there is no \(what)", advice: "Create it first")
    }
}
