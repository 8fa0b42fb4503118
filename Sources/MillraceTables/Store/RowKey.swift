import MillraceCore

/// Makes the keys of a table's rows: table, token, partition key, kind, clustering key.
///
/// The partition key is encoded straight into its place where its stored and its serialised form are the same, which
/// is everywhere but in tables with one text-like partition column: a row costs no allocation beyond its key.
enum RowKey {
    static func partition(_ table: StoredTable, _ values: ArraySlice<Value>, into writer: inout ByteWriter)
        throws(Failure)
    {
        if values.count == 1, let value = values.first, simple(table, value, into: &writer) { return }
        writer.raw(table.prefix)
        let schema = table.schema
        let columns = schema.partitionKey
        guard columns.count == 1, columns[columns.startIndex].type.fixedSize != nil, values.count == 1,
            let value = values.first
        else {
            return schema.encode(try schema.partitionKey(Array(values)), into: &writer)
        }
        let column = columns[columns.startIndex]
        let start = writer.count
        writer.integer(Int64(0))
        do throws(Failure) { try ValueCodec.encode(value, as: column.type, into: &writer) } catch {
            throw schema.at(column, error)
        }
        let token = writer.bytes.withUnsafeBytes {
            Murmur3.token(UnsafeRawBufferPointer(rebasing: $0[(start + TableSchema.tokenBytes)...]))
        }
        writer.patch(token ^ .min, at: start)
    }

    /// Single partition columns whose stored form is plain.
    enum Simple: Sendable {
        case no, int, bigint, timestamp, text

        init(_ schema: TableSchema) {
            guard schema.partitionKey.count == 1, let column = schema.partitionKey.first else {
                self = .no
                return
            }
            switch column.type {
            case .int: self = .int
            case .bigint: self = .bigint
            case .timestamp: self = .timestamp
            case .text: self = .text
            default: self = .no
            }
        }
    }

    /// Table, token and partition key of the common types, without a look at the schema. False, with nothing written,
    /// where the general way has to decide.
    private static func simple(_ table: StoredTable, _ value: Value, into writer: inout ByteWriter) -> Bool {
        switch (table.simplePartition, value) {
        case (.bigint, .bigint(let n)), (.timestamp, .timestamp(let n)): number(table.id, n, into: &writer)
        case (.int, .int(let n)): number(table.id, n, into: &writer)
        case (.text, .text(let text)):
            let length = text.utf8.count
            guard length > 0, length <= Limits.partitionKeyBytes else { return false }
            writer.raw(table.prefix)
            let start = writer.count
            writer.integer(Int64(0))
            writer.text(text)
            let token: Int64? = writer.bytes.withUnsafeBytes {
                let text = UnsafeRawBufferPointer(rebasing: $0[(start + TableSchema.tokenBytes)...])
                // Zeros have to be escaped.
                return text.contains(0) ? nil : Murmur3.token(text)
            }
            guard let token else {
                writer.bytes.removeLast(writer.count - start + table.prefix.count)
                return false
            }
            writer.patch(token ^ .min, at: start)
            writer.byte(0)
            writer.byte(1)
        default: return false
        }
        return true
    }

    /// All of it at once: an append for each part would cost more than the parts do.
    @inline(__always)
    private static func number<N: FixedWidthInteger>(_ table: UInt32, _ n: N, into writer: inout ByteWriter) {
        let token = withUnsafeBytes(of: n.bigEndian) { Murmur3.token($0) }
        let front = MemoryLayout<UInt32>.size
        let size = front + TableSchema.tokenBytes + MemoryLayout<N>.size
        withUnsafeTemporaryAllocation(byteCount: size, alignment: 1) { bytes in
            bytes.storeBytes(of: table.bigEndian, as: UInt32.self)
            bytes.storeBytes(of: (token ^ .min).bigEndian, toByteOffset: front, as: Int64.self)
            bytes.storeBytes(of: n.bigEndian, toByteOffset: front + TableSchema.tokenBytes, as: N.self)
            writer.raw(UnsafeRawBufferPointer(bytes))
        }
    }

    /// - Parameter values: partition key columns, then clustering columns, all of them.
    /// - Returns: where the partition ends.
    @discardableResult
    static func row(_ table: StoredTable, _ values: [Value], into writer: inout ByteWriter) throws(Failure) -> Int {
        let (split, count) = (table.partitionColumns, table.keyColumns)
        guard values.count == count else { throw wrongCount(table, values.count) }
        try partition(table, values[..<split], into: &writer)
        let end = writer.count
        writer.byte(RowSpace.rows)
        if count > split { try table.schema.encodeClustering(values[split...], into: &writer) }
        return end
    }

    static func wrongCount(_ table: StoredTable, _ count: Int) -> Failure {
        Failure(
            .wrongType, "the key of a row of \(table.name) has \(table.keyColumns) columns, not \(count)",
            place: table.name)
    }

    static func fixed(_ table: StoredTable, _ values: [Value], into writer: inout ByteWriter) throws(Failure) {
        try partition(table, values[...], into: &writer)
        writer.byte(RowSpace.fixed)
    }

    /// Where in a stored key the partition ends. Refuses a key whose partition cannot be read.
    static func end(ofPartition key: UnsafeRawBufferPointer, _ table: StoredTable) throws(Failure) -> Int {
        do throws(ByteFault) {
            var reader = ByteReader(key)
            try reader.skip(table.prefix.count)
            switch table.simplePartition {
            case .int, .bigint, .timestamp:
                // Any bytes are a value, so the token alone is to be checked.
                let token = try reader.integer(Int64.self) ^ .min
                let start = reader.position
                let value = try reader.take(table.simplePartition == .int ? 4 : 8)
                guard Murmur3.token(value) == token else { throw ByteFault(.checksum, at: start) }
            case .text, .no:
                _ = try table.schema.values(of: try table.schema.decodePartitionKey(&reader))
            }
            return reader.position
        } catch {
            throw RowView.damage(table)
        }
    }
}

extension StoredTable {
    /// Partition key and clustering columns of a stored key; `split` is where the partition ends, and may be its end.
    func values(ofKey key: UnsafeRawBufferPointer, split: Int) throws(ByteFault) -> [Value] {
        var reader = ByteReader(key)
        try reader.skip(prefix.count)
        var values = try schema.values(of: try schema.decodePartitionKey(&reader))
        if key.count > split {
            values += try schema.decodeClustering(UnsafeRawBufferPointer(rebasing: key[(split + 1)...]))
        }
        return values
    }
}
