public import MillraceCore

/// A whole batch in memory, ready to be appended: from a `RecordBatchBuilder`, or as received and checked.
public struct EncodedBatch: Sendable {
    /// Header and body, bit for bit what is stored once `place` has set the offset and epoch.
    public private(set) var bytes: [UInt8]
    public private(set) var header: BatchHeader

    /// What a builder made; the header is not checked again.
    init(bytes: [UInt8], header: BatchHeader) {
        precondition(bytes.count == header.totalBytes, "the bytes of exactly one batch")
        (self.bytes, self.header) = (bytes, header)
    }

    /// A batch as received from outside: exactly one batch, its checksum right, every record readable and the offsets
    /// dense. Costs a walk over the records, and decompression.
    public init(received bytes: [UInt8], using decompressor: Decompressor) throws(ByteFault) {
        header = try bytes.lending { raw throws(ByteFault) in
            let view = try RecordBatchView(raw)
            guard view.bytes.count == raw.count else { throw ByteFault(.trailingBytes, at: view.bytes.count) }
            try view.validateRecords(using: decompressor, dense: true)
            return view.header
        }
        self.bytes = bytes
    }

    public var count: Int { bytes.count }
    public var recordCount: Int { Int(header.recordCount) }
    public var firstTimestamp: EventTime { .milliseconds(header.baseMilliseconds) }
    public var maxTimestamp: EventTime { header.maxTimestamp }

    /// Sets what the log assigns. The checksum does not cover it, so nothing else changes.
    public mutating func place(baseOffset: Int64, leaderEpoch: Int32) {
        (header.baseOffset, header.leaderEpoch) = (baseOffset, leaderEpoch)
        bytes.withUnsafeMutableBytes { BatchHeader.place(baseOffset: baseOffset, leaderEpoch: leaderEpoch, in: $0) }
    }

    /// Makes `time` the time of every record (LogAppendTime) and signs the batch anew.
    public mutating func stamp(appendMilliseconds time: Int64) {
        header.attributes.rawValue |= BatchAttributes.appendTimeBit
        header.maxMilliseconds = time
        header.sign(&bytes)
    }
}

extension BatchHeader {
    /// Writes the header in front of `batch` with the right checksum, and keeps that checksum.
    mutating func sign(_ batch: inout [UInt8]) {
        let signed = batch.withUnsafeMutableBytes { sign($0) }
        self = signed
    }
    func sign(_ batch: UnsafeMutableRawBufferPointer) -> BatchHeader {
        guard let start = batch.baseAddress, batch.count == totalBytes else {
            preconditionFailure("the bytes of exactly one batch")
        }
        encode(into: start)
        var signed = self
        signed.checksum = CRC32C.of(UnsafeRawBufferPointer(rebasing: batch[Self.checksumStart...]))
        start.storeBytes(of: signed.checksum.bigEndian, toByteOffset: Self.checksumPosition, as: UInt32.self)
        return signed
    }
}
