public import MillraceCore

/// A cell lent from a row buffer. Text is valid UTF-8.
public enum RowCell {
    case null
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case text(UnsafeRawBufferPointer)
    case bytes(UnsafeRawBufferPointer)
    case time(EventTime)
}

/// Rows for a table: fixed-size cells in one array, text and bytes in another. Reused from batch to batch.
public struct RowBuffer: Sendable {
    @usableFromInline enum Tag: UInt8, BitwiseCopyable, Sendable { case null, bool, int, double, text, bytes, time }
    @usableFromInline struct RawCell: BitwiseCopyable, Sendable {
        @usableFromInline var bits: UInt64
        @usableFromInline var length: UInt32
        @usableFromInline var tag: Tag
        @inlinable init(_ tag: Tag, _ bits: UInt64, length: UInt32 = 0) {
            (self.tag, self.bits, self.length) = (tag, bits, length)
        }
    }
    @usableFromInline struct Row: Sendable {
        @usableFromInline var cells: Int
        @usableFromInline var bytes: Int
        @usableFromInline var time: EventTime
        @usableFromInline var operation: RowOperation
        @inlinable init(cells: Int, bytes: Int, time: EventTime, operation: RowOperation) {
            (self.cells, self.bytes, self.time, self.operation) = (cells, bytes, time, operation)
        }
    }
    public let layout: RowLayout
    @usableFromInline var cells: [RawCell] = []
    @usableFromInline var arena = ByteWriter()
    @usableFromInline var rows: [Row] = []

    public init(layout: RowLayout) { self.layout = layout }

    @inlinable public var count: Int { rows.count }
    @inlinable public var isEmpty: Bool { rows.isEmpty }
    @inlinable public var byteCount: Int { arena.count + cells.count * MemoryLayout<RawCell>.stride }

    @inlinable public mutating func append(_ value: some RowShape, at time: EventTime) {
        rows.append(Row(cells: cells.count, bytes: arena.count, time: time, operation: value.rowOperation))
        value.write(to: &self)
    }

    @inlinable public mutating func null() { cells.append(RawCell(.null, 0)) }
    @inlinable public mutating func bool(_ value: Bool) { cells.append(RawCell(.bool, value ? 1 : 0)) }
    @inlinable public mutating func int(_ value: Int64) { cells.append(RawCell(.int, UInt64(bitPattern: value))) }
    @inlinable public mutating func double(_ value: Double) { cells.append(RawCell(.double, value.bitPattern)) }
    @inlinable public mutating func time(_ value: EventTime) {
        cells.append(RawCell(.time, UInt64(bitPattern: value.microseconds)))
    }
    @inlinable public mutating func text(_ value: String) {
        cells.append(RawCell(.text, UInt64(arena.count), length: UInt32(value.utf8.count)))
        arena.text(value)
    }
    @inlinable public mutating func bytes(_ value: UnsafeRawBufferPointer) {
        cells.append(RawCell(.bytes, UInt64(arena.count), length: UInt32(value.count)))
        arena.raw(value)
    }

    public func time(ofRow row: Int) -> EventTime { rows[row].time }
    public func operation(ofRow row: Int) -> RowOperation { rows[row].operation }

    /// Calls `body` with the cells of each row in the order of `layout.columns`; the cells are lent for the call.
    public func forEach(_ body: (_ row: Int, _ cells: [RowCell]) throws -> Void) rethrows {
        try arena.bytes.withUnsafeBytes { arena in
            var lent: [RowCell] = []
            lent.reserveCapacity(layout.columns.count)
            for row in rows.indices {
                lent.removeAll(keepingCapacity: true)
                let end = row + 1 < rows.count ? rows[row + 1].cells : cells.count
                for index in rows[row].cells..<end { lent.append(cell(cells[index], arena)) }
                try body(row, lent)
            }
        }
    }
    private func cell(_ raw: RawCell, _ arena: UnsafeRawBufferPointer) -> RowCell {
        func slice() -> UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(rebasing: arena[Int(raw.bits)..<Int(raw.bits) + Int(raw.length)])
        }
        switch raw.tag {
        case .null: return .null
        case .bool: return .bool(raw.bits != 0)
        case .int: return .int(Int64(bitPattern: raw.bits))
        case .double: return .double(Double(bitPattern: raw.bits))
        case .text: return .text(slice())
        case .bytes: return .bytes(slice())
        case .time: return .time(EventTime(microseconds: Int64(bitPattern: raw.bits)))
        }
    }

    @inlinable public mutating func removeAll() {
        cells.removeAll(keepingCapacity: true)
        arena.removeAll()
        rows.removeAll(keepingCapacity: true)
    }
    @inlinable public mutating func truncate(to count: Int) {
        guard count < rows.count else { return }
        cells.removeLast(cells.count - rows[count].cells)
        arena.bytes.removeLast(arena.count - rows[count].bytes)
        rows.removeLast(rows.count - count)
    }
}
