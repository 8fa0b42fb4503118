public import MillraceCore

extension Commit {
    /// DELETE of a cell, or of several of one row.
    public mutating func delete(
        _ columns: [TableSchema.Column], from table: StoredTable, key: [Value], _ options: WriteOptions = .none
    ) throws(Failure) {
        try update(table, key: key, columns.map { Assignment($0, .deleted) }, options)
    }

    /// DELETE of a partition, its static columns included.
    public mutating func delete(
        partition: [Value], from table: StoredTable, _ options: WriteOptions = .none
    ) throws(Failure) {
        try delete(partition, [RowSpace.fixed], [RowSpace.end], table, options)
    }

    /// DELETE of the rows of a partition within bounds.
    public mutating func delete(
        _ range: ClusteringRange, ofPartition partition: [Value], from table: StoredTable,
        _ options: WriteOptions = .none
    ) throws(Failure) {
        let (lower, upper) = try range.suffixes(table)
        guard lower.lexicographicallyPrecedes(upper) else { return }
        try delete(partition, lower, upper, table, options)
    }

    private mutating func delete(
        _ partition: [Value], _ lower: [UInt8], _ upper: [UInt8], _ table: StoredTable, _ options: WriteOptions
    ) throws(Failure) {
        if table.isCounter, options.timestamp != nil {
            throw Commit.refusal(table, "a counter takes no timestamp", "Counters are ordered by their commits.")
        }
        var key = ByteWriter(capacity: 64)
        try RowKey.partition(table, partition[...], into: &key)
        add(key.bytes, lower, upper, table, options)
    }

    mutating func delete(counters key: [Value], _ table: StoredTable, _ options: WriteOptions) throws(Failure) {
        if options.timestamp != nil {
            throw Commit.refusal(table, "a counter takes no timestamp", "Counters are ordered by their commits.")
        }
        var writer = ByteWriter(capacity: 64)
        let split = try RowKey.row(table, key, into: &writer)
        let suffix = Array(writer.bytes[split...])
        add(Array(writer.bytes[..<split]), suffix, suffix + [0], table, options)
    }

    private mutating func add(
        _ partition: [UInt8], _ lower: [UInt8], _ upper: [UInt8], _ table: StoredTable, _ options: WriteOptions
    ) {
        let number = number(of: table)
        if let timestamp = options.timestamp { explicit[number] = max(explicit[number] ?? .min, timestamp) }
        dying[number] += partition.count + lower.count + upper.count
        ranges.append(
            RangeDeletion(
                position: batch.bytes.count, table: number, partition: partition, lower: lower, upper: upper,
                timestamp: options.timestamp))
    }
}
