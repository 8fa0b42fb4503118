public import MillraceCore

extension Limits {
    /// Partitions of one topic: each costs a few hundred bytes, and a file handle while it is used.
    public static let partitionsPerTopic = 10_000
    /// Topics of one store: each is a directory and a few files that are read at start.
    public static let topics = 10_000
    /// Bytes of a topic's name: Kafka's limit, and it fits a file name with a suffix.
    public static let topicNameBytes = 249
    /// Bytes of one segment. Positions inside it are 32 bits and signed in Kafka's tools.
    public static let segmentBytes: Int64 = 2_147_483_647
    /// The least a segment may be set to: below it a partition would be mostly file names.
    public static let segmentBytesLeast: Int64 = 1_024
    /// Bytes of a small checked file (topic, producers, positions) that we read whole. 64 MiB is a million entries.
    public static let checkedFileBytes = 64 << 20
    /// Segments of one partition that are listed in memory. At the smallest sensible segment that is a terabyte.
    public static let segmentsPerPartition = 1_000_000
    /// Readers of one partition that wait for data at once.
    public static let readWaitersPerPartition = 4_096
    /// Appenders of one store that wait for room in its buffer at once; each is a suspended task.
    public static let appendWaiters = 65_536
    /// Bytes written to one partition before the writer turns to the next: what a disk takes in about a millisecond.
    public static let appendTurnBytes = 4 << 20
    /// A caller that slept in a write of its own that took this long was held back by the system: a copy takes less…
    public static let callersWriteLongest: TimeSpan = .milliseconds(2)
    /// …and for this many times as long the store's writer waits instead.
    public static let callersWriteRest: Int64 = 10
    /// Bytes of small batches gathered into one write: larger ones gain nothing.
    public static let gatherBytes = 256 << 10
    /// A batch of this size or more is written by itself: a call costs less than copying it.
    public static let gatherBatchBytes = 32 << 10
    /// Bytes of a partition that may be written and not yet synced. A frame that is intact further than this behind a
    /// damaged one proves that the damaged one was synced, so that it is damage and no torn tail.
    public static let unsyncedBytes = 16 << 20
    /// Producers that one partition remembers; the longest idle goes first. An entry takes about 200 bytes.
    public static let producersPerPartition = 10_000
    /// Batches remembered per producer, as in Kafka: what a client has in flight at most.
    public static let batchesPerProducer = 5
    /// Aborted transactions that one partition remembers between its start and its end.
    public static let abortedPerPartition = 1_000_000
    /// Transactional names of one store.
    public static let transactionalNames = 100_000
    /// Consumer groups times partitions whose positions are kept.
    public static let positions = 1_000_000
    /// Retention holds of one partition.
    public static let holdsPerPartition = 1_024
    /// Bytes a reader reads at once before it checks them: what a core's second cache holds beside the rest.
    public static let readPieceBytes = 128 << 10
    /// Bytes a reader lends at once unless told otherwise: the second cache holds them until they are decoded.
    public static let lentBytes = 256 << 10
    /// Bytes a look-up reads at once: a batch or two, where its index entry points to.
    public static let lookUpBytes = 32 << 10
    /// Bytes a scan for the next intact frame reads at once.
    public static let scanWindowBytes = 1 << 20
    /// Bytes of keys that one compaction of a partition remembers: about a million keys. More are done in several
    /// rounds.
    public static let compactionMapBytes = 128 << 20
    /// Bytes of a group's or hold's name.
    public static let groupNameBytes = 249
}
