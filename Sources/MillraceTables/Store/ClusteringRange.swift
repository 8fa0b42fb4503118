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

    var isUnbounded: Bool { lower == nil && upper == nil }

    /// What follows the partition in the keys of its rows.
    func suffixes(_ table: StoredTable) throws(Failure) -> (lower: [UInt8], upper: [UInt8]) {
        (try ClusteringRange.start(lower, table), try ClusteringRange.end(upper, table))
    }

    private static func start(_ bound: Bound?, _ table: StoredTable) throws(Failure) -> [UInt8] {
        guard let bound else { return [RowSpace.rows] }
        let bytes = try encode(bound, table)
        return bound.isInclusive ? bytes : KeyRange.successor(of: bytes)
    }
    private static func end(_ bound: Bound?, _ table: StoredTable) throws(Failure) -> [UInt8] {
        guard let bound else { return [RowSpace.end] }
        let bytes = try encode(bound, table)
        return bound.isInclusive ? KeyRange.successor(of: bytes) : bytes
    }
    private static func encode(_ bound: Bound, _ table: StoredTable) throws(Failure) -> [UInt8] {
        var writer = ByteWriter(capacity: 32)
        writer.byte(RowSpace.rows)
        try table.schema.encodeClustering(bound.prefix, into: &writer)
        return writer.bytes
    }

    /// Several ranges as pieces of a partition in their order, none overlapping or touching another.
    static func slices(_ ranges: [ClusteringRange], of table: StoredTable) throws(Failure) -> [KeyRange] {
        var slices: [KeyRange] = []
        for range in ranges {
            let (lower, upper) = try range.suffixes(table)
            if lower.lexicographicallyPrecedes(upper) { slices.append(KeyRange(lower, upper)) }
        }
        guard slices.count > 1 else { return slices }
        slices.sort { $0.lower.lexicographicallyPrecedes($1.lower) }
        var joined = [slices[0]]
        for slice in slices.dropFirst() {
            if joined[joined.count - 1].upper.lexicographicallyPrecedes(slice.lower) {
                joined.append(slice)
            } else if joined[joined.count - 1].upper.lexicographicallyPrecedes(slice.upper) {
                joined[joined.count - 1].upper = slice.upper
            }
        }
        return joined
    }
}

extension ClusteringRange {
    /// Rows whose first clustering columns stand in a relation to a tuple, in CQL's order of values:
    /// `(a, b) > (1, 2)`. One range where the columns all have one direction, else several.
    public static func tuple(
        _ relation: Condition.Relation, _ values: [Value], in table: StoredTable
    ) throws(Failure) -> [ClusteringRange] {
        let columns = Array(table.schema.clustering.prefix(values.count))
        guard columns.count == values.count, !values.isEmpty else {
            throw Failure(
                .invalidArgument, "a tuple of \(values.count) values for \(table.schema.clustering.count) columns",
                advice: "Compare the first clustering columns, in their order", place: table.name)
        }
        let isGreater: Bool
        switch relation {
        case .equal: return [.prefix(values)]
        case .notEqual: return try tuple(.less, values, in: table) + tuple(.greater, values, in: table)
        case .greater, .greaterOrEqual: isGreater = true
        case .less, .lessOrEqual: isGreater = false
        }
        var ranges = relation == .greaterOrEqual || relation == .lessOrEqual ? [prefix(values)] : []
        for (index, column) in columns.enumerated() {
            // Equal up to here, and beyond the tuple in this column.
            let whole = index == 0 ? nil : Bound(Array(values[..<index]), inclusive: true)
            let edge = Bound(Array(values[...index]), inclusive: false)
            let isBehind = isGreater == (column.order == .ascending)
            ranges.append(isBehind ? ClusteringRange(from: edge, to: whole) : ClusteringRange(from: whole, to: edge))
        }
        return ranges
    }

    /// Rows that are in one of the first ranges and in one of the second: CQL's AND.
    public static func both(
        _ first: [ClusteringRange], _ second: [ClusteringRange], in table: StoredTable
    ) throws(Failure) -> [ClusteringRange] {
        var ranges: [ClusteringRange] = []
        for a in first {
            for b in second {
                let (x, y) = (try a.suffixes(table), try b.suffixes(table))
                let lower = x.lower.lexicographicallyPrecedes(y.lower) ? b.lower : a.lower
                let upper = x.upper.lexicographicallyPrecedes(y.upper) ? a.upper : b.upper
                let range = ClusteringRange(from: lower, to: upper)
                let (start, end) = try range.suffixes(table)
                if start.lexicographicallyPrecedes(end) { ranges.append(range) }
            }
        }
        return ranges
    }
}
