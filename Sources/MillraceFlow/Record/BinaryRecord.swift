public import MillraceCore

/// A record in a compact layout of its own: the schema's version, then the fields as the type writes them.
///
/// ```swift
/// struct Trade: BinaryRecord {
///     var symbol: UInt32, price: Double, at: EventTime
///
///     static let schemaVersion: UInt32 = 2
///     func write(to writer: inout ByteWriter) {
///         writer.unsignedVarint(UInt64(symbol))
///         writer.double(price)
///         writer.varint(at.microseconds)
///     }
///     init(from reader: inout BinaryReader, version: UInt32) throws(RecordFault) {
///         symbol = try reader.unsigned()
///         price = version >= 2 ? try reader.double() : Double(try reader.signed(Int64.self))
///         at = try reader.time()
///     }
/// }
/// ```
/// The same bytes serve the log, shuffles and state.
public protocol BinaryRecord: Record {
    /// What `write` writes. Raise it with every change of the layout; `init` reads the older ones.
    static var schemaVersion: UInt32 { get }
    /// The oldest version `init` still reads.
    static var oldestVersion: UInt32 { get }
    func write(to writer: inout ByteWriter)
    init(from reader: inout BinaryReader, version: UInt32) throws(RecordFault)
}

extension BinaryRecord {
    public static var schemaVersion: UInt32 { 1 }
    public static var oldestVersion: UInt32 { 1 }

    @inlinable public static func decode(
        key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?
    ) throws(RecordFault) -> Self {
        guard let value else { throw RecordFault(.missingField, at: 0, detail: "the log record has no value") }
        var reader = BinaryReader(value)
        let record = try read(&reader)
        if !reader.isAtEnd { throw RecordFault(.trailingBytes, at: reader.position) }
        return record
    }
    @inlinable static func read(_ reader: inout BinaryReader) throws(RecordFault) -> Self {
        let version: UInt32 = try reader.unsigned()
        guard version <= schemaVersion, version >= oldestVersion else {
            throw RecordFault(
                .unknownVersion, at: 0,
                detail: "version \(version); this program reads \(oldestVersion) to \(schemaVersion)")
        }
        return try Self(from: &reader, version: version)
    }
    @inlinable public func encode(into writer: inout ByteWriter) {
        writer.unsignedVarint(UInt64(Self.schemaVersion))
        write(to: &writer)
    }
    public func store(into writer: inout ByteWriter) {
        // One byte is kept for the length, which is enough for nearly every record.
        let start = writer.count
        writer.byte(0)
        encode(into: &writer)
        let count = writer.count - start - 1
        if count < 0x80 {
            writer.bytes[start] = UInt8(count)
        } else {
            var length = ByteWriter()
            length.unsignedVarint(UInt64(count))
            writer.bytes.replaceSubrange(start...start, with: length.bytes)
        }
    }
    public static func load(from reader: inout ByteReader) throws -> Self {
        let count = try reader.checked(count: try reader.unsignedVarint(), minimumElementBytes: 1, limit: .max)
        return try decode(key: nil, value: try reader.take(count))
    }
}

/// Reads what `ByteWriter` wrote, with faults that say where. Inlinable throughout, and nothing is allocated but
/// strings.
public struct BinaryReader {
    @usableFromInline let bytes: UnsafeRawBufferPointer
    /// Where the reader stands.
    @inlinable public var position: Int { at }
    @usableFromInline var at: Int
    @inlinable mutating func move(by count: Int) { at += count }

    @inlinable public init(_ bytes: UnsafeRawBufferPointer) {
        self.init(bytes, position: 0)
    }
    @usableFromInline init(_ bytes: UnsafeRawBufferPointer, position: Int) {
        self.bytes = bytes
        at = position
    }

    @inlinable public var remaining: Int { bytes.count - position }
    @inlinable public var isAtEnd: Bool { position == bytes.count }

    /// A fixed-width big-endian integer.
    @inlinable public mutating func fixed<T: FixedWidthInteger>(_: T.Type = T.self) throws(RecordFault) -> T {
        let size = MemoryLayout<T>.size
        if size > remaining { throw RecordFault(.truncated, at: position) }
        let value = T(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: T.self))
        move(by: size)
        return value
    }
    @inlinable public mutating func byte() throws(RecordFault) -> UInt8 { try fixed() }
    @inlinable public mutating func bool() throws(RecordFault) -> Bool {
        let byte = try byte()
        if byte > 1 { throw RecordFault(.outOfRange, at: position - 1, detail: "a Bool is 0 or 1") }
        return byte == 1
    }
    @inlinable public mutating func double() throws(RecordFault) -> Double { Double(bitPattern: try fixed()) }
    @inlinable public mutating func id() throws(RecordFault) -> ID128 {
        ID128(high: try fixed(), low: try fixed())
    }
    /// A varint that must fit the type.
    @inlinable public mutating func unsigned<T: FixedWidthInteger>(_: T.Type = T.self) throws(RecordFault) -> T {
        let start = position
        guard let value = T(exactly: try varint()) else { throw RecordFault(.outOfRange, at: start) }
        return value
    }
    /// A zig-zag varint that must fit the type.
    @inlinable public mutating func signed<T: FixedWidthInteger>(_: T.Type = T.self) throws(RecordFault) -> T {
        let start = position
        let raw = try varint()
        guard let value = T(exactly: Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)) else {
            throw RecordFault(.outOfRange, at: start)
        }
        return value
    }
    @inlinable public mutating func time() throws(RecordFault) -> EventTime {
        EventTime(microseconds: try signed())
    }
    /// A length and UTF-8.
    @inlinable public mutating func string() throws(RecordFault) -> String {
        let start = position
        let text = try lent()
        guard let string = String(validating: text, as: UTF8.self) else { throw RecordFault(.invalidUTF8, at: start) }
        return string
    }
    /// A length and bytes, lent for as long as the input is.
    @inlinable public mutating func lent() throws(RecordFault) -> UnsafeRawBufferPointer {
        let start = position
        let count = try varint()
        if count > UInt64(remaining) { throw RecordFault(.truncated, at: start) }
        let slice = UnsafeRawBufferPointer(rebasing: bytes[position..<position + Int(count)])
        move(by: Int(count))
        return slice
    }
    @inlinable mutating func varint() throws(RecordFault) -> UInt64 {
        let start = position
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = try byte()
            if shift == 63, byte > 1 { throw RecordFault(.outOfRange, at: start) }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
            if shift > 63 { throw RecordFault(.outOfRange, at: start) }
        }
    }
}
