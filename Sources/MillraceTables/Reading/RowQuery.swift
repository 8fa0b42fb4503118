import MillraceCore

/// Which rows of a table, in which order.
public struct RowQuery: Sendable {
    public enum Partitions: Sendable {
        /// The whole table, in the order of tokens.
        case all
        /// One or several partitions by their keys, in the order given; a key given twice is read twice.
        case keys([[Value]])
        /// Partitions whose tokens lie in the range, in the order of tokens.
        case tokens(ClosedRange<Int64>)
    }
    public enum Order: Sendable {
        /// As the table keeps its rows.
        case stored
        /// The other way round within each partition. Needs `keys`.
        case reversed
    }

    public var partitions = Partitions.all
    /// Rows in any of these are wanted, each once, in the order of the table whatever the order here.
    public var ranges = [ClusteringRange.all]
    public var order = Order.stored
    /// Rows in all.
    public var limit: Int?
    public var perPartitionLimit: Int?
    /// Columns wanted; nil is all. A row counts as there even if all of these are null.
    public var columns: [String]?
    /// Write times and expiries too.
    public var origins = false
    /// CQL's DISTINCT: for each partition that has anything one row, with its key and static columns alone.
    public var isDistinct = false

    /// The only range; setting it replaces all.
    public var range: ClusteringRange {
        get { ranges.count == 1 ? ranges[0] : .all }
        set { ranges = [newValue] }
    }

    public init(
        _ partitions: Partitions = .all, _ range: ClusteringRange = .all, order: Order = .stored, limit: Int? = nil,
        perPartitionLimit: Int? = nil, columns: [String]? = nil, origins: Bool = false
    ) {
        (self.partitions, ranges, self.order, self.limit) = (partitions, [range], order, limit)
        (self.perPartitionLimit, self.columns, self.origins) = (perPartitionLimit, columns, origins)
    }

    /// The rows of one partition.
    public static func partition(
        _ key: [Value], _ range: ClusteringRange = .all, order: Order = .stored, limit: Int? = nil
    ) -> RowQuery { RowQuery(.keys([key]), range, order: order, limit: limit) }

    /// The partitions there are, without their rows.
    public static func distinct(_ partitions: Partitions = .all, columns: [String]? = nil) -> RowQuery {
        var query = RowQuery(partitions, columns: columns)
        query.isDistinct = true
        return query
    }
}

/// Where a page ended: opaque, to be handed back as it was given. Changed bytes, or those of another query, are
/// refused.
public struct PagingState: Hashable, Sendable {
    public let bytes: [UInt8]
    public init(bytes: [UInt8]) { self.bytes = bytes }

    struct Content: Hashable {
        var table: UInt32
        /// Of the partitions a query named; 0 in a scan.
        var partition: Int
        /// The stored key of the last row.
        var key: [UInt8]
        /// Rows of that partition so far, and rows left of the limit.
        var emitted: Int
        var remaining: Int?
        var isReversed: Bool
    }

    private static let version: UInt8 = 1

    init(_ content: Content) {
        var writer = ByteWriter(capacity: content.key.count + 32)
        writer.byte(PagingState.version)
        writer.integer(content.table)
        writer.byte((content.isReversed ? 1 : 0) | (content.remaining == nil ? 0 : 2))
        writer.unsignedVarint(UInt64(content.partition))
        writer.unsignedVarint(UInt64(content.emitted))
        writer.unsignedVarint(UInt64(content.remaining ?? 0))
        writer.unsignedVarint(UInt64(content.key.count))
        writer.raw(content.key)
        writer.integer(writer.bytes.withUnsafeBytes { CRC32C.of($0) })
        bytes = writer.bytes
    }

    func content() throws(Failure) -> Content {
        do throws(ByteFault) {
            return try bytes.lending { (raw) throws(ByteFault) in
                guard raw.count > 4, raw.count <= Limits.pagingStateBytes else {
                    throw ByteFault(.impossibleCount, at: 0)
                }
                let body = UnsafeRawBufferPointer(rebasing: raw[..<(raw.count - 4)])
                let crc = UInt32(bigEndian: raw.loadUnaligned(fromByteOffset: raw.count - 4, as: UInt32.self))
                guard CRC32C.of(body) == crc else { throw ByteFault(.checksum, at: raw.count - 4) }
                var reader = ByteReader(body)
                guard try reader.byte() == PagingState.version else { throw ByteFault(.unknownValue, at: 0) }
                let table = try reader.integer(UInt32.self)
                let flags = try reader.byte()
                guard flags <= 3 else { throw ByteFault(.unknownValue, at: reader.position - 1) }
                func number(_ reader: inout ByteReader) throws(ByteFault) -> Int {
                    guard let n = Int(exactly: try reader.unsignedVarint()) else {
                        throw ByteFault(.impossibleCount, at: reader.position)
                    }
                    return n
                }
                let (partition, emitted) = (try number(&reader), try number(&reader))
                let remaining = try number(&reader)
                let key = Array(try reader.take(try number(&reader)))
                try reader.expectEnd()
                return Content(
                    table: table, partition: partition, key: key, emitted: emitted,
                    remaining: flags & 2 == 0 ? nil : remaining, isReversed: flags & 1 != 0)
            }
        } catch {
            throw Failure(
                .invalidArgument, "the paging state is not one of ours: \(error)", advice: "Start from the first page",
                cause: error)
        }
    }
}
