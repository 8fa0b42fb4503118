import MillraceCore
import MillraceTables

/// Turns a row's fields, as read from text, into statements.
struct RowInput {
    private let table: StoredTable
    private let options: WriteOptions

    init(_ table: StoredTable, _ options: WriteOptions) { (self.table, self.options) = (table, options) }

    func add(_ fields: RowText.Fields, line: Int, to commit: inout Commit) throws {
        let schema = table.schema
        var key: [Value] = []
        for column in schema.partitionKey { key.append(try value(of: column, fields, line)) }
        let statics = assignments(fields.filter { $0.column.kind == .static })
        let regulars = assignments(fields.filter { $0.column.kind == .regular })
        let clustering = schema.clustering
        // Static columns alone, without a row: no clustering column is named.
        let isPartition =
            !statics.isEmpty && regulars.isEmpty
            && !fields.contains { field in clustering.contains { $0.id == field.column.id } }
        if !statics.isEmpty { try commit.update(static: table, partition: key, statics, options) }
        if isPartition { return }
        for column in clustering { key.append(try value(of: column, fields, line)) }
        if schema.isCounterTable {
            try commit.update(table, key: key, regulars, options)
        } else {
            try commit.insert(into: table, key: key, regulars, options)
        }
    }

    private func value(of column: TableSchema.Column, _ fields: RowText.Fields, _ line: Int) throws -> Value {
        guard let field = fields.first(where: { $0.column.id == column.id }) else {
            throw TextFault("key column \(column.name) is missing", line: line)
        }
        guard let value = field.value else { throw TextFault("key column \(column.name) is null", line: line) }
        return value
    }

    private func assignments(_ fields: RowText.Fields) -> [Assignment] {
        fields.map { column, value in
            guard column.type == .counter else { return Assignment(column, value.map { .set($0) } ?? .null) }
            guard case .bigint(let amount)? = value else { return Assignment(column, .unset) }
            return Assignment(column, .increment(amount))
        }
    }
}

extension WriteOptions {
    init(_ invocation: Invocation) throws(Failure) {
        self.init(timestamp: try invocation.integer("timestamp"), ttl: try invocation.timeToLive())
    }
}

extension Invocation {
    /// `--ttl` in seconds, which is what a time to live is counted in. What is shorter would be none at all.
    func timeToLive() throws(Failure) -> Int32? {
        guard let span = try span("ttl") else { return nil }
        let (seconds, rest) = span.microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        guard rest == 0, (0...Int64(Limits.timeToLiveSeconds)).contains(seconds) else {
            let days = Limits.timeToLiveSeconds / 86_400
            throw refusal("ttl", value("ttl") ?? "", "whole seconds, such as 90s or 1h, and at most \(days)d")
        }
        return Int32(seconds)
    }
}
