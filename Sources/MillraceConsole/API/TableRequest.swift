internal import MillraceCore
internal import MillraceTables

/// What a request wants of a table, read from its path and query.
struct TableRequest: Sendable {
    let table: StoredTable
    /// Values for the partition key, then for as many clustering columns as were given.
    let key: [Value]
    let range: ClusteringRange
    let order: RowQuery.Order
    let limit: Int
    let page: PagingState?
    let columns: [String]?

    var schema: TableSchema { table.schema }
    var isWholeKey: Bool { key.count == schema.partitionKey.count + schema.clustering.count }
    var hasPartition: Bool { key.count >= schema.partitionKey.count }
    var partition: [Value] { Array(key.prefix(schema.partitionKey.count)) }

    static let parameters: [Route.Parameter] = [
        .init("key", "value of a key column, partition key first; repeated for each", isRepeatable: true),
        .init("from", "first value of the next clustering column"),
        .init("to", "value of the next clustering column to stop before"),
        .init("order", "by the first clustering column", values: ["asc", "desc"]),
        .init("limit", "rows at most", kind: .integer, range: 1...Limits.rowsPerAnswerMost),
        .init("page", "where the last answer's next said to go on"),
        .init("columns", "columns wanted, with commas"),
    ]

    init(_ request: Request, _ name: String, _ tables: TableStore) throws(Failure) {
        table = try Self.find(name, tables)
        let schema = table.schema
        let keys = Array(schema.partitionKey) + Array(schema.clustering)
        let texts = request.query.values("key")
        guard texts.count <= keys.count else {
            throw Failure(
                .invalidArgument, "\(texts.count) key values, but the key has \(keys.count) columns",
                advice: keys.map(\.name).joined(separator: ", "), place: table.name)
        }
        guard texts.isEmpty || texts.count >= schema.partitionKey.count else {
            throw Failure(
                .invalidArgument, "the partition key has \(schema.partitionKey.count) columns",
                advice: "Give a value for each of " + schema.partitionKey.map(\.name).joined(separator: ", "),
                place: table.name)
        }
        var values: [Value] = []
        for (text, column) in zip(texts, keys) { values.append(try Self.value(text, column)) }
        key = values
        (range, order) = try Self.bounds(request, schema, values)
        limit = try request.query.integer("limit", in: 1...Limits.rowsPerAnswerMost, default: Limits.rowsPerAnswer)
        page = try request.query["page"].map { (text) throws(Failure) in PagingState(bytes: try Hex.bytes(text)) }
        columns = request.query["columns"].map { $0.split(separator: ",").map(String.init) }
    }

    /// `table` in the keyspace of topologies, or `keyspace.table`.
    static func find(_ name: String, _ tables: TableStore) throws(Failure) -> StoredTable {
        let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
        let (keyspace, table) = parts.count == 2 ? (parts[0], parts[1]) : ("app", name)
        return try tables.require(keyspace, table)
    }

    static func value(_ text: String, _ column: TableSchema.Column) throws(Failure) -> Value {
        do throws(TextFault) { return try RowText.value(text, as: column.type) } catch {
            throw Failure(.invalidArgument, "column \(column.name): \(error.message)", place: column.name)
        }
    }

    private static func bounds(
        _ request: Request, _ schema: TableSchema, _ key: [Value]
    ) throws(Failure) -> (ClusteringRange, RowQuery.Order) {
        let given = Array(key.dropFirst(schema.partitionKey.count))
        let next = schema.clustering.dropFirst(given.count).first
        let first = schema.clustering.first
        var order = RowQuery.Order.stored
        if let wanted = request.query["order"] {
            guard wanted == "asc" || wanted == "desc" else {
                throw Failure(.invalidArgument, "order is asc or desc, not \"\(wanted)\"")
            }
            order = (wanted == "desc") == (first?.order == .descending) ? .stored : .reversed
            if order == .reversed, key.isEmpty {
                throw Failure(
                    .invalidArgument, "only one partition can be read the other way round", advice: "Add key=")
            }
        }
        let (from, to) = (request.query["from"], request.query["to"])
        guard from != nil || to != nil else { return (given.isEmpty ? .all : .prefix(given), order) }
        guard let next else {
            throw Failure(
                .invalidArgument, "there is no clustering column left for from and to", place: schema.fullName)
        }
        let low = try from.map { (text) throws(Failure) in given + [try value(text, next)] }
        let high = try to.map { (text) throws(Failure) in given + [try value(text, next)] }
        let whole = given.isEmpty ? nil : ClusteringRange.Bound(given, inclusive: true)
        // In the stored order; `from` belongs to the range, `to` does not.
        if next.order == .descending {
            return (
                ClusteringRange(
                    from: high.map { .init($0, inclusive: false) } ?? whole,
                    to: low.map { .init($0, inclusive: true) } ?? whole), order
            )
        }
        return (
            ClusteringRange(
                from: low.map { .init($0, inclusive: true) } ?? whole,
                to: high.map { .init($0, inclusive: false) } ?? whole), order
        )
    }

    var query: RowQuery {
        RowQuery(hasPartition ? .keys([partition]) : .all, range, order: order, columns: columns)
    }
}

/// Bytes as hexadecimal digits, for paging states in URLs.
enum Hex {
    static func text(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count * 2)
        for byte in bytes {
            out.append(digits[Int(byte >> 4)])
            out.append(digits[Int(byte & 15)])
        }
        return String(decoding: out, as: UTF8.self)
    }

    static func bytes(_ text: String) throws(Failure) -> [UInt8] {
        func digit(_ byte: UInt8) throws(Failure) -> UInt8 {
            guard let value = Character(UnicodeScalar(byte)).hexDigitValue else {
                throw Failure(.invalidArgument, "this is no paging state", advice: "Hand back next as it came")
            }
            return UInt8(value)
        }
        let utf8 = Array(text.utf8)
        guard utf8.count % 2 == 0, utf8.count <= Limits.pagingStateBytes * 2 else {
            throw Failure(.invalidArgument, "this is no paging state", advice: "Hand back next as it came")
        }
        var out: [UInt8] = []
        for index in stride(from: 0, to: utf8.count, by: 2) {
            out.append(try digit(utf8[index]) << 4 | (try digit(utf8[index + 1])))
        }
        return out
    }
}
