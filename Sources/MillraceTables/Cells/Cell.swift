import MillraceCore

/// One cell as it stands in a row's bytes, lent.
struct Cell {
    var column: UInt32
    var flags: UInt8
    var timestamp: Int64
    /// A tombstone's seconds of the wall; 0 otherwise.
    var seconds: Int64
    var ttl: Int64
    var expiry: Int64
    /// Empty for a plain column and for the deletion of a collection.
    var path: UnsafeRawBufferPointer
    var value: UnsafeRawBufferPointer

    @inline(__always) var kind: UInt8 { flags & CellFlags.kindMask }
    @inline(__always) var isExpiring: Bool { flags & CellFlags.expiring != 0 }

    @inline(__always) func isLive(at seconds: Int64) -> Bool {
        (kind == CellFlags.live && (!isExpiring || expiry > seconds)) || kind == CellFlags.counter
    }

    var counter: Int64 { Int64(bigEndian: value.loadUnaligned(as: Int64.self)) }
}

extension CellCursor {
    /// The next cell, or `nil` at the end.
    @inline(__always)
    mutating func cell(base: Int64) throws(RowFault) -> Cell? {
        if isAtEnd { return nil }
        let column = try varint()
        guard column <= UInt64(UInt32.max) else { throw RowFault() }
        let flags = try byte()
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        var cell = Cell(
            column: UInt32(column), flags: flags, timestamp: base, seconds: 0, ttl: 0, expiry: 0, path: nothing,
            value: nothing)
        if flags & CellFlags.delta != 0 { cell.timestamp = try delta(to: base) }
        let kind = flags & CellFlags.kindMask
        if kind == CellFlags.tombstone || kind == CellFlags.collection { cell.seconds = try seconds() }
        if flags & CellFlags.expiring != 0 {
            cell.ttl = try seconds()
            cell.expiry = try seconds()
        }
        if flags & CellFlags.path != 0 { cell.path = try slice() }
        if kind == CellFlags.live {
            cell.value = try slice()
        } else if kind == CellFlags.counter {
            cell.value = try take(8)
        }
        return cell
    }
}

extension UnsafeRawBufferPointer {
    /// Unsigned lexicographic order; a prefix comes first.
    func order(_ other: UnsafeRawBufferPointer) -> Int {
        let common = Swift.min(count, other.count)
        if common > 0, let a = baseAddress, let b = other.baseAddress {
            let order = memoryOrder(a, b, common)
            if order != 0 { return order }
        }
        return count - other.count
    }
}

/// The place of a cell in its row.
@inline(__always)
func isBefore(_ a: Cell, _ b: Cell) -> Int {
    if a.column != b.column { return a.column < b.column ? -1 : 1 }
    return a.path.order(b.path)
}
