public import MillraceCore

/// Hands out the rows of a query one by one, holding one row in memory. One thread at a time.
///
/// A query that names partitions visits them one after the other, with the walk bounded to the clustering range; a scan
/// is one walk over the table that meets each partition's range deletions and static row before its rows.
public struct RowCursor: ~Copyable {
    private let snapshot: TableSnapshot
    private let table: Table
    private let query: RowQuery
    private var decoder: RowDecoder
    private let suffixes: (lower: [UInt8], upper: [UInt8])
    private let isUnbounded: Bool

    private var walk: DatabaseCursor?
    private var partition: PartitionFacts?
    /// Index of the next named partition.
    private var nextPartition = 0
    private var remaining: Int?
    private var lastKey: [UInt8] = []
    private var isDone = false

    /// Dead cells, rows and ranges stepped over so far.
    public var tombstones: Int { decoder.tombstones }

    static func open(
        _ snapshot: TableSnapshot, _ table: Table, _ query: RowQuery, after state: PagingState?
    ) throws(Failure) -> RowCursor {
        let projection =
            try query.columns.map { (names) throws(Failure) in try Projection(table.schema, names: names) }
            ?? table.everything
        let suffixes = try query.range.suffixes(table)
        if case .keys = query.partitions {
        } else if query.order == .reversed {
            throw Failure(
                .invalidArgument, "only rows of named partitions can be read backwards", place: table.name)
        }
        let content = try state.map { (state) throws(Failure) in try state.content() }
        var cursor = RowCursor(snapshot, table, query, projection, suffixes)
        if let content { try cursor.resume(content) } else { cursor.start() }
        return cursor
    }

    private init(
        _ snapshot: TableSnapshot, _ table: Table, _ query: RowQuery, _ projection: Projection,
        _ suffixes: (lower: [UInt8], upper: [UInt8])
    ) {
        (self.snapshot, self.table, self.query, self.suffixes) = (snapshot, table, query, suffixes)
        decoder = RowDecoder(table: table, projection: projection, now: snapshot.seconds, wantsOrigins: query.origins)
        isUnbounded = query.range.lower == nil && query.range.upper == nil
        remaining = query.limit
    }

    /// Where a page that ends with the last row handed out would go on; nil before the first row.
    var position: PagingState? {
        guard !lastKey.isEmpty else { return nil }
        return PagingState(
            PagingState.Content(
                table: table.id, partition: max(0, nextPartition - 1), key: lastKey,
                emitted: partition?.emitted ?? 0, remaining: remaining, isReversed: query.order == .reversed))
    }

    /// The next row, or nil at the end.
    public mutating func next() throws(Failure) -> Row? {
        guard !isDone, remaining != 0 else { return nil }
        guard let row = try advance() else {
            isDone = true
            return nil
        }
        if let left = remaining { remaining = left - 1 }
        return row
    }

    private mutating func advance() throws(Failure) -> Row? {
        if case .keys(let keys) = query.partitions {
            while true {
                if let row = try nextInPartition() { return row }
                guard nextPartition < keys.count else { return nil }
                try open(partition: keys[nextPartition], after: nil)
            }
        }
        return try nextInScan()
    }
}

// MARK: Where to begin

extension RowCursor {
    private mutating func start() {
        switch query.partitions {
        case .keys: break
        case .all, .tokens: openScan(from: nil)
        }
    }

    private mutating func resume(_ content: PagingState.Content) throws(Failure) {
        let refusal = Failure(
            .invalidArgument, "the paging state belongs to another query", advice: "Start from the first page",
            place: table.name)
        guard content.table == table.id, content.isReversed == (query.order == .reversed),
            content.key.starts(with: table.prefix), (content.remaining == nil) == (query.limit == nil)
        else { throw refusal }
        remaining = content.remaining
        lastKey = content.key
        switch query.partitions {
        case .keys(let keys):
            guard content.partition < keys.count else { throw refusal }
            nextPartition = content.partition
            try open(partition: keys[content.partition], after: content)
        case .all, .tokens:
            let (prefix, values) = try parse(content.key)
            var facts = PartitionFacts(prefix: prefix)
            facts.keyValues = values
            facts.emitted = content.emitted
            try facts.load(snapshot.database, snapshot.snapshot, &decoder, wantsOrigins: query.origins)
            partition = facts
            openScan(from: content.key + [0])
        }
    }

    private mutating func openScan(from lower: [UInt8]?) {
        var range = table.rows
        if case .tokens(let tokens) = query.partitions {
            var (first, last) = (ByteWriter(), ByteWriter())
            first.raw(table.prefix)
            TableSchema.encode(token: tokens.lowerBound, into: &first)
            last.raw(table.prefix)
            TableSchema.encode(token: tokens.upperBound, into: &last)
            range = KeyRange(first.bytes, KeyRange.successor(of: last.bytes))
        }
        if let lower, range.lower.lexicographicallyPrecedes(lower) { range.lower = lower }
        var cursor = DatabaseCursor(snapshot.snapshot, range, bulk: query.limit == nil)
        cursor.seekToFirst()
        walk = consume cursor
    }

    private mutating func open(partition key: [Value], after content: PagingState.Content?) throws(Failure) {
        var writer = ByteWriter(capacity: 64)
        RowKey.partition(table, try table.schema.partitionKey(key), into: &writer)
        var facts = PartitionFacts(prefix: writer.bytes)
        facts.keyValues = key
        try facts.load(snapshot.database, snapshot.snapshot, &decoder, wantsOrigins: query.origins)
        var range = KeyRange(writer.bytes + suffixes.lower, writer.bytes + suffixes.upper)
        if let content {
            guard content.key.starts(with: writer.bytes) else {
                throw Failure(.invalidArgument, "the paging state belongs to another query", place: table.name)
            }
            facts.emitted = content.emitted
            if query.order == .reversed { range.upper = content.key } else { range.lower = content.key + [0] }
        }
        partition = facts
        nextPartition += 1
        guard range.lower.lexicographicallyPrecedes(range.upper) else {
            walk = nil
            return
        }
        var cursor = DatabaseCursor(snapshot.snapshot, range)
        if query.order == .reversed { cursor.seekToLast() } else { cursor.seekToFirst() }
        walk = consume cursor
    }

    /// The stored front of a key, and the values of its partition key.
    private func parse(_ key: [UInt8]) throws(Failure) -> (prefix: [UInt8], values: [Value]) {
        try key.lending { (key) throws(Failure) in try parse(key) }
    }
    private func parse(_ key: UnsafeRawBufferPointer) throws(Failure) -> (prefix: [UInt8], values: [Value]) {
        do throws(ByteFault) {
            var reader = ByteReader(key)
            try reader.skip(table.prefix.count)
            let partition = try table.schema.decodePartitionKey(&reader)
            return (Array(key[..<reader.position]), try table.schema.values(of: partition))
        } catch {
            throw decoder.damage()
        }
    }
}

// MARK: Stepping

extension RowCursor {
    /// The next live row of the open partition.
    private mutating func nextInPartition() throws(Failure) -> Row? {
        guard let facts = partition else { return nil }
        if let limit = query.perPartitionLimit, facts.emitted >= limit { return close() }
        while let key = walk?.currentKey {
            let row = try decode(key, prefixLength: facts.prefix.count)
            if row != nil { lastKey = Array(key) }
            if query.order == .reversed { walk?.previous() } else { walk?.next() }
            if let row {
                partition?.emitted += 1
                return row
            }
        }
        try walk?.check()
        if let row = staticsAlone() { return row }
        return close()
    }

    private mutating func close() -> Row? {
        partition = nil
        walk = nil
        return nil
    }

    private mutating func nextInScan() throws(Failure) -> Row? {
        while let key = walk?.currentKey {
            guard let prefix = partition?.prefix, key.starts(with: prefix) else {
                if let row = staticsAlone() { return row }
                let (prefix, values) = try parse(key)
                var facts = PartitionFacts(prefix: prefix)
                facts.keyValues = values
                partition = facts
                continue
            }
            guard let facts = partition, key.count > prefix.count else { throw decoder.damage() }
            switch key[prefix.count] {
            case RowSpace.ranges:
                if let value = walk?.currentValue { try partition?.read(ranges: value, &decoder) }
                walk?.next()
            case RowSpace.fixed:
                if let value = walk?.currentValue { try partition?.read(fixed: value, &decoder) }
                walk?.next()
            default:
                if let limit = query.perPartitionLimit, facts.emitted >= limit {
                    walk?.seek(prefix + [RowSpace.end])
                    continue
                }
                if !isUnbounded {
                    let suffix = UnsafeRawBufferPointer(rebasing: key[prefix.count...])
                    if suffixes.lower.withUnsafeBytes({ suffix.order($0) < 0 }) {
                        walk?.seek(prefix + suffixes.lower)
                        continue
                    }
                    if suffixes.upper.withUnsafeBytes({ suffix.order($0) >= 0 }) {
                        walk?.seek(prefix + [RowSpace.end])
                        continue
                    }
                }
                let row = try decode(key, prefixLength: prefix.count)
                if row != nil { lastKey = Array(key) }
                walk?.next()
                if let row {
                    partition?.emitted += 1
                    return row
                }
            }
        }
        try walk?.check()
        return staticsAlone()
    }

    /// A partition with static columns but no row is one row without clustering columns.
    private mutating func staticsAlone() -> Row? {
        guard isUnbounded, let facts = partition, facts.emitted == 0, let fixed = facts.fixed else { return nil }
        lastKey = facts.prefix + [RowSpace.end]
        partition?.emitted = 1
        partition?.fixed = nil
        return Row(
            table: table, key: facts.keyValues, columns: fixed.columns, values: fixed.values, origins: fixed.origins)
    }

    private mutating func decode(_ key: UnsafeRawBufferPointer, prefixLength: Int) throws(Failure) -> Row? {
        guard let facts = partition, let value = walk?.currentValue else { return nil }
        let suffix = UnsafeRawBufferPointer(rebasing: key[prefixLength...])
        let outer = facts.ranges.isEmpty ? .none : RangeDeletions.deletion(of: suffix, in: facts.ranges)
        var row = Row.empty(decoder, key: facts.keyValues)
        guard try decoder.decode(value, outer: outer, into: &row) else { return nil }
        do throws(ByteFault) {
            let clustering = try table.schema.decodeClustering(UnsafeRawBufferPointer(rebasing: suffix[1...]))
            row = Row(
                table: table, key: facts.keyValues + clustering, columns: row.columns, values: row.values,
                origins: row.origins)
        } catch {
            throw decoder.damage()
        }
        facts.fillStatics(&row)
        return row
    }
}

extension UnsafeRawBufferPointer {
    @inline(__always)
    func starts(with prefix: [UInt8]) -> Bool {
        guard count >= prefix.count, let base = baseAddress else { return prefix.isEmpty }
        return prefix.withUnsafeBytes { prefix in
            prefix.baseAddress.map { memoryOrder(base, $0, prefix.count) == 0 } ?? true
        }
    }
}

extension DatabaseCursor {
    /// Lent until the next move; nil at the end.
    @inline(__always) var currentKey: UnsafeRawBufferPointer? { isValid ? key : nil }
    @inline(__always) var currentValue: UnsafeRawBufferPointer? { isValid ? value : nil }
}
