import MillraceCore

/// Which columns a read wants, and where their values go.
final class Projection: Sendable {
    private enum Slot { static let unknown: Int16 = -2, unwanted: Int16 = -1 }
    let columns: [TableSchema.Column]
    /// By column id.
    private let slots: [Int16]
    let wantsStatics: Bool
    /// By place in `columns`: how a value's bytes are checked.
    let shapes: [ValueShape]

    init(_ schema: TableSchema, _ columns: [TableSchema.Column]) {
        self.columns = columns
        let top = schema.columns.map { Int($0.id) }.max() ?? 0
        var slots = [Int16](repeating: Slot.unknown, count: top + 1)
        for column in schema.columns { slots[Int(column.id)] = Slot.unwanted }
        for (slot, column) in columns.enumerated() { slots[Int(column.id)] = Int16(slot) }
        self.slots = slots
        wantsStatics = columns.contains { $0.kind == .static }
        shapes = columns.map { ValueShape($0.type) }
    }

    convenience init(_ schema: TableSchema, names: [String]) throws(Failure) {
        var columns: [TableSchema.Column] = []
        for name in names {
            let column = try schema.require(name)
            if !column.isKey { columns.append(column) }
        }
        self.init(schema, columns)
    }

    /// Whether the column is part of the table (else it was dropped).
    @inline(__always) func isKnown(_ column: UInt32) -> Bool {
        Int(column) < slots.count && slots[Int(column)] != Slot.unknown
    }
    @inline(__always) func slot(_ column: UInt32) -> Int? {
        guard Int(column) < slots.count else { return nil }
        let slot = slots[Int(column)]
        return slot >= 0 ? Int(slot) : nil
    }
}

/// What can be said of a value's bytes without a look at its type, which costs more than the bytes do.
enum ValueShape: Sendable {
    /// Any bytes are a value.
    case any
    /// Any bytes of this number are.
    case sized(Int)
    /// The codec has to look.
    case other

    init(_ type: ColumnType) {
        switch type {
        case .blob: self = .any
        case .boolean, .tinyint, .smallint, .int, .bigint, .counter, .float, .double, .date, .timestamp, .uuid:
            self = type.fixedSize.map(ValueShape.sized) ?? .other
        default: self = .other
        }
    }
}
