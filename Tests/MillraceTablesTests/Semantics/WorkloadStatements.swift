import MillraceCore
import MillraceTables

/// Random statements over few keys and few values.
struct WorkloadStatements {
    var random: SeededRandom

    mutating func partition(_ schema: TableSchema) -> [Value] { schema.partitionKey.map { key($0.type) } }
    mutating func clustering(_ schema: TableSchema) -> [Value] { schema.clustering.map { key($0.type) } }

    private mutating func key(_ type: ColumnType) -> Value {
        type == .text ? .text(random.pick(["", "a", "ab", "b\u{0}"])) : .int(Int32(random.below(3)) - 1)
    }

    mutating func value(_ type: ColumnType) -> Value {
        switch type {
        case .int: .int(Int32(random.below(4)))
        case .text: .text(random.pick(["", "x", "y", "yy"]))
        case .blob: .blob((0..<random.below(4)).map { _ in UInt8(random.pick([0, 7, 255])) })
        case .varint: .varint(BigInteger(random.pick([0, -1, 1, 127, 128, -200_000])))
        case .list(let e, _): .list((0..<random.below(3)).map { _ in value(e) })
        case .set(let e, _): .set((0..<random.below(3)).map { _ in value(e) })
        case .map(let k, let v, _): .map(distinct((0..<random.below(3)).map { _ in .init(value(k), value(v)) }))
        case .user(let user, _): .tuple(user.fields.map { random.oneIn(3) ? nil : value($0.type) })
        default: preconditionFailure("no values of \(type)")
        }
    }
    private func distinct(_ entries: [Value.MapEntry]) -> [Value.MapEntry] {
        var seen: Set<Value> = []
        return entries.filter { seen.insert($0.key).inserted }
    }

    mutating func action(_ column: TableSchema.Column, inserting: Bool) -> ModelAssignment.Action {
        let type = column.type
        if type == .counter { return .increment(Int64(random.below(7)) - 3) }
        if random.oneIn(6) { return random.oneIn(3) ? .unset : .null }
        if inserting || !type.isMultiCell || random.oneIn(4) { return .set(value(type)) }
        switch type {
        case .list(let e, _):
            let values = (0...random.below(2)).map { _ in value(e) }
            return random.oneIn(2) ? .append(values) : .prepend(values)
        case .set(let e, _): return random.oneIn(2) ? .add(value(type)) : .remove([value(e)])
        case .map(let k, _, _): return random.oneIn(2) ? .add(value(type)) : .remove([value(k)])
        case .user(let user, _):
            let i = random.below(user.fields.count)
            return .field(i, random.oneIn(3) ? nil : value(user.fields[i].type))
        default: return .set(value(type))
        }
    }

    mutating func assignments(_ columns: ArraySlice<TableSchema.Column>, inserting: Bool) -> [ModelAssignment] {
        let all = inserting && random.oneIn(2)
        return columns.filter { _ in all || random.oneIn(2) }.map {
            ModelAssignment(column: $0, action: action($0, inserting: inserting))
        }
    }

    mutating func range(_ schema: TableSchema) -> ModelRange {
        func bound() -> ModelRange.Bound? {
            if random.oneIn(4) { return nil }
            let count = 1 + random.below(schema.clustering.count)
            return .init(prefix: Array(clustering(schema).prefix(count)), isInclusive: random.oneIn(2))
        }
        if random.oneIn(3), let lower = bound() {
            // All rows of a prefix.
            return ModelRange(
                lower: .init(prefix: lower.prefix, isInclusive: true),
                upper: .init(prefix: lower.prefix, isInclusive: true))
        }
        return ModelRange(lower: bound(), upper: bound())
    }

    mutating func statement(_ schema: TableSchema) -> ModelStatement {
        let partition = partition(schema)
        let row = partition + clustering(schema)
        switch random.below(20) {
        case 0: return .deletePartition(partition)
        case 1, 2: return .deleteRow(row)
        case 3, 4:
            guard !schema.clustering.isEmpty else { return .deleteRow(row) }
            return .deleteRange(partition, range(schema))
        case 5:
            let columns = schema.regulars.filter { _ in random.oneIn(3) }
            return .deleteCells(row, Array(columns))
        case 6, 7:
            guard !schema.statics.isEmpty else { fallthrough }
            return .updateStatic(partition, assignments(schema.statics, inserting: false))
        case 8...13:
            if schema.isCounterTable { fallthrough }
            return .insert(row, assignments(schema.regulars, inserting: true))
        default: return .update(row, assignments(schema.regulars, inserting: false))
        }
    }

    /// A statement with its options; nil when it does not go with those that are in the commit already.
    ///
    /// - Parameters:
    ///   - element: in place of a random statement.
    ///   - isOrdered: the commit counts the order of its statements.
    ///   - now: seconds.
    mutating func plan(
        _ table: Int, _ schema: TableSchema, _ element: ModelStatement? = nil, policy: TimestampPolicy,
        isOrdered: Bool, beside planned: [Planned], now: Int64
    ) -> Planned? {
        let statement = element ?? statement(schema)
        // What increments and deletions of one commit do to each other is not promised.
        if schema.isCounterTable,
            planned.contains(where: { $0.table == table && $0.statement.isDeletion != statement.isDeletion })
        {
            return nil
        }
        // The order of statements counts for those that say all about a row.
        if isOrdered, !statement.isWhole(schema) { return nil }
        var plan = Planned(table: table, statement: statement)
        if policy == .any, !schema.isCounterTable, random.oneIn(2) {
            // Around the clock in steps of a second, so that many are equal.
            plan.timestamp = (now + Int64(random.below(7)) - 4) * 1_000_000
        }
        if !schema.isCounterTable, !statement.isDeletion, random.oneIn(3) { plan.ttl = Int32(random.below(6)) }
        return plan
    }
}

/// A statement that a commit is to hold.
struct Planned {
    var table: Int
    var statement: ModelStatement
    var timestamp: Int64?
    var ttl: Int32?
    var options: WriteOptions { WriteOptions(timestamp: timestamp, ttl: ttl) }
}
