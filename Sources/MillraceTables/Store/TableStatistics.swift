public import MillraceCore

/// What the store has done and holds, for metrics. Counts are since it was opened; bytes are now.
public struct TableStatistics: Hashable, Sendable {
    public var commits: Int
    /// Batches written: commits that came together share one, and its sync.
    public var groups: Int
    /// Rows that compaction and merging rewrote or dropped because something in them was dead for good.
    public var purgedRows: Int
    /// Times the durable mark could not be written: loss would be noticed later, nothing else.
    public var markFailures: Int
    public var fileBytes: Int
    public var writeBufferBytes: Int
    public var cacheBytes: Int
    /// What compaction is behind by.
    public var pendingCompactionBytes: Int
    /// Commits kept for subscribers.
    public var feedBytes: Int
    public var lastCommit: CommitID
}

extension TableStore {
    public func statistics() throws(Failure) -> TableStatistics {
        let database = try database()
        func property(_ name: String) -> Int { Int(clamping: database.property("rocksdb." + name) ?? 0) }
        return TableStatistics(
            commits: Int(clamping: commits.value), groups: Int(clamping: groups.value), purgedRows: purge.purged,
            markFailures: Int(clamping: markFailures.value), fileBytes: property("total-sst-files-size"),
            writeBufferBytes: property("cur-size-all-mem-tables"), cacheBytes: database.cacheBytes,
            pendingCompactionBytes: property("estimate-pending-compaction-bytes"), feedBytes: feed.bytes,
            lastCommit: CommitID(microseconds: feed.lastCommit))
    }
}
