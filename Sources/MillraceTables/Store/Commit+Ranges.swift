public import MillraceCore

/// Bounds on a prefix of the clustering columns, in the order in which the table keeps its rows.
public struct ClusteringRange: Sendable {
    public struct Bound: Sendable {
        public var prefix: [Value]
        /// Rows that begin with the prefix belong to the range.
        public var isInclusive: Bool
        public init(_ prefix: [Value], inclusive: Bool) { (self.prefix, isInclusive) = (prefix, inclusive) }
    }
    /// In the stored order: with a descending column, the lower bound has the larger value.
    public var lower: Bound?
    public var upper: Bound?

    public init(from lower: Bound? = nil, to upper: Bound? = nil) { (self.lower, self.upper) = (lower, upper) }
    /// Every row of a partition.
    public static let all = ClusteringRange()
    /// Rows that begin with these clustering values.
    public static func prefix(_ values: [Value]) -> ClusteringRange {
        ClusteringRange(from: Bound(values, inclusive: true), to: Bound(values, inclusive: true))
    }

    /// What follows the partition in the keys of its rows.
    func suffixes(_ table: StoredTable) throws(Failure) -> (lower: [UInt8], upper: [UInt8]) {
        func encode(_ bound: Bound) throws(Failure) -> [UInt8] {
            var writer = ByteWriter(capacity: 32)
            writer.byte(RowSpace.rows)
            try table.schema.encodeClustering(bound.prefix, into: &writer)
            return writer.bytes
        }
        var (first, last) = ([RowSpace.rows], [RowSpace.end])
        if let lower {
            first = try encode(lower)
            if !lower.isInclusive { first = KeyRange.successor(of: first) }
        }
        if let upper {
            last = try encode(upper)
            if upper.isInclusive { last = KeyRange.successor(of: last) }
        }
        return (first, last)
    }
}

extension Commit {
    /// DELETE of a cell, or of several of one row.
    public mutating func delete(
        _ columns: [TableSchema.Column], from table: StoredTable, key: [Value], _ options: WriteOptions = .none
    ) throws(Failure) {
        try update(table, key: key, columns.map { Assignment($0, .deleted) }, options)
    }

    /// DELETE of a partition, its static columns included.
    public mutating func delete(
        partition: [Value], from table: StoredTable, _ options: WriteOptions = .none
    ) throws(Failure) {
        try delete(partition, [RowSpace.fixed], [RowSpace.end], table, options)
    }

    /// DELETE of the rows of a partition within bounds.
    public mutating func delete(
        _ range: ClusteringRange, ofPartition partition: [Value], from table: StoredTable,
        _ options: WriteOptions = .none
    ) throws(Failure) {
        let (lower, upper) = try range.suffixes(table)
        guard lower.lexicographicallyPrecedes(upper) else { return }
        try delete(partition, lower, upper, table, options)
    }

    private mutating func delete(
        _ partition: [Value], _ lower: [UInt8], _ upper: [UInt8], _ table: StoredTable, _ options: WriteOptions
    ) throws(Failure) {
        if table.isCounter, options.timestamp != nil {
            throw Commit.refusal(table, "a counter takes no timestamp", "Counters are ordered by their commits.")
        }
        var key = ByteWriter(capacity: 64)
        try RowKey.partition(table, partition[...], into: &key)
        add(key.bytes, lower, upper, table, options)
    }

    mutating func delete(counters key: [Value], _ table: StoredTable, _ options: WriteOptions) throws(Failure) {
        if options.timestamp != nil {
            throw Commit.refusal(table, "a counter takes no timestamp", "Counters are ordered by their commits.")
        }
        var writer = ByteWriter(capacity: 64)
        let split = try RowKey.row(table, key, into: &writer)
        let suffix = Array(writer.bytes[split...])
        add(Array(writer.bytes[..<split]), suffix, suffix + [0], table, options)
    }

    private mutating func add(
        _ partition: [UInt8], _ lower: [UInt8], _ upper: [UInt8], _ table: StoredTable, _ options: WriteOptions
    ) {
        let number = number(of: table)
        if let timestamp = options.timestamp { explicit[number] = max(explicit[number] ?? .min, timestamp) }
        ranges.append(
            RangeDeletion(
                position: batch.bytes.count, table: number, partition: partition, lower: lower, upper: upper,
                timestamp: options.timestamp))
    }
}
