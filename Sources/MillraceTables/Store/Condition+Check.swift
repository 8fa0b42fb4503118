import MillraceCore

extension Condition {
    /// - Parameter row: the row now, nil when there is none.
    func holds(for row: Row?) -> Bool {
        tests.allSatisfy { test in
            switch test {
            case .exists: row != nil
            case .notExists: row == nil
            case .column(let column, let relation, let wanted):
                relation.holds(row?[column.name], wanted, column.type)
            }
        }
    }
}

extension Condition.Relation {
    /// Null equals null alone and is in no order, as in CQL.
    func holds(_ value: Value?, _ wanted: Value?, _ type: ColumnType) -> Bool {
        guard let value, let wanted else {
            switch self {
            case .equal: return value == nil && wanted == nil
            case .notEqual: return (value == nil) != (wanted == nil)
            default: return false
            }
        }
        let order = type.order(value, wanted)
        switch self {
        case .equal: return order == 0
        case .notEqual: return order != 0
        case .less: return order < 0
        case .lessOrEqual: return order <= 0
        case .greater: return order > 0
        case .greaterOrEqual: return order >= 0
        }
    }
}

extension TableSnapshot {
    /// What a condition is about: a row, or a partition's static columns.
    func row(for condition: Condition) throws(Failure) -> Row? {
        let schema = condition.table.schema
        if condition.key.count > schema.partitionKey.count || schema.clustering.isEmpty {
            return try row(condition.table, key: condition.key)
        }
        var cursor = try rows(condition.table, .partition(condition.key, limit: 1))
        return try cursor.next()
    }
}
