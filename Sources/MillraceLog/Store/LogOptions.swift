public import MillraceCore

/// How a store works, as opposed to what a topic is. The defaults suit a node; tests and tools change some.
public struct LogOptions: Sendable {
    /// Who does the blocking work.
    public enum Execution: Sendable {
        /// One thread of ours writes, `syncThreads` sync, one maintains.
        case threads
        /// Nobody: the owner calls `LogStore.turn()`. For tests that want one order of events.
        case manual
    }
    public var execution: Execution = .threads
    /// Threads that wait in `fdatasync`. A few, because a file system merges the syncs of several files.
    public var syncThreads = 2
    /// Bytes of batches that wait to be written, over all partitions. Full means back pressure.
    public var appendBufferBytes = 64 << 20
    /// Files kept open between uses. 10,000 partitions do not need 10,000 handles.
    public var openFiles = 512
    /// Bytes between two entries of a segment's index.
    public var indexIntervalBytes = 4_096
    /// How long a batch with a `written` acknowledgement may stay unsynced when nobody asks for more.
    public var lazySyncInterval: TimeSpan = .seconds(1)
    /// How often retention, compaction, producer expiry and the recovery points are looked at.
    public var maintenanceInterval: TimeSpan = .seconds(1)
    /// How often retention and compaction run.
    public var cleaningInterval: TimeSpan = .seconds(15)
    /// How long an idle producer is remembered.
    public var producerExpiry: TimeSpan = .days(1)
    /// How long a transaction may stay open before it is aborted; nil leaves that to whoever owns the decision.
    public var transactionTimeout: TimeSpan?
    /// Bytes a second that compaction reads and writes.
    public var compactionBytesPerSecond: Int64 = 64 << 20
    /// Bytes that must stay free on the volume; appends are refused below.
    public var freeBytesLeast: Int64 = 64 << 20

    public init() {}
}
