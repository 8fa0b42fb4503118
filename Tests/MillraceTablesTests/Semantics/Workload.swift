import MillraceCore
import Testing

@testable import MillraceTables

/// Drives a store and the model with the same random statements and compares what they give.
final class Workload {

    struct Difference: Error, CustomStringConvertible {
        var description: String
        /// What the lines of the history that matter contain.
        var table = ""
        var partition = ""
    }

    let seed: UInt64
    let policy: TimestampPolicy
    var statements: WorkloadStatements
    let place: StorePlace
    let clock: SimulatedClock
    var store: TableStore
    var tables: [StoredTable] = []
    var models: [TableModel] = []
    /// Moments that are held, to be read again later.
    private var held: [(snapshot: TableSnapshot, models: [TableModel], now: Int64, step: Int)] = []
    var serial = 0
    private(set) var step = 0
    private var history: [String] = []

    var random: SeededRandom {
        get { statements.random }
        set { statements.random = newValue }
    }
    var now: Int64 { clock.wall.microseconds / 1_000_000 }

    init(seed: UInt64, policy: TimestampPolicy) throws {
        (self.seed, self.policy) = (seed, policy)
        statements = WorkloadStatements(random: SeededRandom(seed: seed))
        clock = SimulatedClock()
        place = try StorePlace(clock: clock, inMemory: true)
        store = try place.open(Workload.options)
        try store.createKeyspace("w")
        try store.createType(WorkloadTables.point)
        for schema in try WorkloadTables.schemas() {
            // Times that writers bring are at most seconds old, so what a leap lets go of no late write can meet.
            let grace: TimeSpan = policy == .commits ? .zero : seed % 2 == 0 ? .seconds(30) : .days(10_000)
            tables.append(try store.createTable(schema, tombstoneGrace: grace))
            models.append(TableModel(schema: schema))
        }
    }

    static var options: TableStoreOptions {
        var options = TableStoreOptions()
        options.cacheBytes = 1 << 20
        options.writeBufferBytes = 1 << 20
        // Called by the steps themselves.
        options.upkeepInterval = nil
        return options
    }

    /// Runs steps until the store and the model differ, which is thrown with what led to it.
    func run(steps: Int) throws {
        do {
            for _ in 0..<steps {
                step += 1
                try one()
            }
            try checkAll()
            try checkHeld()
        } catch {
            let place = error as? Difference
            let lines = history.filter { line in
                guard let place, line.contains(" w.") else { return true }
                return line.contains(place.table) && line.contains(place.partition)
            }
            throw Difference(
                description: "seed \(seed), \(policy), step \(step): \(error)\n"
                    + lines.suffix(40).joined(separator: "\n"))
        }
    }

    private func one() throws {
        switch random.below(100) {
        case 0..<70: try write()
        case 70..<80:
            let seconds = Int64(1 + random.below(3))
            note("clock +\(seconds) s")
            clock.advance(by: .seconds(seconds))
        case 80..<84: try checkAll()
        case 84..<86: try checkQueries()
        case 86: try checkMovingPages()
        case 87: try attempt()
        case 88..<91:
            note("flush")
            try store.flush()
        case 91:
            note("compact")
            try store.compact()
            try checkAll()
        case 92..<94:
            if held.count < 3 {
                note("hold")
                held.append((try store.snapshot(), models, now, step))
            }
        case 94: try checkHeld()
        case 95 where random.oneIn(3): try reopen()
        case 96 where random.oneIn(3): try leap()
        case 97 where random.oneIn(3): try checkKept()
        case 98 where random.oneIn(2): try alter()
        default: try write()
        }
    }

    /// So far ahead that whatever is dead or expired may leave the disk, and a snapshot held longer is not promised.
    func leap() throws {
        try checkHeld()
        let way = random.pick(["compact", "purge", "upkeep"])
        note("leap, \(way)")
        clock.advance(by: .seconds(2 * Limits.purgeMarginSeconds))
        switch way {
        case "compact": try store.compact()
        case "purge": for table in tables { try store.purge(table) }
        default: try store.upkeep()
        }
        try checkAll()
    }

    func note(_ line: @autoclosure () -> String) {
        history.append("\(step) @\(clock.wall.microseconds) " + line())
        if history.count > 4_000 { history.removeFirst(2_000) }
    }

    // MARK: Writing

    func write() throws {
        let isOrdered = policy == .commits && random.oneIn(2)
        var commit = store.begin(ties: isOrdered ? .byOrder : .byValue)
        let began = now
        var planned: [Planned] = []
        // One table mostly, so that statements of a commit meet.
        let favourite = random.below(tables.count)
        for _ in 0...(random.oneIn(2) ? 0 : random.below(4)) {
            let table = random.oneIn(3) ? random.below(tables.count) : favourite
            let element = try random.oneIn(8) ? elementStatement(table) : nil
            let plan = statements.plan(
                table, models[table].schema, element, policy: policy, isOrdered: isOrdered, beside: planned, now: now)
            if let plan { planned.append(plan) }
        }
        for plan in planned {
            try Workload.add(
                plan.statement, to: &commit, tables[plan.table], WriteOptions(timestamp: plan.timestamp, ttl: plan.ttl))
        }
        let id = try store.commit(commit, synced: random.oneIn(50))
        for (i, plan) in planned.enumerated() {
            serial += 1
            let stamp = plan.timestamp.map { "\($0)!" } ?? "\(id)"
            note(
                "\(tables[plan.table].name) \(plan.statement) at \(stamp)\(isOrdered ? ".\(i)" : "") "
                    + (plan.ttl.map { "ttl \($0)" } ?? ""))
            try models[plan.table].apply(
                plan.statement, timestamp: plan.timestamp ?? id.microseconds, ttl: plan.ttl,
                order: isOrdered ? 2 * (i + 1) : 0, serial: serial, now: began)
        }
        for plan in planned {
            let count = models[plan.table].schema.partitionKey.count
            try check(plan.table, Array(plan.statement.key.prefix(count)), try store.snapshot(), models, now)
        }
    }

    static func add(
        _ statement: ModelStatement, to commit: inout Commit, _ table: StoredTable, _ options: WriteOptions
    ) throws {
        switch statement {
        case .insert(let key, let cells): try commit.insert(into: table, key: key, cells.map(assignment), options)
        case .update(let key, let cells): try commit.update(table, key: key, cells.map(assignment), options)
        case .updateStatic(let key, let cells):
            try commit.update(static: table, partition: key, cells.map(assignment), options)
        case .deleteRow(let key): try commit.delete(from: table, key: key, options)
        case .deleteCells(let key, let columns): try commit.delete(columns, from: table, key: key, options)
        case .deletePartition(let key): try commit.delete(partition: key, from: table, options)
        case .deleteRange(let key, let range):
            try commit.delete(self.range(range), ofPartition: key, from: table, options)
        }
    }

    static func range(_ range: ModelRange) -> ClusteringRange {
        ClusteringRange(
            from: range.lower.map { .init($0.prefix, inclusive: $0.isInclusive) },
            to: range.upper.map { .init($0.prefix, inclusive: $0.isInclusive) })
    }

    static func assignment(_ cell: ModelAssignment) -> Assignment {
        let write: CellWrite =
            switch cell.action {
            case .set(let value): .set(value)
            case .null: .null
            case .unset: .unset
            case .append(let values): .append(values)
            case .prepend(let values): .prepend(values)
            case .add(let value): .add(value)
            case .remove(let keys): .remove(keys)
            case .field(let i, let value): .field(WorkloadTables.point.fields[i].name, value)
            case .element(_, let place, let value): .element(place, value)
            case .increment(let amount): .increment(amount)
            }
        return Assignment(cell.column, write)
    }

    func reopen() throws {
        note("reopen")
        held.removeAll()
        store.close()
        store = try place.open(Workload.options)
        tables = try models.map { try store.require($0.schema.keyspace, $0.schema.name) }
        try checkAll()
    }

    // MARK: Comparing

    func checkAll() throws {
        let snapshot = try store.snapshot()
        for index in tables.indices { try scan(index, snapshot, models, now) }
    }

    func checkHeld() throws {
        for moment in held {
            for index in tables.indices {
                do {
                    try scan(index, moment.snapshot, moment.models, moment.now)
                } catch {
                    let inner = error as? Difference
                    throw Difference(
                        description: "the snapshot held since step \(moment.step): \(error)",
                        table: inner?.table ?? "", partition: inner?.partition ?? "")
                }
            }
        }
        held.removeAll()
    }

    func reading(_ row: Row) throws -> TableModel.RowReading { try Workload.reading(row) }
    static func reading(_ row: Row) throws -> TableModel.RowReading {
        let cells = try zip(row.columns, row.values).enumerated().map { i, cell in
            var reading = RowModel.Reading(bytes: try cell.1.map { try ValueCodec.encode($0, as: cell.0.type) })
            if reading.bytes != nil, !cell.0.type.isMultiCell, cell.0.type != .counter, !row.origins.isEmpty {
                reading.timestamp = row.origins[i]?.timestamp
                reading.expiry = row.origins[i]?.expiry
            }
            return reading
        }
        return TableModel.RowReading(key: row.key, cells: cells)
    }

    func rows(_ table: StoredTable, _ query: RowQuery, _ snapshot: TableSnapshot) throws -> [TableModel.RowReading] {
        try Workload.rows(table, query, snapshot)
    }
    static func rows(
        _ table: StoredTable, _ query: RowQuery, _ snapshot: TableSnapshot
    ) throws -> [TableModel.RowReading] {
        var query = query
        query.origins = true
        var cursor = try snapshot.rows(table, query)
        var rows: [TableModel.RowReading] = []
        while let row = try cursor.next() { rows.append(try reading(row)) }
        return rows
    }

    func compare(
        _ what: @autoclosure () -> String, _ table: Int, _ found: [TableModel.RowReading],
        _ expected: [TableModel.RowReading]
    ) throws {
        if found == expected { return }
        func text(_ row: TableModel.RowReading?) -> String {
            guard let row else { return "  nothing" }
            let cells = row.cells.map { cell in
                cell.bytes.map { "\($0)@\(cell.timestamp ?? 0)/\(cell.expiry ?? 0)" } ?? "–"
            }
            return "  (\(row.key.brief)): \(cells.joined(separator: " | "))"
        }
        let first = zip(found, expected).prefix { $0 == $1 }.count
        let (store, model) = (found.dropFirst(first).first, expected.dropFirst(first).first)
        let key = (model ?? store)?.key.prefix(models[table].schema.partitionKey.count) ?? []
        throw Difference(
            description: """
                \(what()): \(found.count) rows in the store, \(expected.count) in the model; row \(first) is
                \(text(store)) in the store
                \(text(model)) in the model
                """, table: tables[table].name, partition: "(\(Array(key).brief)")
    }

    func check(_ index: Int, _ key: [Value], _ snapshot: TableSnapshot, _ models: [TableModel], _ now: Int64)
        throws
    {
        try compare(
            "partition \(key.brief) of \(tables[index].name)", index,
            try rows(tables[index], .partition(key), snapshot),
            try models[index].read(key, at: now))
    }

    /// The whole table in the order of tokens.
    func scan(_ index: Int, _ snapshot: TableSnapshot, _ models: [TableModel], _ now: Int64) throws {
        try compare(
            "scan of \(tables[index].name)", index, try rows(tables[index], RowQuery(), snapshot),
            try expected(models[index], now))
    }

    func expected(_ model: TableModel, _ now: Int64) throws -> [TableModel.RowReading] {
        try Workload.expected(model, now)
    }
    static func expected(_ model: TableModel, _ now: Int64) throws -> [TableModel.RowReading] {
        let keys = try model.partitions.keys.map { (try model.schema.partitionKey($0), $0) }
            .sorted { a, b in
                a.0.token != b.0.token
                    ? a.0.token < b.0.token : CassandraOrder.unsigned(a.0.serialized, b.0.serialized) < 0
            }
        return try keys.flatMap { try model.read($0.1, at: now) }
    }
}

extension ModelStatement {
    /// Leaves nothing of what the row or rows held.
    func isWhole(_ schema: TableSchema) -> Bool {
        switch self {
        case .insert(_, let cells):
            cells.count == schema.regulars.count
                && cells.allSatisfy { cell in
                    switch cell.action {
                    case .set, .null: true
                    default: false
                    }
                }
        case .deleteRow, .deleteRange, .deletePartition: true
        default: false
        }
    }

    /// Partition key and, of a row, its clustering.
    var key: [Value] {
        switch self {
        case .insert(let key, _), .update(let key, _), .updateStatic(let key, _), .deleteRow(let key),
            .deleteCells(let key, _), .deleteRange(let key, _), .deletePartition(let key):
            key
        }
    }
}
