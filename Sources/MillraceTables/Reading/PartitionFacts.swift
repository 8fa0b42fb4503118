internal import Synchronization
import MillraceCore

/// What a partition's rows share: its range deletions and its static row.
struct PartitionFacts {
    private(set) var prefix: [UInt8]
    var ranges: [RangeDeletions.Entry] = []
    var statics: StaticRow?
    /// Rows of it handed out.
    var emitted = 0

    init(prefix: [UInt8]) { self.prefix = prefix }

    @inline(__always) func isOf(_ key: UnsafeRawBufferPointer) -> Bool { key.starts(with: prefix) }

    /// Becomes another partition's, in the same memory.
    mutating func begin(_ prefix: UnsafeRawBufferPointer) {
        self.prefix.removeAll(keepingCapacity: true)
        self.prefix.append(contentsOf: prefix)
        if !ranges.isEmpty { ranges = [] }
        (statics, emitted) = (nil, 0)
    }

    /// By two point reads; for walks that do not pass the partition's front.
    mutating func load(
        _ database: Database, _ snapshot: DatabaseSnapshot?, _ context: ReadContext, _ tombstones: inout Int
    ) throws(Failure) {
        let table = context.table
        if table.facts.hasRanges.load(ordering: .acquiring),
            let bytes = try database.value(prefix + [RowSpace.ranges], snapshot)
        {
            try bytes.lending { (bytes) throws(Failure) in try read(ranges: bytes, table, &tombstones) }
        }
        if table.hasStatics, let bytes = try database.value(prefix + [RowSpace.fixed], snapshot) {
            try bytes.lending { (bytes) throws(Failure) in try read(fixed: bytes, context, &tombstones) }
        }
    }

    mutating func read(
        ranges bytes: UnsafeRawBufferPointer, _ table: StoredTable, _ tombstones: inout Int
    ) throws(Failure) {
        do throws(RowFault) { ranges = try RangeDeletions.read(bytes) } catch { throw RowView.damage(table) }
        if !RangeDeletions.isNormal(ranges) { ranges = RangeDeletions.merge([ranges]) }
        tombstones += ranges.count
    }

    mutating func read(
        fixed bytes: UnsafeRawBufferPointer, _ context: ReadContext, _ tombstones: inout Int
    ) throws(Failure) {
        let suffix: [UInt8] = [RowSpace.fixed]
        let outer = suffix.withUnsafeBytes { RangeDeletions.deletion(of: $0, in: ranges) }
        let isAlive = try RowView.isAlive(bytes, outer: outer, now: context.now, context.table, &tombstones)
        guard isAlive else { return }
        try context.check(bytes, outer)
        statics = StaticRow(bytes: Array(bytes), outer: outer)
    }
}
