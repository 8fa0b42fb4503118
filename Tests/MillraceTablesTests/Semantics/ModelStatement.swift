import MillraceTables

/// A statement of CQL that writes, in the model's own words. `Workload` makes the same statement to the store.
enum ModelStatement {
    case insert([Value], [ModelAssignment])
    case update([Value], [ModelAssignment])
    case updateStatic([Value], [ModelAssignment])
    case deleteRow([Value])
    case deleteCells([Value], [TableSchema.Column])
    case deleteRange([Value], ModelRange)
    case deletePartition([Value])

    var isDeletion: Bool {
        switch self {
        case .insert, .update, .updateStatic: false
        default: true
        }
    }
}

struct ModelAssignment {
    enum Action {
        case set(Value)
        case null
        case unset
        case append([Value])
        case prepend([Value])
        case add(Value)
        case remove([Value])
        case field(Int, Value?)
        case increment(Int64)
    }
    var column: TableSchema.Column
    var action: Action
}

/// Bounds on the first clustering columns in the stored order.
struct ModelRange {
    struct Bound {
        var prefix: [Value]
        var isInclusive: Bool
    }
    var lower: Bound?
    var upper: Bound?

    func contains(_ clustering: [Value], of schema: TableSchema) -> Bool {
        if let lower {
            let order = ModelRange.order(clustering, lower.prefix, of: schema)
            if order < 0 || (order == 0 && !lower.isInclusive) { return false }
        }
        if let upper {
            let order = ModelRange.order(clustering, upper.prefix, of: schema)
            if order > 0 || (order == 0 && !upper.isInclusive) { return false }
        }
        return true
    }

    /// The stored order of a row and a prefix: 0 when the row begins with it. Also of two rows.
    static func order(_ row: [Value], _ prefix: [Value], of schema: TableSchema) -> Int {
        for (i, column) in zip(prefix.indices, schema.clustering) {
            guard let a = try? ValueCodec.encode(row[i], as: column.type),
                let b = try? ValueCodec.encode(prefix[i], as: column.type)
            else { preconditionFailure("a workload's key cannot be encoded") }
            let order = CassandraOrder.compare(a[...], b[...], column.type)
            if order != 0 { return column.order == .ascending ? order : -order }
        }
        return 0
    }
}
