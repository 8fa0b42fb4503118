internal import Synchronization
import MillraceCore

/// What a partition's rows share: its range deletions and its static row.
struct PartitionFacts {
    let prefix: [UInt8]
    var keyValues: [Value] = []
    var ranges: [RangeDeletions.Entry] = []
    /// The static values, in a row of their own.
    var fixed: Row?
    /// Rows of it handed out.
    var emitted = 0

    init(prefix: [UInt8]) { self.prefix = prefix }

    @inline(__always) func isOf(_ key: UnsafeRawBufferPointer) -> Bool { key.starts(with: prefix) }

    /// By two point reads; for walks that do not pass the partition's front.
    mutating func load(
        _ database: Database, _ snapshot: DatabaseSnapshot?, _ decoder: inout RowDecoder
    ) throws(Failure) {
        let table = decoder.table
        if table.facts.hasRanges.load(ordering: .acquiring),
            let bytes = try database.value(prefix + [RowSpace.ranges], snapshot)
        {
            try bytes.lending { (bytes) throws(Failure) in try read(ranges: bytes, &decoder) }
        }
        if table.hasStatics, let bytes = try database.value(prefix + [RowSpace.fixed], snapshot) {
            try bytes.lending { (bytes) throws(Failure) in try read(fixed: bytes, &decoder) }
        }
    }

    mutating func read(ranges bytes: UnsafeRawBufferPointer, _ decoder: inout RowDecoder) throws(Failure) {
        do throws(RowFault) { ranges = try RangeDeletions.read(bytes) } catch { throw RowView.damage(decoder.table) }
        if !RangeDeletions.isNormal(ranges) { ranges = RangeDeletions.merge([ranges]) }
        decoder.tombstones += ranges.count
    }

    mutating func read(fixed bytes: UnsafeRawBufferPointer, _ decoder: inout RowDecoder) throws(Failure) {
        var row = Row.empty(decoder, key: keyValues)
        let suffix: [UInt8] = [RowSpace.fixed]
        let outer = suffix.withUnsafeBytes { RangeDeletions.deletion(of: $0, in: ranges) }
        let isAlive = try RowView.isAlive(
            bytes, outer: outer, now: decoder.now, decoder.table, &decoder.tombstones)
        guard isAlive else { return }
        try decoder.decode(bytes, outer: outer, into: &row)
        fixed = row
    }

    func fillStatics(_ row: inout Row) {
        guard let fixed else { return }
        for (slot, column) in row.columns.enumerated() where column.kind == .static {
            row.values[slot] = fixed.values[slot]
            if !row.origins.isEmpty { row.origins[slot] = fixed.origins[slot] }
        }
    }
}

extension Row {
    static func empty(_ decoder: RowDecoder, key: [Value]) -> Row {
        let count = decoder.projection.columns.count
        return Row(
            table: decoder.table, key: key, columns: decoder.projection.columns,
            values: [Value?](repeating: nil, count: count),
            origins: decoder.wantsOrigins ? [CellOrigin?](repeating: nil, count: count) : [])
    }
}
