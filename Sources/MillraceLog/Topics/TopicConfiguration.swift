public import MillraceCore

/// When an append counts as done.
public enum Acknowledgement: UInt8, Hashable, Sendable, CaseIterable {
    /// After `fdatasync`: it survives a power cut.
    case durable = 0
    /// After `write`: it survives the process, not the machine.
    case written = 1
}

/// What a topic keeps, and for how long.
public struct TopicConfiguration: Hashable, Sendable {
    /// What happens to old records.
    public struct Cleanup: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// Whole segments go by age and size.
        public static let delete = Cleanup(rawValue: 1)
        /// The last record of each key stays.
        public static let compact = Cleanup(rawValue: 2)
    }
    /// Whose clock gives records their time.
    public enum TimestampKind: UInt8, Hashable, Sendable {
        /// The producer's.
        case create = 0
        /// The log's, at the append.
        case append = 1
    }

    public var partitions = 1
    /// A segment is closed before it passes this size, or when it is this old.
    public var segmentBytes: Int64 = 1 << 30
    public var segmentAge: TimeSpan = .days(7)
    /// Age by the largest record time in a segment; nil keeps for ever.
    public var retentionTime: TimeSpan? = .days(7)
    /// Bytes of one partition; nil is no bound.
    public var retentionBytes: Int64?
    public var cleanup: Cleanup = .delete
    public var timestamps: TimestampKind = .create
    /// Bytes of one batch with its header.
    public var maxBatchBytes = 1 << 20
    /// What `append` waits for when its caller does not say. Readers of a `durable` topic see synced records only.
    public var durability: Acknowledgement = .durable
    /// How far ahead of the wall clock a record's time may be; nil accepts any.
    public var futureLimit: TimeSpan? = .hours(1)
    /// How long a tombstone stays after compaction first saw it, so that slow readers learn of the deletion.
    public var tombstoneRetention: TimeSpan = .days(1)
    /// How long a record is safe from compaction.
    public var compactionLag: TimeSpan = .zero
    /// Compaction starts when this part of the bytes, in percent, has not been compacted yet.
    public var dirtyPercent = 50

    public init(partitions: Int = 1) { self.partitions = partitions }

    /// Refuses what no log could keep to.
    public func validate() throws(Failure) {
        func refuse(_ message: String, _ advice: String) -> Failure {
            Failure(.invalidArgument, message, advice: advice)
        }
        guard (1...Limits.partitionsPerTopic).contains(partitions) else {
            throw refuse("A topic cannot have \(partitions) partitions", "Choose 1 to \(Limits.partitionsPerTopic)")
        }
        guard (Limits.segmentBytesLeast...Limits.segmentBytes).contains(segmentBytes) else {
            throw refuse(
                "A segment cannot have \(segmentBytes) bytes",
                "Choose \(Limits.segmentBytesLeast) to \(Limits.segmentBytes)")
        }
        guard (BatchHeader.byteCount...Limits.batchBytes).contains(maxBatchBytes) else {
            throw refuse(
                "A batch cannot be limited to \(maxBatchBytes) bytes",
                "Choose \(BatchHeader.byteCount) to \(Limits.batchBytes)")
        }
        guard !cleanup.isEmpty, cleanup.isSubset(of: [.delete, .compact]) else {
            throw refuse(
                "A topic is cleaned by delete, by compact, or by both", "Set one; to keep all, set no retention")
        }
        guard segmentAge > .zero, retentionTime.map({ $0 >= .zero }) ?? true, retentionBytes.map({ $0 >= 0 }) ?? true,
            futureLimit.map({ $0 >= .zero }) ?? true, tombstoneRetention >= .zero, compactionLag >= .zero,
            (0...100).contains(dirtyPercent)
        else {
            throw refuse("A time or size of the topic is negative", "Use nil for no bound")
        }
    }
}
