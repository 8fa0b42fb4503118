public import MillraceCore

/// Batches lent by a `LogReader`: valid until its next call.
public struct LentBatches {
    /// Records below this offset come before what was asked for: the first batch may begin earlier.
    public let startOffset: Int64
    /// Where the reader goes on. Batches that were skipped lie before it too.
    public let endOffset: Int64
    /// Checked, in order. Empty when all that was read was skipped.
    public let batches: [RecordBatchView]
    /// Bytes of the batches.
    public let byteCount: Int

    /// Calls `body` with each record from `startOffset` on, control batches left out. Throws `corrupt` for records that
    /// their batch's checksum covers and that cannot be read all the same.
    @inlinable public func forEachRecord(
        using decompressor: Decompressor, _ body: (RecordView) throws -> Void
    ) throws {
        for batch in batches where !batch.header.attributes.isControl {
            do {
                var cursor = try batch.records(using: decompressor)
                while let record = try cursor.next() {
                    if record.offset >= startOffset { try body(record) }
                }
            } catch let fault as ByteFault {
                throw Failure(
                    .corrupt, "The records of the batch at offset \(batch.header.baseOffset) cannot be read: \(fault)",
                    advice: "The producer made them so: its checksum is right. Skip the batch")
            }
        }
    }
}
