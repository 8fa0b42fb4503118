public import MillraceCore

/// One stored batch, lent: its header, its checksum, its records. Valid as long as its bytes are.
public struct RecordBatchView {
    public let header: BatchHeader
    /// Exactly the batch: header and body as stored.
    public let bytes: UnsafeRawBufferPointer

    /// The batch at the start of `bytes`, which may go on behind it. Checks the header and that the body is there;
    /// not the checksum.
    @inlinable public init(_ bytes: UnsafeRawBufferPointer) throws(ByteFault) {
        header = try BatchHeader(bytes)
        guard header.totalBytes <= bytes.count else { throw ByteFault(.truncated, at: bytes.count) }
        self.bytes = UnsafeRawBufferPointer(rebasing: bytes[..<header.totalBytes])
    }
    /// For a reader that has checked the batch already.
    @inlinable public init(header: BatchHeader, bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count == header.totalBytes, "the bytes of exactly one batch")
        (self.header, self.bytes) = (header, bytes)
    }

    /// True when the stored checksum is that of the bytes.
    public var isIntact: Bool {
        CRC32C.of(UnsafeRawBufferPointer(rebasing: bytes[BatchHeader.checksumStart...])) == header.checksum
    }
    public func verifyChecksum() throws(ByteFault) {
        guard isIntact else { throw ByteFault(.checksum, at: BatchHeader.checksumPosition) }
    }

    /// The records as stored, compressed or not.
    @inlinable public var storedBody: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[BatchHeader.byteCount...])
    }

    /// Starts at the first record. An uncompressed batch lends its own bytes; a compressed one lends `decompressor`'s
    /// buffer, which must outlive the cursor (hold it in a property, or `withExtendedLifetime`) and must not be used
    /// again before the records have been.
    public func records(using decompressor: Decompressor) throws(ByteFault) -> RecordCursor {
        guard header.attributes.compression != .none, header.recordCount > 0 else {
            return RecordCursor(storedBody, of: header)
        }
        let body = try decompressor.decompress(storedBody, header.attributes.compression)
        guard Int(header.recordCount) <= body.count / BatchHeader.minimumRecordBytes else {
            throw ByteFault(.impossibleCount, at: 57)
        }
        return RecordCursor(body, of: header)
    }

    /// Checksum, every record and every header: what a batch from outside goes through before it is stored.
    ///
    /// - Parameter dense: offsets must fill the range without gaps, as in anything a producer sends.
    public func validateRecords(using decompressor: Decompressor, dense: Bool) throws(ByteFault) {
        defer { withExtendedLifetime(decompressor) {} }
        try verifyChecksum()
        if dense, Int64(header.recordCount) != Int64(header.lastOffsetDelta) + 1 {
            throw ByteFault(.impossibleCount, at: 57)
        }
        var cursor = try records(using: decompressor)
        while let record = try cursor.next() {
            guard record.headerCount > 0 else { continue }
            var headers = record.headers
            while try headers.next() != nil {}
        }
    }
}
