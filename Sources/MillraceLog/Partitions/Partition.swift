public import MillraceCore

/// What an append came to.
public struct AppendResult: Hashable, Sendable {
    public var baseOffset: Int64
    public var lastOffset: Int64
    /// The batch had been appended before, by the same producer with the same sequence; the offsets are those of then.
    public var isDuplicate = false
}

/// One ordered log: a row of segment files, written by one thread, read by any number.
///
/// Every method may be called from any thread. Appending does not block: the store's threads write and sync.
public final class Partition: Sendable {
    /// The topic's name and the partition's number in it.
    public let topic: String
    public let index: Int
    let directory: String
    let context: StoreContext
    let settings: TopicSettings
    let points: RecoveryPoints
    let state: Lock<State>

    struct Request: Sendable {
        var batch: EncodedBatch
        var acknowledgement: Acknowledgement
        var completion: @Sendable (Result<AppendResult, Failure>) -> Void
    }
    /// An append that is written and waits for its sync.
    struct Waiting: Sendable {
        var end: Int64
        var result: AppendResult
        var completion: @Sendable (Result<AppendResult, Failure>) -> Void
    }
    struct ReadWaiter: Sendable {
        var offset: Int64
        var isolation: Isolation
        var wake: @Sendable () -> Void
    }

    struct State: Sendable {
        /// By base offset; the last is the one that is written to. Empty until the first append.
        var segments: [Segment]
        var start: Int64
        /// The offset that the next batch gets. Everything before it is written.
        var end: Int64
        var durable: Int64
        /// The leader epoch of new segments.
        var epoch: Int32
        /// Why nothing is appended any more.
        var fault: Failure?
        /// Optional so that the writer can move each out: one reference left behind would copy the batch's bytes.
        var queue: [Request?] = []
        /// Somebody is writing, or the partition waits in the writer's queue for it.
        var hasTurn = false
        var mustRoll = false
        /// Appends wait because too much is unsynced.
        var isHeldBack = false
        var waiting: [Waiting] = []
        /// Completions that are due, in order; see `deliverAnswers`.
        var answers: [Answer] = []
        var isAnswering = false
        /// The active file while it has unsynced bytes: kept open, so that its sync reports its writes' errors.
        var dirtyFile: (any StorageFile)?
        var unsyncedBytes: Int64 = 0
        var needsDirectorySync = false
        /// Bytes of a failed write may lie behind the last batch.
        var hasStrayBytes = false
        var isSyncQueued = false
        var isSyncing = false
        var lazySync: ClockTimer?
        var producers: ProducerStates
        /// `partition.state` exists or must: there were producers.
        var hasState: Bool
        var snapshotOffset: Int64 = -1
        var readers: [UInt64: ReadWaiter] = [:]
        var nextReader: UInt64 = 0
        var holds: [String: Int64] = [:]
        var compaction = CompactionProgress()
    }

    init(
        topic: String, index: Int, directory: String, context: StoreContext, settings: TopicSettings,
        points: RecoveryPoints, state: State
    ) {
        (self.topic, self.index, self.directory) = (topic, index, directory)
        (self.context, self.settings, self.points) = (context, settings, points)
        self.state = Lock(state)
    }

    /// `topic/3`: how failures name it.
    public var name: String { "\(topic)/\(index)" }

    /// The first offset that can be read.
    public var startOffset: Int64 { state.withLock { $0.start } }
    /// The offset that the next record will get.
    public var endOffset: Int64 { state.withLock { $0.end } }
    /// Everything before it is on the disk.
    public var durableOffset: Int64 { state.withLock { $0.durable } }
    /// Where the oldest open transaction begins, or the end of what can be read.
    public var lastStableOffset: Int64 { readableEnd(.readCommitted) }
    /// Why the partition takes no appends any more: damage, or a failed sync. Nil is healthy.
    public var fault: Failure? { state.withLock { $0.fault } }
    /// The epoch that new segments bear; it rises when records may have been cut.
    public var leaderEpoch: Int32 { state.withLock { $0.epoch } }
    /// Bytes of all segments.
    public var byteCount: Int64 { state.withLock { $0.segments.reduce(0) { $0 + $1.bytes } } }
    /// Transactions without a marker, the oldest first.
    public var openTransactions: [OpenTransaction] { state.withLock { $0.producers.openTransactions } }

    /// The segments there are, for tools.
    public var segments: [SegmentDescription] {
        state.withLock { state in
            state.segments.map {
                SegmentDescription(
                    path: directory + "/" + $0.name.log, baseOffset: $0.base, endOffset: $0.end, bytes: $0.bytes,
                    epoch: $0.name.epoch, generation: $0.name.generation)
            }
        }
    }

    /// The offset that readers of an isolation may read up to.
    public func readableEnd(_ isolation: Isolation) -> Int64 {
        let durability = settings.current.durability
        return state.withLock { $0.visibleEnd(durability, isolation) }
    }

    var holdFile: HoldFile { points.holds }
    func path(_ name: String) -> String { directory + "/" + name }
}

extension Partition.State {
    /// Takes the turn to write when nobody has it and nothing holds writing back.
    mutating func takeTurn() -> Bool {
        guard !hasTurn, !isHeldBack else { return false }
        hasTurn = true
        return true
    }

    /// Readers of a durable topic see only what a power cut cannot take back, so that no offset ever means two records.
    func visibleEnd(_ durability: Acknowledgement, _ isolation: Isolation) -> Int64 {
        let visible = durability == .durable || fault != nil ? durable : end
        guard isolation == .readCommitted, let open = producers.firstOpenOffset else { return visible }
        return min(visible, open)
    }

    /// Takes out the readers that have something to read now.
    mutating func awakened(_ durability: Acknowledgement) -> [@Sendable () -> Void] {
        guard !readers.isEmpty else { return [] }
        let committed = visibleEnd(durability, .readCommitted)
        let all = visibleEnd(durability, .readUncommitted)
        let due = readers.filter {
            fault != nil || $0.value.offset < ($0.value.isolation == .readCommitted ? committed : all)
        }
        // In the order of registration, not of the dictionary.
        return due.keys.sorted().compactMap { readers.removeValue(forKey: $0)?.wake }
    }
}

/// One segment file as tools see it.
public struct SegmentDescription: Hashable, Sendable {
    public var path: String
    public var baseOffset: Int64
    public var endOffset: Int64
    public var bytes: Int64
    public var epoch: Int32
    /// How often it was compacted.
    public var generation: UInt32
}

/// The configuration that a topic's partitions share and that may change under them.
final class TopicSettings: Sendable {
    private let state: Lock<TopicMetadata>
    init(_ metadata: TopicMetadata) { state = Lock(metadata) }
    var metadata: TopicMetadata { state.withLock { $0 } }
    var current: TopicConfiguration { state.withLock { $0.configuration } }
    func set(_ metadata: TopicMetadata) { state.withLock { $0 = metadata } }
}

/// What compaction has seen of a partition.
struct CompactionProgress: Sendable {
    /// Everything before it has been compacted.
    var cleanedTo: Int64 = 0
    var isRunning = false
}
