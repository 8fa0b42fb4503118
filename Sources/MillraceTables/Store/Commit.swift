import MillraceCore

/// Everything that becomes true at once: rows of any tables, opaque state, and who did it.
///
/// A value that is filled on one thread and handed to `TableStore.commit`. Nothing in it is visible before. The
/// commit's id, which is the write timestamp of all cells that bring none, is filled in when its turn comes; times to
/// live count from the moment the commit was begun.
public struct Commit: Sendable {
    /// What counts when two statements of one commit write the same cell.
    public enum Ties: Sendable {
        /// Cassandra's rule for a batch: all statements happen at once, so a deletion wins, then the larger value.
        case byValue
        /// The later statement, when it says all about a row: `put`, an `insert` of every column, a deletion of a row,
        /// a range or a partition. For pipelines: the last row they emit for a key is the one that stays. Single cells
        /// that two statements of one commit write are as `byValue`, and a row's deletion covers what the same commit
        /// then writes by `update`. In tables with a tombstone grace, or whose writers ran ahead of the clock, all
        /// ties are by value.
        case byOrder
    }

    /// Where in the bytes something stands that is filled in at the commit.
    struct Patch: Sendable {
        /// Of the record's tag.
        var tag: UInt32
        /// Of the base timestamp.
        var base: UInt32
        var table: UInt16
        /// The row hides whatever is older, so it may be a put.
        var isWhole: Bool
        var isExplicit: Bool
    }

    /// A range to delete, and before which byte of the batch.
    struct RangeDeletion: Sendable {
        var position: Int
        var table: Int
        var partition: [UInt8]
        /// What follows the partition in the keys.
        var lower: [UInt8]
        var upper: [UInt8]
        var timestamp: Int64?
    }

    public let ties: Ties
    /// Unique microseconds, near the wall's.
    let stamp: Int64
    let seconds: Int64

    var batch: RawBatch
    var patches: [Patch] = []
    var ranges: [RangeDeletion] = []
    var tables: [StoredTable] = []
    var conditions: [Condition] = []
    var provenance: [UInt8] = []
    /// The largest timestamp a statement brought, per table that had one.
    var explicit: [Int: Int64] = [:]
    /// For each of `tables`: bytes of records in which something dies some day.
    var dying: [Int] = []
    private var seen = SeenKeys()
    var places: UInt64 = 0

    /// - Parameter capacity: bytes it will have, as far as one can tell.
    init(ties: Ties, stamp: Int64, wall: EventTime, capacity: Int = 0) {
        (self.ties, self.stamp) = (ties, stamp)
        seconds = wall.seconds
        batch = RawBatch(capacity: capacity)
    }

    /// Nothing was put in: committing it costs no sync.
    public var isEmpty: Bool { batch.isEmpty && ranges.isEmpty && provenance.isEmpty && conditions.isEmpty }
    /// Bytes so far; at most `Limits.commitBytes`.
    public var byteCount: Int { batch.bytes.count }

    /// Bytes that can be found again by the commit's id: pipeline, release, input ranges, watermark.
    public mutating func setProvenance(_ bytes: [UInt8]) { provenance = bytes }

    // MARK: Opaque state

    /// Sets an opaque key, in the same moment as the rows.
    public mutating func setState(_ key: [UInt8], _ value: [UInt8]) {
        key.withUnsafeBytes { key in value.withUnsafeBytes { setState(key, $0) } }
    }
    /// Sets an opaque key, or deletes it when the value is nil.
    public mutating func setState(_ key: [UInt8], _ value: [UInt8]?) {
        if let value { setState(key, value) } else { batch.delete([Layout.state] + key) }
    }
    public mutating func deleteState(_ key: [UInt8]) { batch.delete([Layout.state] + key) }
    /// Deletes every opaque key `lower ..< upper`.
    public mutating func deleteState(from lower: [UInt8], to upper: [UInt8]) {
        batch.deleteRange(KeyRange([Layout.state] + lower, [Layout.state] + upper))
    }
    /// As `setState`, from lent bytes.
    public mutating func setState(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        var record = batch.open(RawBatch.Tag.put)
        record.row.writer.byte(Layout.state)
        record.row.writer.raw(key)
        record.beginValue()
        record.row.writer.raw(value)
        _ = batch.close(&record)
    }

    // MARK: The records of rows

    /// A statement under way. On failure nothing of it is in the commit.
    mutating func row(
        _ table: StoredTable, fixed: Bool, _ keyValues: [Value], _ options: WriteOptions, marker: Bool, isWhole: Bool,
        deletion: Bool = false, _ fill: (inout RowWriter, inout CellEncoder) throws(Failure) -> Void
    ) throws(Failure) {
        try check(table, options)
        let life = try life(table, options)
        let base = options.timestamp ?? 0
        var encoder = CellEncoder(table: table, life: life, seconds: seconds, stamp: stamp, places: places)
        var isFirst = true
        var record = batch.open(RawBatch.Tag.merge)
        do throws(Failure) {
            if fixed {
                try RowKey.fixed(table, keyValues, into: &record.row.writer)
            } else {
                try RowKey.row(table, keyValues, into: &record.row.writer)
            }
            if ties == .byValue { isFirst = record.key { seen.insert($0) } }
            record.beginValue()
            record.row.begin(
                base: base, deletion: deletion ? Deletion(timestamp: base, seconds: seconds) : .none,
                marker: marker ? Marker(timestamp: base, ttl: life.ttl, expiry: life.expiry) : nil)
            try fill(&record.row, &encoder)
            guard record.end <= Limits.commitBytes else {
                throw Failure(
                    .limitReached, "a commit is above \(Limits.commitBytes) bytes", advice: "Commit more often",
                    place: table.name)
            }
        } catch {
            batch.cancel(&record)
            throw error
        }
        places = encoder.places
        let number = number(of: table)
        if let timestamp = options.timestamp { explicit[number] = max(explicit[number] ?? .min, timestamp) }
        if record.row.isMortal { dying[number] += record.count }
        let (tag, value) = batch.close(&record)
        patches.append(
            Patch(
                tag: UInt32(tag), base: UInt32(value + 1), table: UInt16(number),
                isWhole: isWhole && isFirst && options.timestamp == nil, isExplicit: options.timestamp != nil))
    }

    private func check(_ table: StoredTable, _ options: WriteOptions) throws(Failure) {
        guard table.isCounter, options.timestamp != nil || (options.ttl ?? 0) != 0 else { return }
        throw Failure(
            .invalidArgument, "a counter takes neither a timestamp nor a TTL",
            advice: "Counters are ordered by their commits.", place: table.name)
    }

    private func life(_ table: StoredTable, _ options: WriteOptions) throws(Failure) -> Life {
        let ttl = options.ttl ?? table.schema.defaultTTL
        guard ttl != 0 else { return .forever }
        guard (0...Limits.timeToLiveSeconds).contains(ttl) else {
            throw Failure(
                .invalidArgument, "a TTL of \(ttl) s; 0 to \(Limits.timeToLiveSeconds) are allowed", place: table.name)
        }
        return Life(ttl: Int64(ttl), expiry: seconds + Int64(ttl))
    }

    mutating func number(of table: StoredTable) -> Int {
        if let last = tables.indices.last, tables[last] === table { return last }
        if let known = tables.firstIndex(where: { $0 === table }) { return known }
        precondition(tables.count < Int(UInt16.max), "a commit names more tables than there can be")
        tables.append(table)
        dying.append(0)
        return tables.count - 1
    }
}

/// Which keys a commit has written already. Exact up to a 64-bit hash: a collision makes a put a merge, no more.
struct SeenKeys: Sendable {
    /// Alone until there is a second: most commits of one row cost no table.
    private var first: Int64?
    private var others: Set<Int64> = []

    /// Whether the key is new.
    mutating func insert(_ key: UnsafeRawBufferPointer) -> Bool {
        let hash = Murmur3.token(key)
        guard let first else {
            self.first = hash
            return true
        }
        return hash != first && others.insert(hash).inserted
    }
}
