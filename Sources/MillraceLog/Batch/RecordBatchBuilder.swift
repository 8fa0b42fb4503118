public import MillraceCore

/// Collects records and makes them one batch. Reusable: its memory stays from batch to batch.
///
/// One owner, not Sendable. A record costs no allocation as long as the batch fits the capacity reached so far.
public final class RecordBatchBuilder {
    /// What the batch says besides its records. May be changed until `finish`, except the delete horizon and base
    /// offset, which count only when set before the first record.
    public struct Properties: Hashable, Sendable {
        public var compression: Compression = .none
        public var producerID: Int64 = BatchHeader.noProducer
        public var producerEpoch: Int16 = -1
        public var baseSequence: Int32 = BatchHeader.noSequence
        public var isTransactional = false
        public var isControl = false
        public var isLogAppendTime = false
        /// The log replaces it when it appends; compaction keeps it.
        public var baseOffset: Int64 = 0
        public var leaderEpoch: Int32 = 0
        public var deleteHorizonMilliseconds: Int64?
        public init() {}
        /// Those of a stored batch: what compaction starts from.
        public init(of header: BatchHeader) {
            compression = header.attributes.compression
            (producerID, producerEpoch) = (header.producerID, header.producerEpoch)
            baseSequence = header.baseSequence
            (isTransactional, isControl) = (header.attributes.isTransactional, header.attributes.isControl)
            isLogAppendTime = header.attributes.isLogAppendTime
            (baseOffset, leaderEpoch) = (header.baseOffset, header.leaderEpoch)
            deleteHorizonMilliseconds = header.deleteHorizonMilliseconds
        }
    }

    public var properties: Properties {
        didSet { if encoder.recordCount == 0 { restart() } }
    }
    /// Unchecked because a builder has one owner and no method calls back into it while it holds the encoder.
    @exclusivity(unchecked) @usableFromInline var encoder: RecordEncoder
    private lazy var compressor = Compressor()
    private var headerScratch = ByteWriter()

    /// - Parameter capacity: bytes of records the first batches are expected to have.
    public init(_ properties: Properties = Properties(), capacity: Int = 64 << 10) {
        self.properties = properties
        encoder = RecordEncoder(capacity: min(capacity, Limits.batchBytes))
        restart()
    }
    deinit { encoder.deallocate() }

    /// Records since the last `finish`.
    @inlinable public var count: Int { Int(encoder.recordCount) }
    @inlinable public var isEmpty: Bool { encoder.recordCount == 0 }
    /// Bytes the batch would have uncompressed.
    @inlinable public var byteCount: Int { encoder.used }

    /// Adds a record at the next offset. Throws when the batch would pass `Limits.batchBytes`; it is as before then.
    @inlinable public func append(
        key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?, milliseconds: Int64
    ) throws(Failure) {
        guard
            encoder.append(
                delta: encoder.lastDelta &+ 1, milliseconds: milliseconds, key: key, value: value, headerCount: 0,
                headers: UnsafeRawBufferPointer(start: nil, count: 0))
        else { throw tooLarge(key, value) }
    }
    /// The same with a time in microseconds, which Kafka's format rounds down to milliseconds.
    @inlinable public func append(
        key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?, timestamp: EventTime
    ) throws(Failure) {
        try append(key: key, value: value, milliseconds: timestamp.flooredMilliseconds)
    }
    /// Adds a record with headers.
    public func append(
        key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?, milliseconds: Int64,
        headers: some Collection<RecordHeader>
    ) throws(Failure) {
        guard headers.count <= Limits.headersPerRecord else {
            throw Failure(
                .limitReached, "A record has \(headers.count) headers, \(Limits.headersPerRecord) are allowed",
                advice: "Put large metadata into the record's value")
        }
        headerScratch.removeAll()
        for header in headers {
            headerScratch.varint(Int64(header.key.utf8.count))
            headerScratch.text(header.key)
            headerScratch.varint(Int64(header.value?.count ?? -1))
            if let value = header.value { headerScratch.raw(value) }
        }
        let fits = headerScratch.bytes.withUnsafeBytes {
            encoder.append(
                delta: encoder.lastDelta &+ 1, milliseconds: milliseconds, key: key, value: value,
                headerCount: headers.count, headers: $0)
        }
        guard fits else { throw tooLarge(key, value) }
    }
    /// Adds a record of arrays: for tests, tools and small producers.
    public func append(
        key: [UInt8]?, value: [UInt8]?, milliseconds: Int64, headers: [RecordHeader] = []
    ) throws(Failure) {
        let outcome: Result<Void, Failure> = lend(key) { key in
            lend(value) { value in
                do throws(Failure) {
                    if headers.isEmpty {
                        return .success(try append(key: key, value: value, milliseconds: milliseconds))
                    }
                    return .success(try append(key: key, value: value, milliseconds: milliseconds, headers: headers))
                } catch { return .failure(error) }
            }
        }
        try outcome.get()
    }
    /// Copies a stored record, headers unread, to the same offset. Offsets must rise and lie at or after the base
    /// offset in `properties`.
    @inlinable public func append(copying record: RecordView) throws(Failure) {
        let delta = record.offset - properties.baseOffset
        precondition(delta > Int64(encoder.lastDelta) && delta <= Int64(Int32.max), "offsets rise within a batch")
        guard
            encoder.append(
                delta: Int32(truncatingIfNeeded: delta), milliseconds: record.milliseconds, key: record.key,
                value: record.value, headerCount: record.headerCount, headers: record.headerBytes)
        else { throw tooLarge(record.key, record.value) }
    }

    /// Ends the batch and starts the next with the same properties. Allocates the batch's bytes.
    ///
    /// - Parameter lastOffsetDelta: widens the batch's range, so that offsets stay contiguous where compaction removed
    ///   the last records; a batch without records needs it.
    public func finish(lastOffsetDelta: Int32? = nil) -> EncodedBatch {
        precondition(encoder.recordCount > 0 || lastOffsetDelta != nil, "a batch without records needs a range")
        let last = max(encoder.lastDelta, lastOffsetDelta ?? -1)
        var header = BatchHeader(
            baseOffset: properties.baseOffset, length: 0, leaderEpoch: properties.leaderEpoch, checksum: 0,
            attributes: attributes(.none), lastOffsetDelta: last, baseMilliseconds: encoder.baseMilliseconds,
            maxMilliseconds: encoder.maxMilliseconds, producerID: properties.producerID,
            producerEpoch: properties.producerEpoch, baseSequence: properties.baseSequence,
            recordCount: encoder.recordCount)
        let body = UnsafeRawBufferPointer(
            start: encoder.base + BatchHeader.byteCount, count: encoder.used - BatchHeader.byteCount)
        let batch: EncodedBatch
        if properties.compression != .none, encoder.recordCount > 0, let packed = packed(body) {
            header.attributes = attributes(properties.compression)
            batch = EncodedBatch(signing: header, body: packed)
        } else {
            batch = EncodedBatch(signing: header, body: body)
        }
        restart()
        return batch
    }

    /// Drops the records collected so far.
    public func removeAll() { restart() }

    private func restart() {
        encoder.reset()
        if let horizon = properties.deleteHorizonMilliseconds { encoder.baseMilliseconds = horizon }
    }

    /// A control batch of one record. Uses the producer's id and epoch from `properties`, and no sequence.
    public static func control(
        _ control: ControlRecord, milliseconds: Int64, properties: Properties = Properties()
    ) -> EncodedBatch {
        var properties = properties
        (properties.isControl, properties.compression) = (true, .none)
        properties.baseSequence = BatchHeader.noSequence
        if control.isTransactionMarker { properties.isTransactional = true }
        let builder = RecordBatchBuilder(properties, capacity: 128)
        let fits = control.key.withUnsafeBytes { key in
            control.value.withUnsafeBytes { value in
                builder.encoder.append(
                    delta: 0, milliseconds: milliseconds, key: key, value: value, headerCount: 0,
                    headers: UnsafeRawBufferPointer(start: nil, count: 0))
            }
        }
        precondition(fits, "a control record is a few bytes")
        return builder.finish()
    }

    private func attributes(_ compression: Compression) -> BatchAttributes {
        BatchAttributes(
            compression: compression, isLogAppendTime: properties.isLogAppendTime,
            isTransactional: properties.isTransactional, isControl: properties.isControl,
            hasDeleteHorizon: properties.deleteHorizonMilliseconds != nil)
    }
    /// The body compressed; nil when that would not pay, or when a reader's caps would take it for a bomb.
    private func packed(_ body: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        let packed = compressor.compress(body, properties.compression)
        guard packed.count < body.count, body.count <= Decompressor.outputLimit(forInput: packed.count) else {
            return nil
        }
        return packed
    }
    @inline(never) @usableFromInline func tooLarge(
        _ key: UnsafeRawBufferPointer?, _ value: UnsafeRawBufferPointer?
    ) -> Failure {
        Failure(
            .limitReached,
            "A record of \((key?.count ?? 0) + (value?.count ?? 0)) bytes does not fit a batch of \(byteCount) bytes",
            advice: "A batch holds up to \(Limits.batchBytes) bytes: finish it first, or split the record")
    }
}

/// Lends an optional array as optional bytes.
private func lend<R>(_ bytes: [UInt8]?, _ body: (UnsafeRawBufferPointer?) -> R) -> R {
    guard let bytes else { return body(nil) }
    return bytes.withUnsafeBytes { body($0) }
}

extension EventTime {
    /// Whole milliseconds, rounded towards the past, as Kafka's format stores them.
    @inlinable public var flooredMilliseconds: Int64 {
        let (quotient, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000)
        return rest < 0 ? quotient - 1 : quotient
    }
}

extension EncodedBatch {
    /// Joins header and body, with length and checksum set.
    init(signing draft: BatchHeader, body: UnsafeRawBufferPointer) {
        var header = draft
        header.length = Int32(BatchHeader.byteCount - BatchHeader.lengthPrefix + body.count)
        let size = header.totalBytes
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { target, count in
            let raw = UnsafeMutableRawBufferPointer(start: target.baseAddress, count: size)
            if body.count > 0 {
                UnsafeMutableRawBufferPointer(rebasing: raw[BatchHeader.byteCount...]).copyMemory(from: body)
            }
            header = header.sign(raw)
            count = size
        }
        self.init(bytes: bytes, header: header)
    }
}
