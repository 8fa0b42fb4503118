public import MillraceCore

/// The 61 bytes in front of a batch's records (Kafka RecordBatch v2).
///
/// The checksum covers everything from the attributes on. What it does not cover (base offset, length, leader epoch,
/// magic, and the checksum itself) is checked by the log from its neighbours.
public struct BatchHeader: Hashable, Sendable, BitwiseCopyable {
    /// Bytes of the header.
    public static let byteCount = 61
    /// Bytes up to and with the length field, which counts what follows it.
    public static let lengthPrefix = 12
    /// Where the checksum lies, and where the bytes it covers begin.
    public static let checksumPosition = 17, checksumStart = 21
    /// What producer id, epoch and sequence are when there is no idempotent producer.
    public static let noProducer: Int64 = -1
    public static let noSequence: Int32 = -1
    @usableFromInline static let magic: UInt8 = 2
    /// A record needs at least its length, attributes, two deltas, two lengths and a header count.
    @usableFromInline static let minimumRecordBytes = 7

    public var baseOffset: Int64
    /// Bytes after the length field.
    public var length: Int32
    public var leaderEpoch: Int32
    public var checksum: UInt32
    public var attributes: BatchAttributes
    /// The batch holds the offsets `baseOffset ... baseOffset + lastOffsetDelta`, all of them or, compacted, some.
    public var lastOffsetDelta: Int32
    /// Milliseconds that the records' deltas count from: the first record's, or the delete horizon when there is one.
    public var baseMilliseconds: Int64
    /// The largest timestamp in the batch in milliseconds; under LogAppendTime that of every record.
    public var maxMilliseconds: Int64
    public var producerID: Int64
    public var producerEpoch: Int16
    public var baseSequence: Int32
    public var recordCount: Int32

    @inlinable public init(
        baseOffset: Int64, length: Int32, leaderEpoch: Int32, checksum: UInt32, attributes: BatchAttributes,
        lastOffsetDelta: Int32, baseMilliseconds: Int64, maxMilliseconds: Int64, producerID: Int64,
        producerEpoch: Int16, baseSequence: Int32, recordCount: Int32
    ) {
        (self.baseOffset, self.length, self.leaderEpoch, self.checksum) = (baseOffset, length, leaderEpoch, checksum)
        (self.attributes, self.lastOffsetDelta) = (attributes, lastOffsetDelta)
        (self.baseMilliseconds, self.maxMilliseconds) = (baseMilliseconds, maxMilliseconds)
        (self.producerID, self.producerEpoch, self.baseSequence) = (producerID, producerEpoch, baseSequence)
        self.recordCount = recordCount
    }

    /// Bytes of the whole batch on disk.
    @inlinable public var totalBytes: Int { Self.lengthPrefix + Int(length) }
    @inlinable public var lastOffset: Int64 { baseOffset + Int64(lastOffsetDelta) }
    /// The offset after the batch.
    @inlinable public var nextOffset: Int64 { lastOffset + 1 }
    @inlinable public var maxTimestamp: EventTime { .milliseconds(maxMilliseconds) }
    @inlinable public var hasProducer: Bool { producerID >= 0 }
    /// The sequence of the last record; wraps from 2³¹−1 to 0 as Kafka's does.
    @inlinable public var lastSequence: Int32 {
        baseSequence < 0
            ? baseSequence : Int32(truncatingIfNeeded: (Int64(baseSequence) + Int64(lastOffsetDelta)) & 0x7FFF_FFFF)
    }
    /// Milliseconds from which tombstones and markers in this batch may be removed; nil before compaction saw them.
    @inlinable public var deleteHorizonMilliseconds: Int64? { attributes.hasDeleteHorizon ? baseMilliseconds : nil }

    /// Reads and checks the header at the start of `bytes`; total on any bytes. The records need not be there.
    @inlinable public init(_ bytes: UnsafeRawBufferPointer) throws(ByteFault) {
        guard let start = bytes.baseAddress, bytes.count >= Self.byteCount else {
            throw ByteFault(.truncated, at: bytes.count)
        }
        @inline(__always) func load<T: FixedWidthInteger>(_ position: Int, _: T.Type = T.self) -> T {
            T(bigEndian: start.loadUnaligned(fromByteOffset: position, as: T.self))
        }
        guard start.load(fromByteOffset: 16, as: UInt8.self) == Self.magic else {
            throw ByteFault(.unknownValue, at: 16)
        }
        self.init(
            baseOffset: load(0), length: load(8), leaderEpoch: load(12), checksum: load(17),
            attributes: BatchAttributes(rawValue: load(21)), lastOffsetDelta: load(23), baseMilliseconds: load(27),
            maxMilliseconds: load(35), producerID: load(43), producerEpoch: load(51), baseSequence: load(53),
            recordCount: load(57))
        try validate()
    }

    /// Refuses what no writer of batches produces. Positions are those of the fields.
    public func validate() throws(ByteFault) {
        guard baseOffset >= 0 else { throw ByteFault(.impossibleCount, at: 0) }
        guard Int(length) >= Self.byteCount - Self.lengthPrefix, totalBytes <= Limits.batchBytes else {
            throw ByteFault(.impossibleCount, at: 8)
        }
        guard attributes.isKnown else { throw ByteFault(.unknownValue, at: 21) }
        guard lastOffsetDelta >= 0, !baseOffset.addingReportingOverflow(Int64(lastOffsetDelta) + 1).overflow else {
            throw ByteFault(.impossibleCount, at: 23)
        }
        guard producerID >= -1, !(attributes.isTransactional && producerID < 0) else {
            throw ByteFault(.unknownValue, at: 43)
        }
        guard producerEpoch >= -1 else { throw ByteFault(.unknownValue, at: 51) }
        guard baseSequence >= -1 else { throw ByteFault(.unknownValue, at: 53) }
        let bodyBytes = totalBytes - Self.byteCount
        guard recordCount >= 0, Int64(recordCount) <= Int64(lastOffsetDelta) + 1,
            attributes.compression != .none || Int(recordCount) <= bodyBytes / Self.minimumRecordBytes
        else { throw ByteFault(.impossibleCount, at: 57) }
    }

    /// Bytes of the batch whose first bytes these are, judged by the length field alone; nil when there are fewer than
    /// twelve bytes or the length is impossible.
    @inlinable public static func totalBytes(peeking bytes: UnsafeRawBufferPointer) -> Int? {
        guard bytes.count >= lengthPrefix else { return nil }
        let length = Int(Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: Int32.self)))
        guard length >= byteCount - lengthPrefix, length <= Limits.batchBytes - lengthPrefix else { return nil }
        return lengthPrefix + length
    }

    /// Writes the 61 bytes as they stand, checksum included.
    @inlinable public func encode(into target: UnsafeMutableRawPointer) {
        @inline(__always) func store<T: FixedWidthInteger>(_ value: T, at position: Int) {
            target.storeBytes(of: value.bigEndian, toByteOffset: position, as: T.self)
        }
        store(baseOffset, at: 0)
        store(length, at: 8)
        store(leaderEpoch, at: 12)
        store(Self.magic, at: 16)
        store(checksum, at: 17)
        store(attributes.rawValue, at: 21)
        store(lastOffsetDelta, at: 23)
        store(baseMilliseconds, at: 27)
        store(maxMilliseconds, at: 35)
        store(producerID, at: 43)
        store(producerEpoch, at: 51)
        store(baseSequence, at: 53)
        store(recordCount, at: 57)
    }

    /// The 61 bytes as they stand, checksum included.
    var encoded: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Self.byteCount) { target, count in
            encode(into: UnsafeMutableRawPointer(target.baseAddress!))
            count = Self.byteCount
        }
    }

    /// Writes the two fields that the log assigns and the checksum does not cover, into a batch's first bytes.
    @inlinable public static func place(
        baseOffset: Int64, leaderEpoch: Int32, in batch: UnsafeMutableRawBufferPointer
    ) {
        precondition(batch.count >= byteCount, "a batch is at least its header")
        batch.storeBytes(of: baseOffset.bigEndian, toByteOffset: 0, as: Int64.self)
        batch.storeBytes(of: leaderEpoch.bigEndian, toByteOffset: 12, as: Int32.self)
    }
}
