import MillraceCore

/// Appends rows in the stored layout to a byte array. Cells have to come in order.
struct RowWriter: Sendable {
    var writer: ByteWriter
    private var start = 0
    private var base: Int64 = 0
    /// The base timestamp of the row begun last.
    var currentBase: Int64 { base }

    init(capacity: Int = 0) { writer = ByteWriter(capacity: capacity) }

    var bytes: [UInt8] { writer.bytes }
    func lending<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try writer.bytes.lending(body)
    }
    /// Nothing but a head without marker or deletion.
    var isBare: Bool {
        writer.count == start + RowHead.bytes && writer.bytes[start] & (RowFlags.marker | RowFlags.deletion) == 0
    }
    /// Something in the row begun last is dead or will be.
    @inline(__always) var isMortal: Bool { writer.bytes[start] & RowFlags.mortal != 0 }
    mutating func removeAll() { writer.removeAll() }
    consuming func take() -> [UInt8] { writer.bytes }

    /// Begins a row at the end of the bytes.
    mutating func begin(base: Int64, deletion: Deletion, marker: Marker?) {
        start = writer.count
        self.base = base
        var flags = RowFlags.row
        if !deletion.isNone { flags |= RowFlags.deletion | RowFlags.mortal }
        if let marker {
            flags |= RowFlags.marker
            if marker.timestamp != base { flags |= RowFlags.markerDelta }
            if marker.isExpiring { flags |= RowFlags.markerExpiring | RowFlags.mortal }
        }
        writer.byte(flags)
        writer.integer(base)
        if !deletion.isNone {
            writer.varint(deletion.timestamp &- base)
            seconds(deletion.seconds)
        }
        guard let marker else { return }
        if marker.timestamp != base { writer.varint(marker.timestamp &- base) }
        if marker.isExpiring {
            seconds(marker.ttl)
            seconds(marker.expiry)
        }
    }

    mutating func cell(_ cell: borrowing Cell) {
        var flags = cell.flags & ~(CellFlags.delta | CellFlags.path)
        if cell.timestamp != base { flags |= CellFlags.delta }
        if !cell.path.isEmpty { flags |= CellFlags.path }
        front(cell.column, flags, cell.timestamp, cell.seconds, cell.ttl, cell.expiry)
        if !cell.path.isEmpty {
            writer.unsignedVarint(UInt64(cell.path.count))
            writer.raw(cell.path)
        }
        switch flags & CellFlags.kindMask {
        case CellFlags.live:
            writer.unsignedVarint(UInt64(cell.value.count))
            writer.raw(cell.value)
        case CellFlags.counter: writer.raw(cell.value)
        default: break
        }
    }

    /// A live cell whose value `encode` appends.
    @inline(__always)
    mutating func live(
        _ column: UInt16, _ life: Life, path: [UInt8]? = nil, _ encode: (inout ByteWriter) throws(Failure) -> Void
    ) throws(Failure) {
        var flags = CellFlags.live
        if life.ttl > 0 { flags |= CellFlags.expiring }
        if path != nil { flags |= CellFlags.path }
        front(UInt32(column), flags, base, 0, life.ttl, life.expiry)
        if let path {
            writer.unsignedVarint(UInt64(path.count))
            writer.raw(path)
        }
        let position = writer.count
        writer.byte(0)
        try encode(&writer)
        writer.close(lengthAt: position)
    }

    /// A tombstone of a cell, of an element, or (`collection`) of everything older than `timestamp` in a collection.
    mutating func dead(
        _ column: UInt16, _ kind: UInt8, seconds: Int64, path: [UInt8]? = nil, before: Int64 = 0
    ) {
        var flags = kind
        if path != nil { flags |= CellFlags.path }
        if before != 0 { flags |= CellFlags.delta }
        front(UInt32(column), flags, base &- before, seconds, 0, 0)
        if let path {
            writer.unsignedVarint(UInt64(path.count))
            writer.raw(path)
        }
    }

    mutating func counter(_ column: UInt32, _ value: Int64, timestamp: Int64, reset: Bool) {
        let flags = CellFlags.counter | (reset ? CellFlags.reset : 0)
        front(column, timestamp == base ? flags : flags | CellFlags.delta, timestamp, 0, 0, 0)
        writer.integer(value)
    }

    @inline(__always)
    private mutating func front(
        _ column: UInt32, _ flags: UInt8, _ timestamp: Int64, _ seconds: Int64, _ ttl: Int64, _ expiry: Int64
    ) {
        writer.unsignedVarint(UInt64(column))
        writer.byte(flags)
        if flags & CellFlags.delta != 0 { writer.varint(timestamp &- base) }
        let kind = flags & CellFlags.kindMask
        if kind == CellFlags.tombstone || kind == CellFlags.collection {
            set(RowFlags.mortal)
            self.seconds(seconds)
        }
        if flags & CellFlags.expiring != 0 {
            set(RowFlags.mortal)
            self.seconds(ttl)
            self.seconds(expiry)
        }
    }

    private mutating func seconds(_ value: Int64) { writer.unsignedVarint(UInt64(bitPattern: value)) }
    private mutating func set(_ flags: UInt8) { writer.bytes[start] |= flags }
}

/// How long the cells of one statement live.
struct Life: Sendable {
    var ttl: Int64
    var expiry: Int64
    static let forever = Life(ttl: 0, expiry: 0)
}

extension ByteWriter {
    /// Writes as a varint how many bytes follow a place at which one byte was kept for it; makes room if it takes more.
    @inline(__always)
    mutating func close(lengthAt position: Int) {
        let length = count - position - 1
        if length < 0x80 { bytes[position] = UInt8(length) } else { widen(lengthAt: position, length) }
    }

    private mutating func widen(lengthAt position: Int, _ length: Int) {
        let more = (Int.bitWidth - 1 - length.leadingZeroBitCount) / 7
        for _ in 0..<more { byte(0) }
        bytes.withUnsafeMutableBytes { bytes in
            guard let place = bytes.baseAddress.map({ $0 + position }) else { return }
            (place + 1 + more).copyMemory(from: place + 1, byteCount: length)
            for i in 0...more {
                let low = UInt8(truncatingIfNeeded: length >> (7 * i)) & 0x7F
                place.storeBytes(of: i < more ? low | 0x80 : low, toByteOffset: i, as: UInt8.self)
            }
        }
    }
}
