internal import Synchronization
import MillraceCore

/// The keyspaces, user types and tables there are. A value; the store swaps it whole after a change is on the disk.
struct Catalog: Sendable {
    struct Name: Hashable, Sendable {
        var keyspace: String
        var name: String
    }
    var keyspaces: Set<String> = []
    var types: [Name: UserType] = [:]
    var tables: [Name: StoredTable] = [:]
    var nextTable = Layout.firstTable

    enum Kind { static let keyspace = UInt8(ascii: "k"), type = UInt8(ascii: "u"), table = UInt8(ascii: "t") }

    static func keyspaceKey(_ name: String) -> [UInt8] { [Layout.schema, Kind.keyspace] + Array(name.utf8) }
    static func typeKey(_ name: Name) -> [UInt8] {
        [Layout.schema, Kind.type] + Array(name.keyspace.utf8) + [0] + Array(name.name.utf8)
    }
    static func tableKey(_ id: UInt32) -> [UInt8] { [Layout.schema, Kind.table] + Layout.bigEndian(id) }

    var facts: [UInt32: TableFacts] {
        Dictionary(uniqueKeysWithValues: tables.values.map { ($0.id, $0.facts) })
    }
    func table(id: UInt32) -> StoredTable? { tables.values.first { $0.id == id } }

    /// Reads the schema, and stamps a new store with its format.
    ///
    /// - Parameter keeping: facts by table id that tables handed out earlier share, and go on sharing.
    static func load(
        _ database: Database, clock: any RuntimeClock, readOnly: Bool, keeping: [UInt32: TableFacts] = [:]
    ) throws(Failure) -> Catalog {
        if let format = try database.value(Layout.formatKey) {
            guard format == [Layout.format] else {
                throw Failure(
                    .incompatible, "the tables are of format \(format), this program reads \(Layout.format)",
                    advice: "Use the program that wrote them", place: database.directory)
            }
        } else if !readOnly {
            var batch = RawBatch()
            batch.put(Layout.formatKey, [Layout.format])
            try database.write(&batch, sync: true)
        }
        var catalog = Catalog()
        let snapshot = DatabaseSnapshot(database)
        let cursor = DatabaseCursor(snapshot, KeyRange(prefix: [Layout.schema]))
        cursor.seekToFirst()
        while cursor.isValid {
            let (key, value) = (Array(cursor.key), Array(cursor.value))
            let outcome: Result<Void, Failure>
            do throws(ByteFault) {
                outcome = try catalog.read(key, value, database, keeping)
            } catch {
                throw Failure(.corrupt, "the stored schema cannot be read: \(error)", place: database.directory)
            }
            try outcome.get()
            cursor.next()
        }
        try cursor.check()
        if let bytes = try database.value(Layout.nextTableKey), bytes.count == 4 {
            catalog.nextTable = bytes.withUnsafeBytes { UInt32(bigEndian: $0.loadUnaligned(as: UInt32.self)) }
        }
        return catalog
    }

    /// A fault in the bytes is thrown; a failure of what they say comes back.
    private mutating func read(
        _ key: [UInt8], _ value: [UInt8], _ database: Database, _ keeping: [UInt32: TableFacts]
    ) throws(ByteFault) -> Result<Void, Failure> {
        let name = key[2...]
        switch key.count > 2 ? key[1] : 0 {
        case Kind.keyspace: keyspaces.insert(String(decoding: name, as: UTF8.self))
        case Kind.type:
            let type = try value.lending { (raw) throws(ByteFault) in
                var reader = ByteReader(raw)
                return try UserType.read(&reader, depth: 1)
            }
            types[Name(keyspace: type.keyspace, name: type.name)] = type
        case Kind.table:
            guard key.count == 6 else { throw ByteFault(.unknownValue, at: 0) }
            let id = name.withUnsafeBytes { UInt32(bigEndian: $0.loadUnaligned(as: UInt32.self)) }
            do throws(Failure) {
                let stored = try database.value(Layout.tableFactsKey(id))
                let record = try TableRecord(decoding: value)
                var facts = try stored.map { (bytes) throws(Failure) in try decodeFacts(bytes) } ?? TableFacts()
                if let shared = keeping[id] {
                    shared.raise(to: facts)
                    facts = shared
                }
                let table = record.table(id, facts)
                tables[Name(keyspace: table.schema.keyspace, name: table.schema.name)] = table
            } catch {
                return .failure(error)
            }
        default: throw ByteFault(.unknownValue, at: 1)
        }
        return .success(())
    }

    private func decodeFacts(_ bytes: [UInt8]) throws(Failure) -> TableFacts {
        do throws(ByteFault) { return try TableFacts(decoding: bytes) } catch {
            throw Failure(.corrupt, "a table's facts cannot be read: \(error)")
        }
    }
}

/// What the store keeps of a table beside its rows.
struct TableRecord {
    static let version: UInt8 = 1
    var schema: TableSchema
    var grace: TimeSpan
    /// Their cells are purged by compaction.
    var droppedColumns: Set<UInt32>

    init(_ table: StoredTable) {
        (schema, grace, droppedColumns) = (table.schema, table.tombstoneGrace, table.droppedColumns)
    }

    func table(_ id: UInt32, _ facts: TableFacts) -> StoredTable {
        StoredTable(id: id, schema: schema, tombstoneGrace: grace, droppedColumns: droppedColumns, facts: facts)
    }

    var encoded: [UInt8] {
        var writer = ByteWriter(capacity: 512)
        writer.byte(TableRecord.version)
        writer.integer(grace.microseconds)
        writer.integer(UInt32(droppedColumns.count))
        for column in droppedColumns.sorted() { writer.integer(column) }
        writer.raw(schema.encoded())
        return writer.bytes
    }

    init(decoding bytes: [UInt8]) throws(Failure) {
        let position: Int
        do throws(ByteFault) {
            (grace, droppedColumns, position) = try bytes.lending { (raw) throws(ByteFault) in
                var reader = ByteReader(raw)
                guard try reader.byte() == TableRecord.version else { throw ByteFault(.unknownValue, at: 0) }
                let grace = TimeSpan(microseconds: try reader.integer())
                let count = try reader.checked(
                    count: try reader.integer(UInt32.self), minimumElementBytes: 4, limit: Int(UInt16.max))
                var dropped: Set<UInt32> = []
                for _ in 0..<count { dropped.insert(try reader.integer()) }
                return (grace, dropped, reader.position)
            }
        } catch {
            throw Failure(.corrupt, "a table's record cannot be read: \(error)", cause: error)
        }
        schema = try TableSchema(decoding: Array(bytes[position...]))
    }
}

extension PurgeRules.Table {
    init(_ table: StoredTable) {
        self.init(grace: table.tombstoneGrace.microseconds / 1_000_000, droppedColumns: table.droppedColumns)
    }
}
