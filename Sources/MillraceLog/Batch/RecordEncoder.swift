public import MillraceCore

/// Writes records, uncompressed, behind room for a header, into memory that it reuses.
///
/// The one owner calls `deallocate`. (Not `~Copyable` with a deinit, because Swift 6.3.1's optimiser crashes on an
/// inlinable class that stores one.)
@usableFromInline struct RecordEncoder {
    @usableFromInline var base: UnsafeMutableRawPointer
    @usableFromInline var capacity: Int
    /// Bytes written, the header's room included.
    @usableFromInline var used: Int
    @usableFromInline var recordCount: Int32
    @usableFromInline var baseMilliseconds: Int64
    @usableFromInline var maxMilliseconds: Int64
    @usableFromInline var lastDelta: Int32

    @usableFromInline init(capacity: Int) {
        self.capacity = max(capacity, 2 * BatchHeader.byteCount)
        base = .allocate(byteCount: self.capacity, alignment: 16)
        (used, recordCount, lastDelta) = (BatchHeader.byteCount, 0, -1)
        (baseMilliseconds, maxMilliseconds) = (-1, -1)
    }
    func deallocate() { base.deallocate() }

    @usableFromInline mutating func reset() {
        (used, recordCount, lastDelta) = (BatchHeader.byteCount, 0, -1)
        (baseMilliseconds, maxMilliseconds) = (-1, -1)
    }

    @inline(never) @usableFromInline mutating func grow(toHold bytes: Int) {
        var size = capacity
        while size < bytes { size *= 2 }
        let larger = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        larger.copyMemory(from: base, byteCount: used)
        base.deallocate()
        (base, capacity) = (larger, size)
    }

    /// Bytes a zig-zag varint takes: (significant bits + 6) / 7 without the division.
    @inlinable @inline(__always) static func varintBytes(_ value: Int64) -> Int {
        let raw = UInt64(bitPattern: (value << 1) ^ (value >> 63))
        return ((64 &- raw.leadingZeroBitCount) &* 9 &+ 64) &>> 6
    }
    @inlinable @inline(__always) static func put(_ value: Int64, at target: inout UnsafeMutableRawPointer) {
        var raw = UInt64(bitPattern: (value << 1) ^ (value >> 63))
        while raw >= 0x80 {
            target.storeBytes(of: UInt8(truncatingIfNeeded: raw) | 0x80, as: UInt8.self)
            target += 1
            raw >>= 7
        }
        target.storeBytes(of: UInt8(truncatingIfNeeded: raw), as: UInt8.self)
        target += 1
    }
    @inlinable @inline(__always) static func put(
        _ bytes: UnsafeRawBufferPointer?, at target: inout UnsafeMutableRawPointer
    ) {
        guard let bytes else { return put(-1, at: &target) }
        put(Int64(bytes.count), at: &target)
        if let source = bytes.baseAddress, bytes.count > 0 {
            target.copyMemory(from: source, byteCount: bytes.count)
            target += bytes.count
        }
    }
    @inlinable @inline(__always) static func sizedBytes(_ bytes: UnsafeRawBufferPointer?) -> Int {
        guard let bytes else { return 1 }
        return varintBytes(Int64(bytes.count)) &+ bytes.count
    }

    /// Appends one record. `headers` are already encoded, without their count. False when the batch would pass
    /// `Limits.batchBytes`; nothing is written then.
    @inlinable @inline(__always) mutating func append(
        delta: Int32, milliseconds: Int64, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?,
        headerCount: Int, headers: UnsafeRawBufferPointer
    ) -> Bool {
        if recordCount == 0, baseMilliseconds == -1 { baseMilliseconds = milliseconds }
        if headerCount == 0, appendShort(delta: delta, milliseconds, key, value) { return true }
        // Wraps only when the two are more than 292 million years apart; the reader's addition wraps back.
        let timeDelta = milliseconds &- baseMilliseconds
        let length =
            1 &+ Self.varintBytes(timeDelta) &+ Self.varintBytes(Int64(delta)) &+ Self.sizedBytes(key)
            &+ Self.sizedBytes(value) &+ Self.varintBytes(Int64(headerCount)) &+ headers.count
        let total = used &+ Self.varintBytes(Int64(length)) &+ length
        if total > capacity {
            guard total <= Limits.batchBytes else { return false }
            grow(toHold: total)
        }
        var target = base + used
        Self.put(Int64(length), at: &target)
        target.storeBytes(of: 0, as: UInt8.self)
        target += 1
        Self.put(timeDelta, at: &target)
        Self.put(Int64(delta), at: &target)
        Self.put(key, at: &target)
        Self.put(value, at: &target)
        Self.put(Int64(headerCount), at: &target)
        if let source = headers.baseAddress, headers.count > 0 {
            target.copyMemory(from: source, byteCount: headers.count)
        }
        noteAppended(total, delta, milliseconds)
        return true
    }

    @inlinable @inline(__always) mutating func noteAppended(_ total: Int, _ delta: Int32, _ milliseconds: Int64) {
        used = total
        // The first one's counts whatever it is: a log's own time may lie before 1970, too.
        if milliseconds > maxMilliseconds || recordCount == 0 { maxMilliseconds = milliseconds }
        recordCount &+= 1
        lastDelta = delta
    }

    /// A varint of a zig-zagged number below 2¹⁴, without a branch: its second byte is written also where the first is
    /// all, and whatever comes next overwrites it.
    @inlinable @inline(__always) static func putShort(_ raw: UInt64, at target: inout UnsafeMutableRawPointer) {
        let isLong: UInt64 = raw >= 0x80 ? 1 : 0
        let bytes = (raw & 0x7F) | isLong &<< 7 | (raw &>> 7) &<< 8
        target.storeBytes(of: UInt16(truncatingIfNeeded: bytes).littleEndian, as: UInt16.self)
        target += Int(1 &+ isLong)
    }
    @inlinable @inline(__always) static func zigZag(_ value: Int64) -> UInt64 {
        UInt64(bitPattern: (value << 1) ^ (value >> 63))
    }
    @inlinable @inline(__always) static func shortBytes(_ raw: UInt64) -> Int { raw >= 0x80 ? 2 : 1 }

    /// The way of nearly all records: no headers, every number and length below 2¹³, and room. False when it is none of
    /// these; nothing is written then.
    @inlinable @inline(__always) mutating func appendShort(
        delta: Int32, _ milliseconds: Int64, _ key: UnsafeRawBufferPointer?, _ value: UnsafeRawBufferPointer?
    ) -> Bool {
        let (time, offset) = (Self.zigZag(milliseconds &- baseMilliseconds), Self.zigZag(Int64(delta)))
        let (keyCount, valueCount) = (key?.count ?? 0, value?.count ?? 0)
        // A null is length −1, which zig-zags to 1.
        let keyLength = key == nil ? 1 : UInt64(truncatingIfNeeded: keyCount) &<< 1
        let valueLength = value == nil ? 1 : UInt64(truncatingIfNeeded: valueCount) &<< 1
        guard (time | offset | keyLength | valueLength) < 1 << 14, keyCount &+ valueCount < 8_000 else { return false }
        let length =
            2 &+ Self.shortBytes(time) &+ Self.shortBytes(offset) &+ Self.shortBytes(keyLength) &+ keyCount
            &+ Self.shortBytes(valueLength) &+ valueCount
        let prefix = UInt64(truncatingIfNeeded: length) &<< 1
        let total = used &+ Self.shortBytes(prefix) &+ length
        // One byte more is written than belongs to the record.
        guard total < capacity, total <= Limits.batchBytes else { return false }
        var target = base + used
        Self.putShort(prefix, at: &target)
        target.storeBytes(of: 0, as: UInt8.self)
        target += 1
        Self.putShort(time, at: &target)
        Self.putShort(offset, at: &target)
        Self.putShort(keyLength, at: &target)
        if let source = key?.baseAddress, keyCount > 0 {
            target.copyMemory(from: source, byteCount: keyCount)
            target += keyCount
        }
        Self.putShort(valueLength, at: &target)
        if let source = value?.baseAddress, valueCount > 0 {
            target.copyMemory(from: source, byteCount: valueCount)
            target += valueCount
        }
        target.storeBytes(of: 0, as: UInt8.self)
        noteAppended(total, delta, milliseconds)
        return true
    }
}
