public import MillraceCore
internal import Synchronization

/// One moment of all tables and all state. Holds what compaction would drop, so let go of it soon: seconds, not hours.
///
/// Thread-safe; calls may block on the disk.
public final class TableSnapshot: Sendable {
    let database: Database
    let snapshot: DatabaseSnapshot
    /// The wall when it was taken, which decides what has expired.
    public let time: EventTime

    init(_ database: Database, clock: any RuntimeClock) {
        self.database = database
        // The moment before the state: what is purged later than it had expired before it.
        time = clock.wall
        snapshot = DatabaseSnapshot(database)
    }

    var seconds: Int64 { time.seconds }

    /// The row with this whole key, or nil.
    ///
    /// - Parameter columns: those wanted; nil is all.
    public func row(_ table: StoredTable, key: [Value], columns: [String]? = nil, origins: Bool = false) throws(Failure)
        -> Row?
    {
        let projection =
            try columns.map { (names) throws(Failure) in try Projection(table.schema, names: names) }
            ?? table.everything
        return try PointRead.row(
            database, snapshot, table, key, projection, now: seconds, origins: origins)
    }

    /// A walk over the rows a query names. One thread at a time; keeps the snapshot.
    public func rows(_ table: StoredTable, _ query: RowQuery = RowQuery()) throws(Failure) -> RowCursor {
        try RowCursor.open(self, table, query, after: nil)
    }

    /// At most `size` rows and, if there are more, where to go on. A page read later goes on behind the last row of
    /// this one, whatever has been written meanwhile: no row that was there all the time is missed or comes twice.
    public func page(
        _ table: StoredTable, _ query: RowQuery = RowQuery(), size: Int, after state: PagingState? = nil
    ) throws(Failure) -> Page {
        guard (1...Limits.pageRows).contains(size) else {
            throw Failure(.invalidArgument, "a page of \(size) rows; 1 to \(Limits.pageRows) are allowed")
        }
        var cursor = try RowCursor.open(self, table, query, after: state)
        var rows: [Row] = []
        while rows.count < size, let row = try cursor.next() { rows.append(row) }
        guard rows.count == size, let next = cursor.position else {
            return Page(rows: rows, next: nil, tombstones: cursor.tombstones)
        }
        // Whether anything follows is worth one look: clients show "more" by it.
        let isLast = try !cursor.advance()
        return Page(rows: rows, next: isLast ? nil : next, tombstones: cursor.tombstones)
    }
}

extension TableStore {
    /// The newest version of the row with this whole key, or nil.
    public func row(_ table: StoredTable, key: [Value], columns: [String]? = nil, origins: Bool = false) throws(Failure)
        -> Row?
    {
        if table.hasStatics || table.facts.hasRanges.load(ordering: .acquiring) {
            return try snapshot().row(table, key: key, columns: columns, origins: origins)
        }
        let projection =
            try columns.map { (names) throws(Failure) in try Projection(table.schema, names: names) }
            ?? table.everything
        let now = clock.wall.seconds
        return try PointRead.row(try database(), nil, table, key, projection, now: now, origins: origins)
    }
}

extension TableStore {
    /// Lends the newest version of a row without copying it; nil when there is none. For tables without static columns
    /// and range deletions it is one read.
    public func view<R>(
        _ table: StoredTable, key: [Value], _ body: (borrowing RowView) throws(Failure) -> R
    ) throws(Failure) -> R? {
        var tombstones = 0
        let now = clock.wall.seconds
        guard table.facts.hasRanges.load(ordering: .acquiring) else {
            return try PointRead.view(try database(), nil, table, key, nil, now: now, &tombstones, body)
        }
        let snapshot = try self.snapshot()
        let context = ReadContext(table: table, projection: table.everything, now: now, wantsOrigins: false)
        let facts = try PointRead.partition(snapshot.database, snapshot.snapshot, context, key, &tombstones)
        return try PointRead.view(
            snapshot.database, snapshot.snapshot, table, key, facts, now: now, &tombstones, body)
    }
}

public struct Page: Sendable {
    public let rows: [Row]
    /// Where the next page begins; nil at the end.
    public let next: PagingState?
    /// Dead cells, rows and ranges that were stepped over: why a page may be slow.
    public let tombstones: Int
}

enum PointRead {
    /// Lends the row with this whole key, if it is alive.
    @inline(__always)
    static func view<R>(
        _ database: Database, _ snapshot: DatabaseSnapshot?, _ table: StoredTable, _ key: [Value],
        _ partition: PartitionFacts?, now: Int64, _ tombstones: inout Int,
        _ body: (borrowing RowView) throws(Failure) -> R
    ) throws(Failure) -> R? {
        var writer = ByteWriter(capacity: 64)
        let split = try RowKey.row(table, key, into: &writer)
        return try writer.bytes.lending { (bytes) throws(Failure) in
            try database.get(bytes, snapshot) { (stored) throws(Failure) in
                guard let stored else { return nil }
                var outer = Deletion.none
                if let partition, !partition.ranges.isEmpty {
                    let suffix = UnsafeRawBufferPointer(rebasing: bytes[partition.prefix.count...])
                    outer = RangeDeletions.deletion(of: suffix, in: partition.ranges)
                }
                guard try RowView.isAlive(stored, outer: outer, now: now, table, &tombstones) else { return nil }
                return try body(
                    RowView(table: table, key: bytes, split: split, stored: stored, outer: outer, now: now))
            }
        }
    }

    static func row(
        _ database: Database, _ snapshot: DatabaseSnapshot?, _ table: StoredTable, _ key: [Value],
        _ projection: Projection,
        now: Int64, origins: Bool
    ) throws(Failure) -> Row? {
        let context = ReadContext(table: table, projection: projection, now: now, wantsOrigins: origins)
        var tombstones = 0
        var facts: PartitionFacts?
        if projection.wantsStatics || table.facts.hasRanges.load(ordering: .acquiring) {
            facts = try partition(database, snapshot, context, key, &tombstones)
        }
        return try view(database, snapshot, table, key, facts, now: now, &tombstones) { (view) throws(Failure) in
            var arena = RowArena(context)
            return try arena.row(
                key: view.key, split: view.split, stored: view.stored, outer: view.outer, facts?.statics, isLast: true)
        }
    }

    /// What the partition of this key knows about its rows.
    static func partition(
        _ database: Database, _ snapshot: DatabaseSnapshot?, _ context: ReadContext, _ key: [Value],
        _ tombstones: inout Int
    ) throws(Failure) -> PartitionFacts {
        let table = context.table
        guard key.count >= table.partitionColumns else { throw RowKey.wrongCount(table, key.count) }
        var prefix = ByteWriter(capacity: 64)
        try RowKey.partition(table, key[..<table.partitionColumns], into: &prefix)
        var facts = PartitionFacts(prefix: prefix.bytes)
        try facts.load(database, snapshot, context, &tombstones)
        return facts
    }
}
