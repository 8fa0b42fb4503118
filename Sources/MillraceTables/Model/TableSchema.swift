public import MillraceCore

/// What a table is: its key, its columns and their types. A value; the store keeps it and hands it out.
public struct TableSchema: Hashable, Sendable {
    /// Cells name their column by this. Never reused within a table, so a column that was dropped and added again does
    /// not show its old cells.
    public typealias ColumnID = UInt16

    public struct Column: Hashable, Sendable {
        public enum Kind: Hashable, Sendable {
            case partitionKey
            case clustering(SortOrder)
            case `static`
            case regular
        }
        public let id: ColumnID
        public let name: String
        public let type: ColumnType
        public let kind: Kind

        public var isKey: Bool {
            switch kind {
            case .partitionKey, .clustering: true
            default: false
            }
        }
        /// The direction of a clustering column; ascending for others.
        public var order: SortOrder { if case .clustering(let order) = kind { order } else { .ascending } }
    }

    public let keyspace: String
    public let name: String
    /// Grows by one with each change.
    public let revision: UInt32
    /// Partition key, clustering, static and regular columns, in this order; within each as declared.
    public let columns: [Column]
    /// Seconds to live of cells written without a TTL of their own; 0 is for ever.
    public let defaultTTL: Int32
    public let comment: String
    let nextColumnID: ColumnID

    /// Ranges of `columns`.
    private let (partitionKeyEnd, clusteringEnd, staticEnd): (Int, Int, Int)
    private let positions: [String: Int]

    init(
        keyspace: String, name: String, revision: UInt32, columns: [Column], defaultTTL: Int32, comment: String,
        nextColumnID: ColumnID
    ) throws(Failure) {
        (self.keyspace, self.name, self.revision) = (keyspace, name, revision)
        (self.defaultTTL, self.comment, self.nextColumnID) = (defaultTTL, comment, nextColumnID)
        func rank(_ column: Column) -> Int {
            switch column.kind {
            case .partitionKey: 0
            case .clustering: 1
            case .static: 2
            case .regular: 3
            }
        }
        let ordered = columns.stablySorted { rank($0) - rank($1) }
        self.columns = ordered
        partitionKeyEnd = ordered.firstIndex { rank($0) > 0 } ?? ordered.count
        clusteringEnd = ordered.firstIndex { rank($0) > 1 } ?? ordered.count
        staticEnd = ordered.firstIndex { rank($0) > 2 } ?? ordered.count
        var positions: [String: Int] = [:]
        for (i, column) in ordered.enumerated() { positions[column.name] = i }
        self.positions = positions
        try validate()
    }

    public var partitionKey: ArraySlice<Column> { columns[..<partitionKeyEnd] }
    public var clustering: ArraySlice<Column> { columns[partitionKeyEnd..<clusteringEnd] }
    public var statics: ArraySlice<Column> { columns[clusteringEnd..<staticEnd] }
    public var regulars: ArraySlice<Column> { columns[staticEnd...] }
    /// `keyspace.table`, for people.
    public var fullName: String { "\(Names.cql(keyspace)).\(Names.cql(name))" }

    /// Its columns outside the key are counters, all of them.
    public var isCounterTable: Bool { columns.contains { $0.type == .counter } }

    public func position(of name: String) -> Int? { positions[name] }
    public func column(_ name: String) -> Column? { positions[name].map { columns[$0] } }
    public func column(id: ColumnID) -> Column? { columns.first { $0.id == id } }

    /// The column, or a failure that names it.
    public func require(_ name: String) throws(Failure) -> Column {
        if let column = column(name) { return column }
        throw Failure(
            .notFound, "table \(fullName) has no column \(Names.cql(name))",
            advice: "It has " + columns.map { Names.cql($0.name) }.joined(separator: ", "), place: fullName)
    }

    /// Bytes of an encoded token in front of the partition key.
    public static let tokenBytes = 8
}
