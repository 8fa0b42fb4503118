public import MillraceCore

/// A cursor over the varints and sized fields of records.
///
/// Beside the core's `ByteReader` because this is the hottest loop of every reader: it is inlined into other modules
/// and takes the one-byte varint, by far the most frequent, first.
@usableFromInline struct VarintScanner {
    @usableFromInline let start: UnsafeRawPointer
    @usableFromInline var next: UnsafeRawPointer
    @usableFromInline let end: UnsafeRawPointer

    @inlinable init(_ bytes: UnsafeRawBufferPointer) {
        // An empty buffer may have no address; any pointer that equals its own end will do.
        let base = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 1).unsafelyUnwrapped
        (start, next, end) = (base, base, base + bytes.count)
    }
    @inlinable init(start: UnsafeRawPointer, next: UnsafeRawPointer, end: UnsafeRawPointer) {
        (self.start, self.next, self.end) = (start, next, end)
    }

    @inlinable var isAtEnd: Bool { next == end }
    @inlinable var remaining: Int { end - next }
    @inline(never) @usableFromInline func fault(_ reason: ByteFault.Reason) -> ByteFault {
        ByteFault(reason, at: next - start)
    }

    /// Zig-zag varint of at most five bytes.
    @inlinable @inline(__always) mutating func varint32() throws(ByteFault) -> Int32 {
        guard next < end else { throw fault(.truncated) }
        let byte = next.load(as: UInt8.self)
        if byte < 0x80 {
            next += 1
            return Int32(byte >> 1) ^ -Int32(byte & 1)
        }
        if let short = twoByteVarint(byte) { return Int32(truncatingIfNeeded: short) }
        guard let value = Int32(exactly: try longVarint()) else { throw fault(.malformedVarint) }
        return value
    }
    /// Zig-zag varint of at most ten bytes.
    @inlinable @inline(__always) mutating func varint64() throws(ByteFault) -> Int64 {
        guard next < end else { throw fault(.truncated) }
        let byte = next.load(as: UInt8.self)
        if byte < 0x80 {
            next += 1
            return Int64(byte >> 1) ^ -Int64(byte & 1)
        }
        if let short = twoByteVarint(byte) { return short }
        return try longVarint()
    }
    /// Lengths and deltas of 64 to 8,191: most of those that need more than a byte. Nil for longer ones and at the end.
    @inlinable @inline(__always) mutating func twoByteVarint(_ first: UInt8) -> Int64? {
        guard end - next >= 2 else { return nil }
        let second = next.load(fromByteOffset: 1, as: UInt8.self)
        guard second < 0x80 else { return nil }
        next += 2
        let raw = Int64(first & 0x7F) | Int64(second) << 7
        return raw >> 1 ^ -(raw & 1)
    }
    @inlinable mutating func longVarint() throws(ByteFault) -> Int64 {
        var raw: UInt64 = 0
        var shift: UInt64 = 0
        var at = next
        while true {
            guard at < end else { throw fault(.truncated) }
            let byte = at.load(as: UInt8.self)
            at += 1
            if shift == 63, byte > 1 { throw fault(.malformedVarint) }
            raw |= UInt64(byte & 0x7F) &<< shift
            if byte < 0x80 { break }
            shift += 7
            if shift > 63 { throw fault(.malformedVarint) }
        }
        next = at
        return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
    }

    /// A length and as many bytes; nil for length −1.
    @inlinable @inline(__always) mutating func sized() throws(ByteFault) -> UnsafeRawBufferPointer? {
        let count = Int(try varint32())
        if count < 0 {
            guard count == -1 else { throw fault(.impossibleCount) }
            return nil
        }
        guard count <= end - next else { throw fault(.truncated) }
        defer { next += count }
        return UnsafeRawBufferPointer(start: next, count: count)
    }
}
