public import MillraceCore
internal import MillraceFlow
internal import MillraceLog
internal import MillraceRuntime
internal import MillraceTables

/// From a row to the commits behind its cells, and from them to the records they were made from (design D9).
extension Node {
    public func explain(table: String, key: [String]) async throws(Failure) -> String {
        try await blocking.run { [self] () throws(Failure) in try explanation(table: table, key: key) }
    }

    func explanation(table name: String, key: [String]) throws(Failure) -> String {
        let named = Table(name)
        let table = try tables.require(named.keyspace, named.table)
        let columns = table.schema.columns.filter(\.isKey)
        guard key.count >= table.schema.partitionKey.count, key.count <= columns.count else {
            throw Failure(
                .invalidArgument, "the key of \(name) is \(columns.map(\.name).joined(separator: ", "))",
                advice: "Give at least \(table.schema.partitionKey.map(\.name).joined(separator: ", "))", place: name)
        }
        var values: [Value] = []
        for (text, column) in zip(key, columns) {
            do { values.append(try RowText.value(text, as: column.type)) } catch {
                throw Failure(
                    .invalidArgument, "'\(text)' is not a \(column.type) for \(column.name)",
                    advice: "Write it as the table's rows are printed: millrace table scan \(name)", place: name,
                    cause: error)
            }
        }
        let partition = Array(values.prefix(table.schema.partitionKey.count))
        var query = RowQuery.partition(partition, .prefix(Array(values.dropFirst(partition.count))))
        (query.origins, query.limit) = (true, Limits.explainedRows)
        var cursor = try tables.snapshot().rows(table, query)
        var lines: [String] = []
        while let row = try cursor.next() { lines += try explain(row) }
        let keys = columns.map(\.name).joined(separator: ", ")
        return lines.isEmpty
            ? "there is no such row in \(name); its key is \(keys)\n" : lines.joined(separator: "\n") + "\n"
    }

    private func explain(_ row: Row) throws(Failure) -> [String] {
        let keys = zip(row.table.schema.columns.filter(\.isKey), row.key).map {
            "\($0.name) = \(RowText.plain($1, as: $0.type))"
        }
        var lines = [keys.joined(separator: ", ")]
        // Cells of one commit are told together.
        var commits: [(id: Int64, columns: [String])] = []
        for (column, origin) in zip(row.columns, row.origins) {
            guard let origin else { continue }
            if let index = commits.firstIndex(where: { $0.id == origin.timestamp }) {
                commits[index].columns.append(column.name)
            } else {
                commits.append((origin.timestamp, [column.name]))
            }
        }
        // The key's clustering columns are mostly times of windows, which no record has.
        let partitionKey = row.table.schema.columns.filter(\.isKey).prefix(row.table.schema.partitionKey.count)
        var search = InputSearch(
            node: self, lineage: Lineage(snapshot: try tables.snapshot()),
            mention: KeyMention(zip(partitionKey, row.key).map { RowText.plain($1, as: $0.type) }))
        for commit in commits {
            let id = CommitID(microseconds: commit.id)
            lines.append("  \(commit.columns.joined(separator: ", ")): \(InputSearch.title(id))")
            guard let bytes = try tables.provenance(of: id) else {
                lines.append("    nothing is kept about this commit any more, or no pipeline made it")
                continue
            }
            lines += try search.tell(.init(id: id, made: try Lineage.decode(bytes, of: id))).map { "    " + $0 }
        }
        return lines
    }
}
