public import MillraceCore

extension Limits {
    /// Columns of one table.
    public static let columnsPerTable = 1_000
    /// Seconds by which purging lags behind expiry, so that a reader that started before keeps a consistent view.
    public static let purgeMarginSeconds: Int64 = 60
    /// Bytes of one commit. It is held twice in memory while it is written, and RocksDB counts in 32 bits.
    public static let commitBytes = 256 << 20
    /// Bytes that commits are gathered up to before they are written and synced together.
    public static let groupBytes = 4 << 20
    /// Bytes that the store adds to a commit: the record of its id, with some to spare.
    static let commitTrailer = 64
    /// How long `reopen` waits for readers of the failed handle: longer than any page takes.
    public static let reopenWait = TimeSpan.seconds(10)
    /// Tables of one store: each costs memory whether used or not, and thousands are a schema gone wrong.
    public static let tables = 10_000
    /// Rows of one page: beyond this stream with a cursor.
    public static let pageRows = 100_000
    /// Up to so many rows of a table are counted when its size is asked for, in under a millisecond; more are guessed.
    static let countedRows = 1_000
    /// Bytes of the chunks that hold the rows of a read: a row that is kept keeps its chunk. The first is small, for
    /// reads of a few rows; from the largest on, allocating is no part of a row's cost any more.
    static let rowChunkLeast = 1 << 10
    public static let rowChunkBytes = 64 << 10
    /// Bytes of a paging state: two keys at their largest.
    public static let pagingStateBytes = 160 << 10
    /// Batches, and about as many changes, that a subscriber gets at once.
    public static let feedStep = 1_024
    /// How often the store asks itself whether a table is worth a look for what is dead. As long as the margin above:
    /// nothing can be purged sooner.
    public static let upkeepInterval = TimeSpan.seconds(60)
    /// After a look at a table its upkeep rests at least so many times as long as the look took: looking costs 5 % of
    /// one core at most.
    static let upkeepRest: Int64 = 20
    /// Dead bytes are purged when they are one in so many of a table: rewriting costs ten times what it frees, at most…
    static let purgeShare = 10
    /// …or when something has been dead for so long: all that is dead is off the disk a day later.
    static let purgeLatest = TimeSpan.days(1)
    /// So many dead rows in a row are dropped in bulk, by one deletion of their range and whole files.
    static let purgeRun = 1_000
    /// Keys that are looked at again and deleted while no commit is written: a few milliseconds.
    static let purgeChunk = 4_096
    /// Rows that purging writes anew while no commit is written: a few milliseconds.
    static let purgeRewrite = 512
}
