public import MillraceCore

/// Walks the records of one batch in order: no allocation, every bound checked, total on any bytes.
///
/// Besides the shape it checks that offsets rise strictly inside the batch's range, that times do not overflow, and
/// that exactly the promised number of records fills the body. Headers are checked only when they are read.
public struct RecordCursor {
    @usableFromInline var scanner: VarintScanner
    @usableFromInline var left: Int32
    @usableFromInline var previousDelta: Int32 = -1
    @usableFromInline let lastDelta: Int32
    @usableFromInline let baseOffset: Int64
    @usableFromInline let baseMilliseconds: Int64
    /// Set under LogAppendTime, where every record has the batch's time.
    @usableFromInline let appendMilliseconds: Int64?

    @inlinable init(_ body: UnsafeRawBufferPointer, of header: BatchHeader) {
        scanner = VarintScanner(body)
        (left, lastDelta, baseOffset) = (header.recordCount, header.lastOffsetDelta, header.baseOffset)
        baseMilliseconds = header.baseMilliseconds
        appendMilliseconds = header.attributes.isLogAppendTime ? header.maxMilliseconds : nil
    }

    /// The next record; nil after the last. Positions in faults count from the start of the (decompressed) body.
    @inlinable @inline(__always) public mutating func next() throws(ByteFault) -> RecordView? {
        guard left > 0 else {
            guard scanner.isAtEnd else { throw scanner.fault(.trailingBytes) }
            return nil
        }
        left &-= 1
        let length = Int(try scanner.varint32())
        guard length >= 0 else { throw scanner.fault(.impossibleCount) }
        guard length <= scanner.remaining else { throw scanner.fault(.truncated) }
        let recordEnd = scanner.next + length
        var inner = VarintScanner(start: scanner.start, next: scanner.next, end: recordEnd)
        guard inner.next < recordEnd else { throw inner.fault(.truncated) }
        guard inner.next.load(as: UInt8.self) == 0 else { throw inner.fault(.unknownValue) }
        inner.next += 1
        // Wraps as Kafka's own clients do, so that any two times can stand in one batch: the encoder wraps back.
        let milliseconds = baseMilliseconds &+ (try inner.varint64())
        let delta = try inner.varint32()
        guard delta > previousDelta, delta <= lastDelta else { throw inner.fault(.impossibleCount) }
        previousDelta = delta
        let key = try inner.sized()
        let value = try inner.sized()
        let headerCount = Int(try inner.varint32())
        // A header takes two bytes at least.
        guard headerCount >= 0, headerCount <= inner.remaining / 2 else { throw inner.fault(.impossibleCount) }
        if headerCount == 0, !inner.isAtEnd { throw inner.fault(.trailingBytes) }
        scanner.next = recordEnd
        return RecordView(
            offset: baseOffset + Int64(delta), milliseconds: appendMilliseconds ?? milliseconds, key: key, value: value,
            headerCount: headerCount,
            headerBytes: UnsafeRawBufferPointer(start: inner.next, count: inner.remaining))
    }
}
