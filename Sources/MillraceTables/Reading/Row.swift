import MillraceCore

/// A row as it was at a snapshot.
public struct Row: Sendable {
    public let table: StoredTable
    /// Partition key and clustering columns; the partition key alone when only static columns are there.
    public internal(set) var key: [Value]
    /// The columns asked for, keys not among them.
    public let columns: [TableSchema.Column]
    /// One for each of `columns`; nil is null.
    public internal(set) var values: [Value?]
    /// Write timestamp and expiry of each of `columns`, when the query asked for them.
    public internal(set) var origins: [CellOrigin?]

    public subscript(_ name: String) -> Value? {
        if let index = columns.firstIndex(where: { $0.name == name }) { return values[index] }
        let keys = table.schema.partitionKey + table.schema.clustering
        guard let index = keys.firstIndex(where: { $0.name == name }) else { return nil }
        let position = index - keys.startIndex
        return position < key.count ? key[position] : nil
    }

    /// CQL's `WRITETIME`: microseconds.
    public func writeTime(_ name: String) -> Int64? { origin(name)?.timestamp }
    /// CQL's `TTL`: seconds left.
    public func ttl(_ name: String) -> Int64? {
        guard let origin = origin(name), let expiry = origin.expiry else { return nil }
        return expiry &- origin.readAt
    }
    private func origin(_ name: String) -> CellOrigin? {
        guard !origins.isEmpty, let index = columns.firstIndex(where: { $0.name == name }) else { return nil }
        return origins[index]
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
