public import MillraceCore

/// Changed state entries, one behind the other in one flat buffer. The buffer is what a journal keeps, so its layout is
/// one of the store's formats.
///
/// ```
/// key length and flags u32 │ value length u32 │ key │ value          both little-endian
/// ```
///
/// The two highest bits of the first word are the flags: removed (there is no value), and fresh.
public struct StateDelta: Sendable {
    @usableFromInline var writer = ByteWriter()
    /// Entries. A key that was changed twice counts twice; the later entry is the one that holds.
    public private(set) var count = 0

    @usableFromInline static var headBytes: Int { 8 }
    @usableFromInline static var removed: UInt32 { 1 << 31 }
    @usableFromInline static var fresh: UInt32 { 1 << 30 }

    public init() {}
    /// - Parameter capacity: bytes that are likely to come.
    public init(capacity: Int) { writer = ByteWriter(capacity: capacity) }

    /// Entries that were stored. Damaged bytes are refused.
    public init(decoding bytes: [UInt8]) throws(ByteFault) {
        writer.bytes = bytes
        var position = 0
        while position < bytes.count {
            guard let entry = bytes.withUnsafeBytes({ Entry($0, at: position) }) else {
                throw ByteFault(.truncated, at: position)
            }
            position = entry.end
            count += 1
        }
    }

    public var bytes: [UInt8] { writer.bytes }
    public var byteCount: Int { writer.count }
    public var isEmpty: Bool { count == 0 }

    /// - Parameter isFresh: the store has no entry of this key: neither now nor by an earlier delta.
    @inlinable public mutating func put(
        isFresh: Bool = false, key: (inout ByteWriter) -> Void, value: (inout ByteWriter) -> Void
    ) {
        let start = writer.count
        writer.integer(0 as UInt64)
        key(&writer)
        let middle = writer.count
        value(&writer)
        close(start, middle, isFresh ? StateDelta.fresh : 0)
    }
    @inlinable public mutating func remove(key: (inout ByteWriter) -> Void) {
        let start = writer.count
        writer.integer(0 as UInt64)
        key(&writer)
        close(start, writer.count, StateDelta.removed)
    }
    /// As an entry of another delta.
    public mutating func add(_ entry: Entry) {
        if let value = entry.value {
            put(key: { $0.raw(entry.key) }, value: { $0.raw(value) })
        } else {
            remove { $0.raw(entry.key) }
        }
    }
    @usableFromInline mutating func close(_ start: Int, _ middle: Int, _ flags: UInt32) {
        let keyCount = middle - start - StateDelta.headBytes
        precondition(keyCount < Int(StateDelta.fresh), "a key of \(keyCount) bytes")
        let valueCount = UInt32(writer.count - middle)
        writer.bytes.withUnsafeMutableBytes { bytes in
            bytes.storeBytes(of: (UInt32(keyCount) | flags).littleEndian, toByteOffset: start, as: UInt32.self)
            bytes.storeBytes(of: valueCount.littleEndian, toByteOffset: start + 4, as: UInt32.self)
        }
        count += 1
    }

    @inlinable public func forEach(
        _ body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?) throws -> Void
    ) rethrows { try forEachEntry { try body($0.key, $0.value) } }

    @inlinable public func forEachEntry(_ body: (Entry) throws -> Void) rethrows {
        try writer.bytes.withUnsafeBytes { bytes in
            var position = 0
            while let entry = Entry(bytes, at: position) {
                try body(entry)
                position = entry.end
            }
        }
    }

    /// An entry where it lies.
    public struct Entry {
        public let key: UnsafeRawBufferPointer
        /// `nil` for a removed key.
        public let value: UnsafeRawBufferPointer?
        public let isFresh: Bool
        /// From the start of the delta.
        public let offset: Int
        public let end: Int

        @inlinable public func hasKey(_ other: UnsafeRawBufferPointer) -> Bool {
            guard key.count == other.count else { return false }
            var position = 0
            while position + 8 <= key.count {
                let mine = key.loadUnaligned(fromByteOffset: position, as: UInt64.self)
                guard mine == other.loadUnaligned(fromByteOffset: position, as: UInt64.self) else { return false }
                position += 8
            }
            while position < key.count {
                guard key[position] == other[position] else { return false }
                position += 1
            }
            return true
        }

        /// `nil` at the end, and where the bytes are none.
        @inlinable public init?(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
            guard bytes.count - offset >= StateDelta.headBytes else { return nil }
            let head = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            let valueCount = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)))
            let keyCount = Int(head & ~(StateDelta.removed | StateDelta.fresh))
            let middle = offset + StateDelta.headBytes + keyCount
            guard bytes.count - middle >= valueCount else { return nil }
            let isRemoved = head & StateDelta.removed != 0
            guard !isRemoved || valueCount == 0 else { return nil }
            key = UnsafeRawBufferPointer(rebasing: bytes[offset + StateDelta.headBytes..<middle])
            value = isRemoved ? nil : UnsafeRawBufferPointer(rebasing: bytes[middle..<middle + valueCount])
            isFresh = head & StateDelta.fresh != 0
            (self.offset, end) = (offset, middle + valueCount)
        }
    }

    /// In the order of the keys' bytes; equal keys in their own order.
    public func forEachInKeyOrder(
        _ body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?) throws -> Void
    ) rethrows {
        try writer.bytes.withUnsafeBytes { bytes in
            var entries: [Entry] = []
            entries.reserveCapacity(count)
            var position = 0
            while let entry = Entry(bytes, at: position) {
                entries.append(entry)
                position = entry.end
            }
            entries.sort { one, other in
                let order = one.key.order(other.key)
                return order != 0 ? order < 0 : one.offset < other.offset
            }
            for entry in entries { try body(entry.key, entry.value) }
        }
    }

    /// The entry at an offset that `forEachEntry` gave.
    @inlinable public func withEntry(at offset: Int, _ body: (Entry) -> Void) {
        writer.bytes.withUnsafeBytes { bytes in
            guard let entry = Entry(bytes, at: offset) else { preconditionFailure("a delta has no entry at \(offset)") }
            body(entry)
        }
    }
    /// Whether the entry at an offset is of a key.
    @inlinable public func hasKey(_ key: UnsafeRawBufferPointer, at offset: Int) -> Bool {
        writer.bytes.withUnsafeBytes { Entry($0, at: offset)?.hasKey(key) == true }
    }

    /// Calls `body` for every entry, with all bytes, and lets its answer stand for `isFresh`.
    @inlinable public mutating func markFresh(_ body: (Entry, UnsafeRawBufferPointer) -> Bool) {
        writer.bytes.withUnsafeMutableBytes { bytes in
            var position = 0
            while let entry = Entry(UnsafeRawBufferPointer(bytes), at: position) {
                let isFresh = body(entry, UnsafeRawBufferPointer(bytes))
                if isFresh != entry.isFresh {
                    let head = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self))
                    bytes.storeBytes(
                        of: (head ^ StateDelta.fresh).littleEndian, toByteOffset: position, as: UInt32.self)
                }
                position = entry.end
            }
        }
    }
}

extension UnsafeRawBufferPointer {
    /// Negative when these bytes come before others, positive when behind.
    func order(_ other: UnsafeRawBufferPointer) -> Int {
        let common = Swift.min(count, other.count)
        var position = 0
        while position + 8 <= common {
            let (mine, theirs) = (
                UInt64(bigEndian: loadUnaligned(fromByteOffset: position, as: UInt64.self)),
                UInt64(bigEndian: other.loadUnaligned(fromByteOffset: position, as: UInt64.self))
            )
            if mine != theirs { return mine < theirs ? -1 : 1 }
            position += 8
        }
        while position < common {
            if self[position] != other[position] { return Int(self[position]) - Int(other[position]) }
            position += 1
        }
        return count - other.count
    }
}
