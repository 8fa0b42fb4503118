import MillraceCore

/// How a row lies in RocksDB: one value that holds the marker, the row's deletion and every cell.
///
/// The same layout is a stored row, a merge operand and a change in the feed; it needs no schema to be merged.
///
///     flags 1 · base timestamp 8 · [deletion Δ, seconds] · [marker Δ] · [marker ttl, expiry] · cells…
///     cell: column varint · flags 1 · [Δ] · [seconds] · [ttl, expiry] · [path length, path] · [length, value]
///
/// The base timestamp stands at a fixed place because it is filled in when the commit gets its id; every other
/// timestamp is a zig-zag varint Δ to it, absent when 0. Seconds are those of the wall when a tombstone was written,
/// expiry those when the cell ends. Cells are in order of column, then path; a collection's deletion has the empty
/// path and so comes first.
enum RowFlags {
    static let marker: UInt8 = 0x01
    static let markerDelta: UInt8 = 0x02
    static let markerExpiring: UInt8 = 0x04
    static let deletion: UInt8 = 0x08
    /// Something in the row is dead or will be: a tombstone or an expiry.
    static let mortal: UInt8 = 0x10
    static let kindMask: UInt8 = 0xC0
    /// A row, as against a partition's list of range deletions.
    static let row: UInt8 = 0x40
    static let ranges: UInt8 = 0x80
}

enum CellFlags {
    static let kindMask: UInt8 = 0x03
    static let live: UInt8 = 0
    static let tombstone: UInt8 = 1
    static let counter: UInt8 = 2
    /// Deletes every older element of a collection.
    static let collection: UInt8 = 3
    static let delta: UInt8 = 0x04
    static let expiring: UInt8 = 0x08
    static let path: UInt8 = 0x10
    /// A counter that does not add to what is older: it was deleted in between.
    static let reset: UInt8 = 0x20
}

/// Bytes of a stored row that are not one. Seen only when the disk or a bug changed them.
struct RowFault: Error {}

/// Reads the layout's integers from borrowed bytes. Every read is checked against the end.
struct CellCursor {
    let base: UnsafeRawPointer
    private(set) var position: Int
    let end: Int

    @inline(__always)
    init(_ bytes: UnsafeRawBufferPointer, from position: Int) throws(RowFault) {
        guard let base = bytes.baseAddress, position <= bytes.count else { throw RowFault() }
        (self.base, self.position, self.end) = (base, position, bytes.count)
    }

    @inline(__always) var isAtEnd: Bool { position >= end }

    @inline(__always)
    mutating func byte() throws(RowFault) -> UInt8 {
        guard position < end else { throw RowFault() }
        defer { position += 1 }
        return base.load(fromByteOffset: position, as: UInt8.self)
    }

    @inline(__always)
    mutating func varint() throws(RowFault) -> UInt64 {
        let first = try byte()
        return first < 0x80 ? UInt64(first) : try longVarint(UInt64(first & 0x7F))
    }

    private mutating func longVarint(_ first: UInt64) throws(RowFault) -> UInt64 {
        var value = first
        var shift: UInt64 = 7
        while true {
            let next = try byte()
            guard shift < 63 || next < 2 else { throw RowFault() }
            value |= UInt64(next & 0x7F) << shift
            if next < 0x80 { return value }
            shift += 7
            guard shift < 64 else { throw RowFault() }
        }
    }

    @inline(__always)
    mutating func delta(to base: Int64) throws(RowFault) -> Int64 {
        let raw = try varint()
        return base &+ (Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1))
    }

    @inline(__always)
    mutating func seconds() throws(RowFault) -> Int64 { Int64(bitPattern: try varint()) }

    @inline(__always)
    mutating func slice() throws(RowFault) -> UnsafeRawBufferPointer {
        let length = try varint()
        guard length <= UInt64(end - position) else { throw RowFault() }
        defer { position += Int(length) }
        return UnsafeRawBufferPointer(start: base + position, count: Int(length))
    }

    @inline(__always)
    mutating func take(_ count: Int) throws(RowFault) -> UnsafeRawBufferPointer {
        guard count <= end - position else { throw RowFault() }
        defer { position += count }
        return UnsafeRawBufferPointer(start: base + position, count: count)
    }
}
