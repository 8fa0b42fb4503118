public import MillraceCore

/// Walks the rows of a query one by one, holding one row in memory. One thread at a time.
///
/// A query that names partitions visits them one after the other, with the walk bounded to the clustering range; a scan
/// is one walk over the table that meets each partition's range deletions and static row before its rows.
public struct RowCursor: ~Copyable {
    let snapshot: TableSnapshot
    let table: StoredTable
    let query: RowQuery
    let context: ReadContext
    private var arena: RowArena
    /// The pieces of each partition that are wanted, in their order.
    let slices: [KeyRange]
    let isUnbounded: Bool

    var walk: DatabaseCursor?
    /// The partition the walk is in.
    var partition: PartitionFacts?
    /// Of the partition's rows: whether they need a look at its range deletions.
    private var hasRanges = false
    /// Index of the next named partition.
    var nextPartition = 0
    /// Pieces of the open partition that the walk has not come to, the next one last. Of a scan: unused.
    var pending: [KeyRange] = []
    /// Of a scan: the first slice that does not lie wholly before the walk.
    private var slice = 0
    var remaining: Int
    private var stands = Stand.before

    private enum Stand {
        /// On what has not been looked at.
        case before
        /// On the row handed out last.
        case on
        /// On the partition's static row, handed out in place of a row.
        case fixed
        case end
    }

    /// Dead cells, rows and ranges stepped over so far.
    public internal(set) var tombstones = 0

    init(
        _ snapshot: TableSnapshot, _ table: StoredTable, _ query: RowQuery, _ projection: Projection,
        _ slices: [KeyRange]
    ) {
        (self.snapshot, self.table, self.query, self.slices) = (snapshot, table, query, slices)
        context = ReadContext(
            table: table, projection: projection, now: snapshot.seconds, wantsOrigins: query.origins)
        arena = RowArena(context)
        isUnbounded = query.ranges.contains { $0.isUnbounded }
        remaining = query.limit ?? .max
    }

    /// The next row, or nil at the end.
    public mutating func next() throws(Failure) -> Row? { try advance() ? try current() : nil }

    /// Lends each row that is left, without copying it; `body` says whether to go on. A partition that has static
    /// columns alone is not among them.
    public mutating func forEach(_ body: (borrowing RowView) throws(Failure) -> Bool) throws(Failure) {
        while try advance() {
            guard case .on = stands, let view else { continue }
            guard try body(view) else { return }
        }
    }

    /// Moves to the next live row.
    mutating func advance() throws(Failure) -> Bool {
        guard remaining > 0, stands != .end else { return false }
        if stands == .on { step() }
        stands = .before
        let found: Bool
        if case .keys(let keys) = query.partitions { found = try advance(keys) } else { found = try advanceScan() }
        if found { remaining -= 1 } else { stands = .end }
        return found
    }

    @inline(__always)
    private mutating func step() {
        if query.order == .reversed { walk?.previous() } else { walk?.next() }
    }

    private mutating func advance(_ keys: [[Value]]) throws(Failure) -> Bool {
        while true {
            if try advanceInPartition() { return true }
            guard nextPartition < keys.count else { return false }
            try open(partition: keys[nextPartition], after: nil)
        }
    }

    /// The next live row of the open partition, whose keys the walk is bounded to.
    private mutating func advanceInPartition() throws(Failure) -> Bool {
        guard let emitted = partition?.emitted else { return false }
        if emitted < query.perPartitionLimit ?? .max {
            repeat {
                while let stored = walk?.currentValue {
                    if try isAlive(stored) { return emit() }
                    step()
                }
                try walk?.check()
            } while openSlice()
            if standsOnStatics() { return true }
        }
        partition = nil
        walk = nil
        return false
    }

    private mutating func advanceScan() throws(Failure) -> Bool {
        while let key = walk?.currentKey {
            guard let split = partition?.prefix.count, partition?.isOf(key) == true else {
                if standsOnStatics() { return true }
                let end = try RowKey.end(ofPartition: key, table)
                let prefix = UnsafeRawBufferPointer(rebasing: key[..<end])
                if partition == nil { partition = PartitionFacts(prefix: []) }
                partition?.begin(prefix)
                hasRanges = false
                slice = 0
                continue
            }
            guard key.count > split else { throw RowView.damage(table) }
            switch key[split] {
            case RowSpace.ranges:
                if let value = walk?.currentValue { try partition?.read(ranges: value, table, &tombstones) }
                hasRanges = true
            case RowSpace.fixed:
                if let value = walk?.currentValue { try partition?.read(fixed: value, context, &tombstones) }
            default:
                if skips(key, split) { continue }
                if let stored = walk?.currentValue, try isAlive(stored) { return emit() }
            }
            walk?.next()
        }
        try walk?.check()
        return standsOnStatics()
    }

    /// Steps over what the query does not want of a partition.
    private mutating func skips(_ key: UnsafeRawBufferPointer, _ split: Int) -> Bool {
        if let limit = query.perPartitionLimit, let facts = partition, facts.emitted >= limit {
            walk?.seek(facts.prefix + [RowSpace.end])
            return true
        }
        guard !isUnbounded, let prefix = partition?.prefix else { return false }
        let suffix = UnsafeRawBufferPointer(rebasing: key[split...])
        while slice < slices.count, slices[slice].upper.withUnsafeBytes({ suffix.order($0) >= 0 }) { slice += 1 }
        guard slice < slices.count else {
            walk?.seek(prefix + [RowSpace.end])
            return true
        }
        if slices[slice].lower.withUnsafeBytes({ suffix.order($0) >= 0 }) { return false }
        walk?.seek(prefix + slices[slice].lower)
        return true
    }

    @inline(__always)
    private mutating func isAlive(_ stored: UnsafeRawBufferPointer) throws(Failure) -> Bool {
        try RowView.isAlive(
            stored, outer: outerDeletion(), now: context.now, table, &tombstones)
    }

    @inline(__always)
    private func outerDeletion() -> Deletion {
        guard hasRanges, let facts = partition, let key = walk?.currentKey else { return .none }
        let suffix = UnsafeRawBufferPointer(rebasing: key[facts.prefix.count...])
        return RangeDeletions.deletion(of: suffix, in: facts.ranges)
    }

    private mutating func emit() -> Bool {
        partition?.emitted += 1
        stands = .on
        return true
    }

    /// A partition with static columns but no row is one row without clustering columns.
    private mutating func standsOnStatics() -> Bool {
        guard isUnbounded, let facts = partition, facts.emitted == 0, facts.statics != nil else { return false }
        partition?.emitted = 1
        stands = .fixed
        return true
    }

    mutating func enter(_ facts: PartitionFacts) {
        hasRanges = !facts.ranges.isEmpty
        partition = facts
    }
    mutating func stand(on cursor: DatabaseCursor) {
        walk = cursor
        stands = .before
    }
}

// MARK: The row it stands on

extension RowCursor {
    /// Lent until the cursor moves.
    private var view: RowView? {
        guard let key = walk?.currentKey, let stored = walk?.currentValue, let split = partition?.prefix.count else {
            return nil
        }
        return RowView(
            table: table, key: key, split: split, stored: stored, outer: outerDeletion(), now: context.now)
    }

    private mutating func current() throws(Failure) -> Row? {
        if stands == .on, !query.isDistinct {
            guard let key = walk?.currentKey, let stored = walk?.currentValue, let split = partition?.prefix.count
            else {
                return nil
            }
            return try arena.row(key: key, split: split, stored: stored, outer: outerDeletion(), partition?.statics)
        }
        guard let facts = partition else { return nil }
        return arena.row(partition: facts.prefix, facts.statics)
    }

    /// Where a page that ends with the row it stands on would go on.
    var position: PagingState? {
        guard let facts = partition else { return nil }
        let key: [UInt8]
        switch stands {
        case .on:
            guard let current = walk?.currentKey else { return nil }
            key = Array(current)
        case .fixed: key = facts.prefix + [RowSpace.end]
        case .before, .end: return nil
        }
        return PagingState(
            PagingState.Content(
                table: table.id, partition: max(0, nextPartition - 1), key: key, emitted: facts.emitted,
                remaining: query.limit == nil ? nil : remaining, isReversed: query.order == .reversed))
    }
}
