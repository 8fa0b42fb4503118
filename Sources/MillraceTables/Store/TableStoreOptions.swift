public import MillraceCore

/// What a user may decide about a store. Everything else is decided with a reason in `DatabaseOptions`.
public struct TableStoreOptions: Sendable {
    /// Memory for blocks read from disk.
    public var cacheBytes = 64 << 20
    /// Memory for rows not yet in files; two buffers of this size exist at most.
    public var writeBufferBytes = 32 << 20
    /// How long the provenance of a commit can be looked up.
    public var commitRetention = TimeSpan.days(7)
    /// Bytes of recent commits kept for subscribers that are behind.
    public var feedBytes = 8 << 20
    /// How often the store's own thread asks which tables have something dead worth purging. nil: never; then call
    /// `purge`.
    public var upkeepInterval: TimeSpan? = Limits.upkeepInterval
    /// Opens although the files end before the last commit that was acknowledged. What is missing is lost then.
    public var acceptsLoss = false
    /// Nothing is written: for kept snapshots.
    public var readOnly = false

    /// For tests that want many files, no compression, tiny buffers.
    var tuning: (@Sendable (inout DatabaseOptions) -> Void)?

    public init() {}

    var database: DatabaseOptions {
        var options = DatabaseOptions()
        options.blockCacheBytes = cacheBytes
        options.writeBufferBytes = writeBufferBytes
        options.readOnly = readOnly
        options.mustExist = readOnly
        tuning?(&options)
        return options
    }
}
