import MillraceCore

extension RowCursor {
    static func open(
        _ snapshot: TableSnapshot, _ table: StoredTable, _ query: RowQuery, after state: PagingState?
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
            try facts.load(snapshot.database, snapshot.snapshot, &decoder)
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
        facts.keyValues = key
        try facts.load(snapshot.database, snapshot.snapshot, &decoder)
        var range = KeyRange(writer.bytes + suffixes.lower, writer.bytes + suffixes.upper)
        if let content {
            guard content.key.withUnsafeBytes({ $0.starts(with: writer.bytes) }) else { throw foreign() }
            facts.emitted = content.emitted
            if query.order == .reversed { range.upper = content.key } else { range.lower = content.key + [0] }
        }
        enter(facts)
        nextPartition += 1
        guard range.lower.lexicographicallyPrecedes(range.upper) else {
            walk = nil
            return
        }
        let cursor = DatabaseCursor(snapshot.snapshot, range)
        if query.order == .reversed { cursor.seekToLast() } else { cursor.seekToFirst() }
        stand(on: cursor)
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
