public import MillraceCore

/// A row as it was at a snapshot.
///
/// It owns its bytes as they were stored, together with other rows of the same read (`Limits.rowChunkBytes` at most),
/// and makes values of them when asked: each time anew, so keep what is needed twice.
public struct Row: @unchecked Sendable {
    // Sendable because nothing changes the chunk's header, nor the bytes of a row after the row was made of them.
    let chunk: RowChunk
    /// Where in the chunk its key begins.
    let start: UInt32
    /// Lengths: of the partition in the key, of the key, of the stored row. Without a clustering key it stands for a
    /// partition that has static columns alone.
    let split: UInt32
    let keyCount: UInt32
    let storedCount: UInt32
    /// The deletion over the whole row from elsewhere.
    let outer: Deletion

    public var table: StoredTable { chunk.context.table }
    /// The columns asked for, keys not among them.
    public var columns: [TableSchema.Column] { chunk.context.projection.columns }

    /// Partition key and clustering columns; the partition key alone when only static columns are there.
    public var key: [Value] {
        checked { (bytes) throws(ByteFault) in
            try table.values(ofKey: UnsafeRawBufferPointer(rebasing: bytes[..<Int(keyCount)]), split: Int(split))
        }
    }

    /// One for each of `columns`; nil is null.
    public var values: [Value?] {
        let context = chunk.context
        var values = [Value?](repeating: nil, count: context.projection.columns.count)
        eachStored { (bytes, outer) throws(RowFault) in try context.decode(bytes, outer, into: &values) }
        return values
    }

    /// Write timestamp and expiry of each of `columns`, when the query asked for them; else empty.
    public var origins: [CellOrigin?] {
        let context = chunk.context
        guard context.wantsOrigins else { return [] }
        var origins = [CellOrigin?](repeating: nil, count: context.projection.columns.count)
        eachStored { (bytes, outer) throws(RowFault) in try context.note(bytes, outer, into: &origins) }
        return origins
    }

    /// The value of one of `columns`; nil is null, and so is a column that was not asked for.
    public subscript(_ column: TableSchema.Column) -> Value? {
        let context = chunk.context
        guard context.projection.slot(UInt32(column.id)) != nil else { return nil }
        return checked { (bytes) throws(RowFault) in
            if column.kind == .static {
                guard let statics = chunk.statics else { return nil }
                return try statics.bytes.lending { (bytes) throws(RowFault) in
                    try context.value(of: column, in: bytes, statics.outer)
                }
            }
            return storedCount == 0 ? nil : try context.value(of: column, in: stored(bytes), outer)
        }
    }

    /// The value of one of `columns` or of the key by its name.
    public subscript(_ name: String) -> Value? {
        if let column = columns.first(where: { $0.name == name }) { return self[column] }
        let keys = table.schema.partitionKey + table.schema.clustering
        guard let index = keys.firstIndex(where: { $0.name == name }) else { return nil }
        let (position, key) = (index - keys.startIndex, key)
        return position < key.count ? key[position] : nil
    }

    /// Lends the bytes it owns; nil when it has static columns alone.
    public func lend<R>(_ body: (borrowing RowView) throws(Failure) -> R) throws(Failure) -> R? {
        guard storedCount > 0 else { return nil }
        return try withExtendedLifetime(chunk) { () throws(Failure) in
            let bytes = chunk.bytes(from: Int(start), count: Int(keyCount + storedCount))
            return try body(
                RowView(
                    table: table, key: UnsafeRawBufferPointer(rebasing: bytes[..<Int(keyCount)]), split: Int(split),
                    stored: stored(bytes), outer: outer, now: chunk.context.now))
        }
    }

    /// CQL's `WRITETIME`: microseconds.
    public func writeTime(_ name: String) -> Int64? { origin(name)?.timestamp }
    /// CQL's `TTL`: seconds left.
    public func ttl(_ name: String) -> Int64? {
        guard let origin = origin(name), let expiry = origin.expiry else { return nil }
        return expiry &- origin.readAt
    }
    private func origin(_ name: String) -> CellOrigin? {
        guard chunk.context.wantsOrigins, let index = columns.firstIndex(where: { $0.name == name }) else {
            return nil
        }
        return origins[index]
    }

    private func stored(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[Int(keyCount)...])
    }

    /// Visits the row, and its partition's static columns.
    private func eachStored(_ body: (UnsafeRawBufferPointer, Deletion) throws(RowFault) -> Void) {
        checked { (bytes) throws(RowFault) in
            if storedCount > 0 { try body(stored(bytes), outer) }
            guard let statics = chunk.statics else { return }
            try statics.bytes.lending { (bytes) throws(RowFault) in try body(bytes, statics.outer) }
        }
    }

    /// Reads bytes that were looked through before they were copied (`ReadContext.check`).
    private func checked<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) -> R {
        do throws(E) {
            return try withExtendedLifetime(chunk) { () throws(E) in
                try body(chunk.bytes(from: Int(start), count: Int(keyCount + storedCount)))
            }
        } catch {
            preconditionFailure("a row that was checked cannot be read: \(error)")
        }
    }
}

/// Where a value comes from. `timestamp` is also the id of the commit that wrote it, unless its writer brought one.
public struct CellOrigin: Hashable, Sendable {
    /// Microseconds; of a collection the latest of its elements.
    public var timestamp: Int64
    /// Seconds since 1970 at which it ends.
    public var expiry: Int64?
    /// Seconds since 1970 of the snapshot.
    var readAt: Int64
}
