import MillraceCore
import MillraceEngine
import MillraceTables

/// The tables of the data directory, opened for one verb.
struct OpenTables {
    let store: TableStore
    let clock: any RuntimeClock
    let terminal: Terminal

    /// Opens the tables, runs `body`, and closes them whatever happened.
    ///
    /// - Parameter creating: makes the data directory when it is missing; a verb that only looks does not.
    static func with(_ invocation: Invocation, creating: Bool = false, _ body: (OpenTables) throws -> Void) throws {
        let storage = PosixStorage()
        let clock = SystemClock()
        let directory: DataDirectory
        do {
            directory = try OpenLog.directory(invocation, storage: storage, creating: creating)
        } catch let failure as Failure where failure.code == .inUse {
            throw Failure(
                .inUse, failure.message,
                advice: "list, describe, get, scan and export work beside it. To change something: send records to the "
                    + "node's logs, or stop it; another verb is soon done", place: failure.place)
        }
        defer { directory.close() }
        var options = TableStoreOptions()
        // A verb is over before anything is worth purging.
        options.upkeepInterval = nil
        let store = try TableStore.open(directory: directory.tables, options: options, clock: clock, storage: storage)
        defer { store.close() }
        try body(OpenTables(store: store, clock: clock, terminal: invocation.terminal))
    }

    /// For verbs that only read: a kept snapshot that --snapshot names, else the tables, and those of a running node
    /// as they are at this moment.
    static func look(_ invocation: Invocation, snapshot: String? = nil, _ body: (OpenTables) throws -> Void) throws {
        let clock = SystemClock()
        func read(_ store: TableStore) throws {
            defer { store.close() }
            try body(OpenTables(store: store, clock: clock, terminal: invocation.terminal))
        }
        if let snapshot {
            let storage = PosixStorage()
            let rows: FileStatus?
            do throws(IOFault) { rows = try storage.status(of: snapshot + "/rows") } catch {
                throw Failure(error, "the snapshot cannot be looked at", place: snapshot)
            }
            guard rows != nil else {
                throw Failure(.notFound, "there is no snapshot at '\(snapshot)'", advice: "Check the path")
            }
            return try read(TableStore.open(snapshot: snapshot, clock: clock))
        }
        do {
            try with(invocation, body)
        } catch let failure as Failure where failure.code == .inUse {
            try read(Self.beside(invocation.dataDirectory, clock))
        }
    }

    /// The node goes on, and may drop a file between our reading its list and opening it: then the list is new.
    private static func beside(_ directory: String, _ clock: any RuntimeClock) throws(Failure) -> TableStore {
        var tries = 1
        while true {
            do throws(Failure) {
                return try TableStore.open(snapshot: directory + "/tables", clock: clock)
            } catch {
                guard error.code == .corrupt || error.code == .io, tries < Limits.looksBeside else { throw error }
                tries += 1
            }
        }
    }

    /// The table of a name. Without a keyspace the name has to be that of one table alone.
    func table(_ name: String) throws(Failure) -> StoredTable {
        let tables = store.tables
        let (keyspace, table) = try TableName.split(name)
        let found = tables.filter { $0.schema.name == table && (keyspace == nil || $0.schema.keyspace == keyspace) }
        if let only = found.first, found.count == 1 { return only }
        if found.count > 1 {
            throw Failure(
                .usage, "there are \(found.count) tables '\(name)'",
                advice: "Write one of " + found.map(\.name).joined(separator: ", "))
        }
        let near = Spelling.nearest(to: name, in: tables.map(\.name))
        throw Failure(
            .notFound, "there is no table '\(name)'",
            advice: near.map { "Did you mean '\($0)'?" }
                ?? "Make it with 'millrace table create KEYSPACE.TABLE COLUMNS'")
    }
}

enum TableName {
    /// `keyspace.table`, or a table alone.
    static func split(_ name: String) throws(Failure) -> (keyspace: String?, table: String) {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2, !parts.contains("") else {
            throw Failure(.usage, "'\(name)' is no name of a table", advice: "Write KEYSPACE.TABLE")
        }
        return parts.count == 2 ? (parts[0], parts[1]) : (nil, parts[0])
    }
}

extension TextFault {
    /// The failure for a piece of a file, or of the command line when there is no file.
    func inside(_ source: String) -> Failure { failure(in: source == "-" ? "standard input" : source) }
}

extension Invocation {
    /// Values for the first columns of the key, as text on the command line.
    func keyValues(_ words: ArraySlice<String>, of schema: TableSchema) throws(Failure) -> [Value] {
        let columns = schema.partitionKey + schema.clustering
        guard words.count <= columns.count else {
            throw Failure(
                .usage, "the key of \(schema.fullName) has \(columns.count) columns, not \(words.count)",
                advice: "It is " + columns.map(\.name).joined(separator: ", "))
        }
        guard words.count >= schema.partitionKey.count else {
            throw Failure(
                .usage, "the partition key of \(schema.fullName) is not complete",
                advice: "Give " + schema.partitionKey.map { "\($0.name) (\($0.type))" }.joined(separator: ", "))
        }
        var values: [Value] = []
        for (word, column) in zip(words, columns) {
            do throws(TextFault) {
                values.append(try RowText.value(word, as: column.type))
            } catch {
                throw Failure(.usage, "key column \(column.name): \(error.message)")
            }
        }
        return values
    }

    /// The columns that --columns names; nil when it is not given.
    func columns(of schema: TableSchema) throws(Failure) -> [TableSchema.Column]? {
        guard let text = value("columns") else { return nil }
        var columns: [TableSchema.Column] = []
        for name in text.split(separator: ",") {
            let name = name.drop { $0 == " " }
            guard let column = schema.column(String(name)) else {
                let near = Spelling.nearest(to: String(name), in: schema.columns.map(\.name))
                throw Failure(
                    .usage, "\(schema.fullName) has no column '\(name)'",
                    advice: near.map { "Did you mean '\($0)'?" }
                        ?? "It has " + schema.columns.map(\.name).joined(separator: ", "))
            }
            columns.append(column)
        }
        return columns
    }
}
