public import MillraceCore

/// One record, lent from a batch's bytes: valid as long as they are, or until their decompressor is used again.
public struct RecordView {
    public let offset: Int64
    /// Milliseconds since 1970 as stored; −1 when the producer gave none.
    public let milliseconds: Int64
    /// Nil is Kafka's null, which is not the same as empty.
    public let key: UnsafeRawBufferPointer?
    /// Nil is Kafka's null: a tombstone on a compacted topic.
    public let value: UnsafeRawBufferPointer?
    public let headerCount: Int
    /// The headers as encoded, without their count: to copy a record unread.
    public let headerBytes: UnsafeRawBufferPointer

    @inlinable init(
        offset: Int64, milliseconds: Int64, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?,
        headerCount: Int, headerBytes: UnsafeRawBufferPointer
    ) {
        (self.offset, self.milliseconds, self.key, self.value) = (offset, milliseconds, key, value)
        (self.headerCount, self.headerBytes) = (headerCount, headerBytes)
    }

    @inlinable public var timestamp: EventTime { .milliseconds(milliseconds) }
    @inlinable public var isTombstone: Bool { value == nil }
    /// Reads the headers one by one; nothing was read before.
    @inlinable public var headers: HeaderCursor { HeaderCursor(headerBytes, count: headerCount) }
}

/// Walks the headers of one record without allocating.
public struct HeaderCursor {
    @usableFromInline var scanner: VarintScanner
    @usableFromInline var left: Int

    @inlinable init(_ bytes: UnsafeRawBufferPointer, count: Int) {
        (scanner, left) = (VarintScanner(bytes), count)
    }

    /// The next header's key (UTF-8, not checked) and value; nil after the last.
    @inlinable public mutating func next() throws(ByteFault) -> (
        key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?
    )? {
        guard left > 0 else {
            guard scanner.isAtEnd else { throw scanner.fault(.trailingBytes) }
            return nil
        }
        left -= 1
        guard let key = try scanner.sized() else { throw scanner.fault(.impossibleCount) }
        return (key, try scanner.sized())
    }
}

/// A header of a record to be written.
public struct RecordHeader: Hashable, Sendable {
    public var key: String
    public var value: [UInt8]?
    public init(_ key: String, _ value: [UInt8]?) { (self.key, self.value) = (key, value) }
    public init(_ key: String, _ value: String) { self.init(key, Array(value.utf8)) }
}
