import MillraceCore

/// Makes the keys of a table's rows: table, token, partition key, kind, clustering key.
enum RowKey {
    static func partition(_ table: Table, _ key: PartitionKey, into writer: inout ByteWriter) {
        writer.raw(table.prefix)
        table.schema.encode(key, into: &writer)
    }

    /// - Parameter values: partition key columns, then clustering columns, all of them.
    static func row(_ table: Table, _ values: [Value], into writer: inout ByteWriter) throws(Failure) {
        let schema = table.schema
        let split = schema.partitionKey.count
        guard values.count == split + schema.clustering.count else {
            throw Failure(
                .wrongType,
                "the key of a row of \(table.name) has \(split + schema.clustering.count) columns,"
                    + " not \(values.count)", place: table.name)
        }
        partition(table, try schema.partitionKey(Array(values[..<split])), into: &writer)
        writer.byte(RowSpace.rows)
        try schema.encodeClustering(values[split...], into: &writer)
    }

    static func fixed(_ table: Table, _ values: [Value], into writer: inout ByteWriter) throws(Failure) {
        partition(table, try table.schema.partitionKey(values), into: &writer)
        writer.byte(RowSpace.fixed)
    }
}
