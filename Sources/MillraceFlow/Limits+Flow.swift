public import MillraceCore

extension Limits {
    /// Records a kernel is handed at once: large enough to hide the call, small enough to stay in the cache.
    public static let recordsPerBatch = 1_024
    /// Slots in one unbroken run of a state table. At 3/4 load random keys stay far below; more means chosen keys.
    public static let paneTableProbes = 512
    /// Bytes of a table above which its slots are asked for ahead: what two levels of cache hold of it at best.
    public static let nearBytes = 1 << 20
    /// Records whose slots are asked for together: as many cache lines as a core fetches at once, twice.
    public static let recordsAhead = 16
    /// Keys a pre-combining step holds before it sends its partial panes on: a few MB, still in the cache's reach.
    public static let preCombineKeys = 65_536
    /// Versions that an aggregate which runs beside another may have: both are kept in one number.
    public static let aggregateVersions = 1_000
    /// Values a `topN` keeps per key: they are stored and sorted whole with every change.
    public static let topN = 1_000
    /// How long a source brings nothing before event time goes on without it: longer than pauses between a producer's
    /// batches, shorter than a person waits for a window.
    public static let idleAfter = TimeSpan.seconds(10)
    /// How far a record's time may lie ahead of the wall clock before it stops moving the watermark.
    public static let futureTime = TimeSpan.hours(24)
}
