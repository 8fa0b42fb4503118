/// Appends values to a byte array that it owns. Big-endian unless the name says otherwise.
///
/// Reuse one writer per batch with `removeAll`: the storage stays.
public struct ByteWriter: Sendable {
    public var bytes: [UInt8]

    @inlinable public init(capacity: Int = 0) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    @inlinable public var count: Int { bytes.count }
    @inlinable public mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    @inlinable public mutating func byte(_ value: UInt8) { bytes.append(value) }
    @inlinable public mutating func integer(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }
    @inlinable public mutating func littleEndian(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    @inlinable public mutating func double(_ value: Double) { integer(value.bitPattern) }
    @inlinable public mutating func raw(_ value: UnsafeRawBufferPointer) { bytes.append(contentsOf: value) }
    @inlinable public mutating func raw(_ value: some Collection<UInt8>) { bytes.append(contentsOf: value) }
    @inlinable public mutating func text(_ value: String) { bytes.append(contentsOf: value.utf8) }

    @inlinable public mutating func unsignedVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
    /// Zig-zag varint, as in Kafka's records.
    @inlinable public mutating func varint(_ value: Int64) {
        unsignedVarint(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    /// Overwrites an integer written earlier: lengths and checksums that are known only afterwards.
    @inlinable public mutating func patch(_ value: some FixedWidthInteger, at position: Int) {
        let size = MemoryLayout.size(ofValue: value)
        precondition(position >= 0 && position + size <= bytes.count, "patch outside what was written")
        withUnsafeBytes(of: value.bigEndian) { source in
            for i in 0..<size { bytes[position + i] = source[i] }
        }
    }

    /// Bytes a zig-zag varint takes.
    @inlinable public static func varintLength(_ value: Int64) -> Int {
        let raw = UInt64(bitPattern: (value << 1) ^ (value >> 63))
        return max(1, (70 - raw.leadingZeroBitCount) / 7)
    }
}
