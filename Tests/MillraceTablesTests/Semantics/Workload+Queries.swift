import MillraceCore
import MillraceTables
import Testing

extension Workload {
    /// A random query, and what the model gives for it without its limits.
    func query(_ index: Int) throws -> (RowQuery, [TableModel.RowReading]) {
        let (model, schema) = (models[index], models[index].schema)
        var query = RowQuery()
        query.origins = true
        var rows: [TableModel.RowReading]
        var isNamed = false
        switch random.below(4) {
        case 0: rows = try expected(model, now)
        case 1:
            let tokens = try (0..<2).map { _ in try schema.partitionKey(statements.partition(schema)).token }.sorted()
            query.partitions = .tokens(tokens[0]...tokens[1])
            rows = try expected(model, now).filter { row in
                let key = try schema.partitionKey(Array(row.key.prefix(schema.partitionKey.count)))
                return (tokens[0]...tokens[1]).contains(key.token)
            }
        case 2:
            let keys = (0..<2).map { _ in statements.partition(schema) }
            query.partitions = .keys(keys)
            rows = try keys.flatMap { try model.read($0, at: now) }
        default:
            let key = statements.partition(schema)
            query.partitions = .keys([key])
            rows = try model.read(key, at: now)
            isNamed = true
        }
        if !schema.clustering.isEmpty, random.oneIn(2) {
            let (ranges, contains) = try bounds(index)
            query.ranges = ranges
            let count = schema.partitionKey.count
            // What has bounds shows rows alone.
            rows = rows.filter { $0.key.count > count && contains(Array($0.key.dropFirst(count))) }
        }
        if isNamed, random.oneIn(2) {
            query.order = .reversed
            rows.reverse()
        }
        return (query, rows)
    }

    /// Ranges, and which clustering keys are in them.
    private func bounds(_ index: Int) throws -> ([ClusteringRange], ([Value]) -> Bool) {
        let schema = models[index].schema
        func some() -> ModelRange {
            while true {
                let range = statements.range(schema)
                // A range that bounds nothing is the whole partition.
                if range.lower != nil || range.upper != nil { return range }
            }
        }
        func tuple() throws -> ([ClusteringRange], ([Value]) -> Bool) {
            let relation: Condition.Relation = random.pick([
                .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual,
            ])
            let values = Array(statements.clustering(schema).prefix(1 + random.below(schema.clustering.count)))
            let ranges = try ClusteringRange.tuple(relation, values, in: tables[index])
            return (
                ranges,
                { row in
                    let order = ModelRange.plainOrder(row, values, of: schema)
                    switch relation {
                    case .equal: return order == 0
                    case .notEqual: return order != 0
                    case .less: return order < 0
                    case .lessOrEqual: return order <= 0
                    case .greater: return order > 0
                    case .greaterOrEqual: return order >= 0
                    }
                }
            )
        }
        switch random.below(4) {
        case 0:
            let range = some()
            return ([Workload.range(range)], { range.contains($0, of: schema) })
        case 1:
            // CQL's IN, or any other union, in any order.
            let ranges = (0...random.below(3)).map { _ in some() }
            return (ranges.map(Workload.range), { row in ranges.contains { $0.contains(row, of: schema) } })
        case 2: return try tuple()
        default:
            let (first, second) = (try tuple(), try tuple())
            return (
                try ClusteringRange.both(first.0, second.0, in: tables[index]), { first.1($0) && second.1($0) }
            )
        }
    }

    /// The partitions there are, with their static columns.
    func checkDistinct() throws {
        let index = random.below(tables.count)
        let schema = models[index].schema
        var query = RowQuery.distinct()
        query.origins = true
        var partitions = try expected(models[index], now)
        if random.oneIn(2) {
            let keys = (0..<3).map { _ in statements.partition(schema) }
            query.partitions = .keys(keys)
            partitions = try keys.flatMap { try models[index].read($0, at: now).prefix(1) }
        }
        let count = schema.partitionKey.count
        var wanted: [TableModel.RowReading] = []
        for row in partitions {
            let key = Array(row.key.prefix(count))
            if case .all = query.partitions, wanted.last?.key == key { continue }
            wanted.append(.init(key: key, cells: Array(row.cells.prefix(schema.statics.count))))
        }
        try compare(
            "distinct of \(tables[index].name)", index, try rows(tables[index], query, store.snapshot()), wanted)
        var (paged, state): ([TableModel.RowReading], PagingState?) = ([], nil)
        repeat {
            let page = try store.snapshot().page(tables[index], query, size: 1 + random.below(2), after: state)
            paged += try page.rows.map(reading)
            state = page.next
        } while state != nil
        try compare("pages of distinct of \(tables[index].name)", index, paged, wanted)
    }

    /// Sets or deletes an element of a list that is there, by its index.
    func elementStatement(_ index: Int) throws -> ModelStatement? {
        let model = models[index]
        for column in model.schema.regulars {
            guard case .list(let type, _) = column.type, column.type.isMultiCell else { continue }
            let partition = statements.partition(model.schema)
            for row in try model.read(partition, at: now).shuffled(using: &random) {
                guard row.key.count > partition.count else { continue }
                let live = model.elements(of: column, at: row.key, now)
                let places = try store.places(of: column, in: tables[index], key: row.key)
                guard live.count == places.count else {
                    throw Difference(
                        description: "\(places.count) places in the list, \(live.count) in the model",
                        table: tables[index].name, partition: "(\(partition.brief)")
                }
                guard !live.isEmpty else { continue }
                let at = random.below(live.count)
                let value = random.oneIn(3) ? nil : statements.value(type)
                return .update(
                    row.key, [ModelAssignment(column: column, action: .element(live[at], places[at], value))])
            }
        }
        return nil
    }

    /// Partitions, tokens, ranges, both directions, limits, pages.
    func checkQueries() throws {
        let index = random.below(tables.count)
        let table = tables[index]
        var (query, expected) = try query(index)
        if random.oneIn(3) {
            let limit = 1 + random.below(3)
            query.perPartitionLimit = limit
            // A key that is given twice is read twice.
            var (kept, last, run): ([TableModel.RowReading], [Value], Int) = ([], [], 0)
            let count = models[index].schema.partitionKey.count
            var seen: Set<[Value]> = []
            for row in expected {
                let partition = Array(row.key.prefix(count))
                if partition != last || seen.contains(row.key) { (last, run, seen) = (partition, 0, []) }
                seen.insert(row.key)
                run += 1
                if run <= limit { kept.append(row) }
            }
            expected = kept
        }
        if random.oneIn(3) {
            let limit = 1 + random.below(4)
            query.limit = limit
            expected = Array(expected.prefix(limit))
        }
        try compare("\(table.name) \(query)", index, try rows(table, query, try store.snapshot()), expected)
        var (paged, state): ([TableModel.RowReading], PagingState?) = ([], nil)
        let size = 1 + random.below(3)
        repeat {
            let page = try store.snapshot().page(table, query, size: size, after: state)
            paged += try page.rows.map(reading)
            state = page.next
        } while state != nil
        try compare("pages of \(size) of \(table.name) \(query)", index, paged, expected)
        if random.oneIn(3) { try checkDistinct() }
    }

    /// Pages of a table that is written to between them: each page goes on behind the last row of the one before.
    func checkMovingPages() throws {
        let index = random.below(tables.count)
        let schema = models[index].schema
        var query = RowQuery()
        query.origins = true
        let key = statements.partition(schema)
        let isScan = random.oneIn(2)
        if !isScan {
            query.partitions = .keys([key])
            if random.oneIn(2) { query.order = .reversed }
        }
        let size = 1 + random.below(2)
        var state: PagingState?
        var last: [Value]?
        for _ in 0..<20 {
            var rows = isScan ? try expected(models[index], now) : try models[index].read(key, at: now)
            if query.order == .reversed { rows.reverse() }
            if let last { rows = try rows.filter { try isBehind($0.key, last, schema, query.order) } }
            let page = try store.snapshot().page(tables[index], query, size: size, after: state)
            try compare(
                "a page behind \(last?.brief ?? "nothing") of \(tables[index].name) \(query.order)", index,
                try page.rows.map(reading), Array(rows.prefix(size)))
            if (page.next == nil) != (rows.count <= size) {
                throw Difference(description: "\(rows.count) rows are left, and the page says next \(page.next != nil)")
            }
            guard let next = page.next else { return }
            (state, last) = (next, page.rows.last?.key)
            try write()
        }
    }

    /// Whether a row comes later in the query's order. The static columns alone come at a partition's end, and not at
    /// all behind one of its rows.
    private func isBehind(_ row: [Value], _ last: [Value], _ schema: TableSchema, _ order: RowQuery.Order) throws
        -> Bool
    {
        let count = schema.partitionKey.count
        let (a, b) = (
            try schema.partitionKey(Array(row.prefix(count))), try schema.partitionKey(Array(last.prefix(count)))
        )
        if a != b {
            return a.token != b.token
                ? a.token > b.token : CassandraOrder.unsigned(a.serialized, b.serialized) > 0
        }
        if row.count == count || last.count == count { return false }
        let step = ModelRange.order(Array(row.dropFirst(count)), Array(last.dropFirst(count)), of: schema)
        return order == .reversed ? step < 0 : step > 0
    }

    // MARK: Conditions

    /// A conditional commit: applied exactly when the conditions hold in the model.
    func attempt() throws {
        let index = random.below(3)
        let (table, schema) = (tables[index], models[index].schema)
        let key = statements.partition(schema) + statements.clustering(schema)
        let count = schema.partitionKey.count
        let met = try models[index].read(Array(key.prefix(count)), at: now).first { $0.key == key }
        var holds = true
        var tests: [Condition.Test] = []
        switch random.below(4) {
        case 0:
            tests = [.exists]
            holds = met != nil
        case 1:
            tests = [.notExists]
            holds = met == nil
        default:
            let plain = schema.regulars.filter { !$0.type.isMultiCell }
            let column = random.pick(plain)
            let relation: Condition.Relation = random.pick([.equal, .notEqual, .less, .lessOrEqual, .greater])
            let isEquality = relation == .equal || relation == .notEqual
            let value: Value? = isEquality && random.oneIn(3) ? nil : statements.value(column.type)
            tests = [.column(column, relation, value)]
            let position = schema.columns.filter { !$0.isKey }.firstIndex { $0.id == column.id }!
            let found = met?.cells[position].bytes
            let wanted = try value.map { try ValueCodec.encode($0, as: column.type) }
            if let found, let wanted {
                let order = CassandraOrder.compare(found[...], wanted[...], column.type)
                holds =
                    switch relation {
                    case .equal: order == 0
                    case .notEqual: order != 0
                    case .less: order < 0
                    case .lessOrEqual: order <= 0
                    default: order > 0
                    }
            } else {
                holds = isEquality && (relation == .equal) == (found == nil && wanted == nil)
            }
        }
        var commit = store.begin()
        commit.require(Condition(table, key: key, tests))
        let cells = statements.assignments(schema.regulars, inserting: true)
        try Workload.add(.insert(key, cells), to: &commit, table, .none)
        let outcome = try store.attempt(commit, synced: false)
        note("\(table.name) if \(tests) insert (\(key.brief)) \(cells): \(outcome.isApplied)")
        guard outcome.isApplied == holds else {
            throw Difference(
                description: "\(tests) for (\(key.brief)) holds: \(holds), applied: \(outcome.isApplied)",
                table: table.name, partition: "(\(Array(key.prefix(count)).brief)")
        }
        switch outcome {
        case .applied(let id):
            serial += 1
            try models[index].apply(
                .insert(key, cells), timestamp: id.microseconds, ttl: nil, order: 0, serial: serial, now: now)
        case .refused(let shown):
            try compare("the row a condition met", index, try shown.compactMap { try $0.map(plainReading) }, plain(met))
        }
    }

    /// Without write times, which a refusal does not tell.
    private func plainReading(_ row: Row) throws -> TableModel.RowReading { try plain(reading(row))[0] }
    private func plain(_ row: TableModel.RowReading?) -> [TableModel.RowReading] {
        guard var row else { return [] }
        for i in row.cells.indices { (row.cells[i].timestamp, row.cells[i].expiry) = (nil, nil) }
        return [row]
    }

    // MARK: Snapshots in directories, and changes of the schema

    /// A kept snapshot holds what was there, whatever is written after it.
    func checkKept() throws {
        note("keep a snapshot")
        let path = place.directory + "/kept\(step)"
        try store.snapshot(into: path)
        let (kept, began) = (models, now)
        for _ in 0..<3 { try write() }
        let snapshot = try TableStore.open(snapshot: path, clock: clock)
        defer { snapshot.close() }
        for model in kept {
            let table = try snapshot.require(model.schema.keyspace, model.schema.name)
            let index = tables.firstIndex { $0.name == table.name }!
            try compare(
                "kept \(table.name)", index, try rows(table, RowQuery(), try snapshot.snapshot()),
                try expected(model, began))
        }
    }

    /// Adds a column, or drops one; one that comes back under its old name is empty.
    func alter() throws {
        try checkHeld()
        let index = 2
        let schema = models[index].schema
        let extra = schema.regulars.filter { $0.name.hasPrefix("x") }
        let table: StoredTable
        if let column = extra.first, random.oneIn(2) {
            note("alter drop \(column.name)")
            table = try store.alterTable(schema.keyspace, schema.name) { (s) throws(Failure) in
                try s.dropping(column.name)
            }
        } else {
            let name = "x\(random.below(3))"
            if schema.column(name) != nil { return }
            let type: ColumnType = random.oneIn(2) ? .int : .set(.text, frozen: false)
            note("alter add \(name) \(type)")
            table = try store.alterTable(schema.keyspace, schema.name) { (s) throws(Failure) in try s.adding(name, type)
            }
        }
        tables[index] = table
        models[index].schema = table.schema
        try checkAll()
    }
}
