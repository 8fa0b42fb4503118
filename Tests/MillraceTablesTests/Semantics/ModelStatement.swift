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
        /// Of a list: the element at a path of the model, which the store knows by its place.
        case element(ElementPath, ListPlace, Value?)
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

    /// CQL's order of a row's first values and a tuple, whatever the direction of the columns.
    static func plainOrder(_ row: [Value], _ tuple: [Value], of schema: TableSchema) -> Int {
        for (i, column) in zip(tuple.indices, schema.clustering) {
            let order = ModelRange.order([row[i]], [tuple[i]], column)
            if order != 0 { return order }
        }
        return 0
    }

    private static func order(_ a: [Value], _ b: [Value], _ column: TableSchema.Column) -> Int {
        guard let a = try? ValueCodec.encode(a[0], as: column.type),
            let b = try? ValueCodec.encode(b[0], as: column.type)
        else { preconditionFailure("a workload's key cannot be encoded") }
        return CassandraOrder.compare(a[...], b[...], column.type)
    }

    /// The stored order of a row and a prefix: 0 when the row begins with it. Also of two rows.
    static func order(_ row: [Value], _ prefix: [Value], of schema: TableSchema) -> Int {
        for (i, column) in zip(prefix.indices, schema.clustering) {
            let order = ModelRange.order([row[i]], [prefix[i]], column)
            if order != 0 { return column.order == .ascending ? order : -order }
        }
        return 0
    }
}
