import MillraceCore

extension RowCursor {
    static func open(
        _ snapshot: TableSnapshot, _ table: StoredTable, _ query: RowQuery, after state: PagingState?
    ) throws(Failure) -> RowCursor {
        var query = query
        var projection =
            try query.columns.map { (names) throws(Failure) in try Projection(table.schema, names: names) }
            ?? table.everything
        if query.isDistinct {
            if query.columns == nil { projection = Projection(table.schema, Array(table.schema.statics)) }
            guard projection.columns.allSatisfy({ $0.kind == .static }), query.ranges.contains(where: \.isUnbounded)
            else {
                throw Failure(
                    .invalidArgument, "DISTINCT gives partition keys and static columns alone, without bounds on rows",
                    place: table.name)
            }
            query.perPartitionLimit = 1
        }
        let slices = try ClusteringRange.slices(query.ranges, of: table)
        if case .keys = query.partitions {
        } else if query.order == .reversed {
            throw Failure(
                .invalidArgument, "only rows of named partitions can be read backwards", place: table.name)
        }
        let content = try state.map { (state) throws(Failure) in try state.content() }
        var cursor = RowCursor(snapshot, table, query, projection, slices)
        if let content { try cursor.resume(content) } else { cursor.start() }
        return cursor
    }

    private mutating func start() {
        switch query.partitions {
        case .keys: break
        case .all, .tokens: openScan(from: nil)
        }
    }

    private mutating func resume(_ content: PagingState.Content) throws(Failure) {
        guard content.table == table.id, content.isReversed == (query.order == .reversed),
            (content.remaining == nil) == (query.limit == nil),
            content.key.withUnsafeBytes({ $0.starts(with: table.prefix) })
        else { throw foreign() }
        remaining = content.remaining ?? .max
        switch query.partitions {
        case .keys(let keys):
            guard content.partition < keys.count else { throw foreign() }
            nextPartition = content.partition
            try open(partition: keys[content.partition], after: content)
        case .all, .tokens:
            let end = try content.key.lending { (key) throws(Failure) in
                try RowKey.end(ofPartition: key, table)
            }
            var facts = PartitionFacts(prefix: Array(content.key[..<end]))
            facts.emitted = content.emitted
            try facts.load(snapshot.database, snapshot.snapshot, context, &tombstones)
            enter(facts)
            openScan(from: content.key + [0])
        }
    }

    private func foreign() -> Failure {
        Failure(
            .invalidArgument, "the paging state belongs to another query", advice: "Start from the first page",
            place: table.name)
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
        let cursor = DatabaseCursor(snapshot.snapshot, range, bulk: query.limit == nil)
        cursor.seekToFirst()
        stand(on: cursor)
    }

    mutating func open(partition key: [Value], after content: PagingState.Content?) throws(Failure) {
        var writer = ByteWriter(capacity: 64)
        try RowKey.partition(table, key[...], into: &writer)
        var facts = PartitionFacts(prefix: writer.bytes)
        try facts.load(snapshot.database, snapshot.snapshot, context, &tombstones)
        pending = slices.map { KeyRange(writer.bytes + $0.lower, writer.bytes + $0.upper) }
        if query.order == .stored { pending.reverse() }
        if let content {
            guard content.key.withUnsafeBytes({ $0.starts(with: writer.bytes) }) else { throw foreign() }
            facts.emitted = content.emitted
            for index in pending.indices {
                if query.order == .reversed {
                    if content.key.lexicographicallyPrecedes(pending[index].upper) {
                        pending[index].upper = content.key
                    }
                } else if !content.key.lexicographicallyPrecedes(pending[index].lower) {
                    pending[index].lower = content.key + [0]
                }
            }
        }
        enter(facts)
        nextPartition += 1
        walk = nil
        _ = openSlice()
    }

    /// Goes to the next piece of the open partition; false when there is none.
    mutating func openSlice() -> Bool {
        while let range = pending.popLast() {
            guard range.lower.lexicographicallyPrecedes(range.upper) else { continue }
            let cursor = DatabaseCursor(snapshot.snapshot, range)
            if query.order == .reversed { cursor.seekToLast() } else { cursor.seekToFirst() }
            stand(on: cursor)
            return true
        }
        return false
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
