/// Why bytes could not be read as what they should be.
public struct ByteFault: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: String, Sendable, Hashable {
        /// Fewer bytes are left than the value needs.
        case truncated
        /// A varint longer than its type allows, or one that does not fit.
        case malformedVarint
        /// A count or length that is negative, above its limit, or more than the bytes left can hold.
        case impossibleCount
        /// A tag, version, flag or magic number this reader does not know.
        case unknownValue
        /// Text that is not valid UTF-8.
        case invalidText
        /// Bytes left over after the value.
        case trailingBytes
        /// A checksum that does not match.
        case checksum
        /// Compressed data that its codec cannot decode.
        case malformedCompression
        /// Well formed so far, but a named limit on what it may grow to was reached.
        case overLimit
    }
    public let reason: Reason
    /// Byte position in the input where the reader stood.
    public let position: Int
    public init(_ reason: Reason, at position: Int) { (self.reason, self.position) = (reason, position) }
    public var description: String { "\(reason.rawValue) at byte \(position)" }
}

/// A cursor over borrowed bytes that checks every bound, throws instead of trapping, and allocates nothing.
///
/// The bytes must outlive the reader. A count read from the input is checked against the bytes that are left before
/// anything is allocated for it. All integers are big-endian unless the name says otherwise. After a throw the position
/// is where the value began or inside it, never beyond the end.
public struct ByteReader {
    /// The whole input; `position` moves through it.
    public let bytes: UnsafeRawBufferPointer
    @usableFromInline var cursor: Int

    @inlinable public init(_ bytes: UnsafeRawBufferPointer) { (self.bytes, cursor) = (bytes, 0) }

    @inlinable public var position: Int { cursor }
    @inlinable public var remaining: Int { bytes.count - cursor }
    @inlinable public var isAtEnd: Bool { cursor == bytes.count }

    /// The next `count` bytes, lent from the input.
    @inlinable public mutating func take(_ count: Int) throws(ByteFault) -> UnsafeRawBufferPointer {
        guard count >= 0 else { throw ByteFault(.impossibleCount, at: cursor) }
        guard count <= remaining else { throw ByteFault(.truncated, at: cursor) }
        let slice = UnsafeRawBufferPointer(rebasing: bytes[cursor..<cursor + count])
        cursor += count
        return slice
    }
    @inlinable public mutating func skip(_ count: Int) throws(ByteFault) { _ = try take(count) }
    /// Moves to an absolute position inside the input.
    @inlinable public mutating func seek(to position: Int) throws(ByteFault) {
        guard position >= 0, position <= bytes.count else { throw ByteFault(.truncated, at: cursor) }
        cursor = position
    }

    @inlinable public mutating func integer<T: FixedWidthInteger>(
        _: T.Type = T.self
    ) throws(ByteFault) -> T {
        let size = MemoryLayout<T>.size
        guard size <= remaining else { throw ByteFault(.truncated, at: cursor) }
        let value = T(bigEndian: bytes.loadUnaligned(fromByteOffset: cursor, as: T.self))
        cursor += size
        return value
    }
    @inlinable public mutating func littleEndian<T: FixedWidthInteger>(
        _: T.Type = T.self
    ) throws(ByteFault) -> T { try integer(T.self).byteSwapped }
    @inlinable public mutating func byte() throws(ByteFault) -> UInt8 { try integer() }
    @inlinable public mutating func double() throws(ByteFault) -> Double { Double(bitPattern: try integer()) }

    /// Base-128, least significant group first, at most ten bytes.
    @inlinable public mutating func unsignedVarint() throws(ByteFault) -> UInt64 {
        let start = cursor
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            guard cursor < bytes.count else { throw ByteFault(.truncated, at: start) }
            let byte = bytes[cursor]
            cursor += 1
            if shift == 63, byte > 1 { throw ByteFault(.malformedVarint, at: start) }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }
    /// Zig-zag varint, as in Kafka's records.
    @inlinable public mutating func varint() throws(ByteFault) -> Int64 {
        let raw = try unsignedVarint()
        return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
    }
    /// Zig-zag varint that must fit 32 bits.
    @inlinable public mutating func varint32() throws(ByteFault) -> Int32 {
        let start = cursor
        guard let value = Int32(exactly: try varint()) else { throw ByteFault(.malformedVarint, at: start) }
        return value
    }
    /// An element count: refused unless `count × minimumElementBytes` fits what is left and `count ≤ limit`.
    @inlinable public func checked(
        count: some BinaryInteger, minimumElementBytes: Int, limit: Int
    ) throws(ByteFault) -> Int {
        guard let n = Int(exactly: count), n >= 0, n <= limit,
            minimumElementBytes <= 0 || n <= remaining / minimumElementBytes
        else { throw ByteFault(.impossibleCount, at: cursor) }
        return n
    }
    /// `count` bytes as text; refused when they are not valid UTF-8.
    public mutating func text(_ count: Int) throws(ByteFault) -> String {
        let start = cursor
        let slice = try take(count)
        guard let text = String(validating: slice, as: UTF8.self) else { throw ByteFault(.invalidText, at: start) }
        return text
    }
    @inlinable public func expectEnd() throws(ByteFault) {
        guard isAtEnd else { throw ByteFault(.trailingBytes, at: cursor) }
    }
}
