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
        for commit in commits {
            lines.append(
                "  \(commit.columns.joined(separator: ", ")): commit \(commit.id) at "
                    + EventTime(microseconds: commit.id).description
            )
            guard let bytes = try tables.provenance(of: CommitID(microseconds: commit.id)) else {
                lines.append("    nothing is kept about this commit any more, or no pipeline made it")
                continue
            }
            let made: Provenance
            do throws(ByteFault) { made = try Provenance(bytes) } catch {
                throw Failure(
                    .corrupt, "the provenance of commit \(commit.id) cannot be read",
                    advice: "Check the store with: millrace table verify", cause: error)
            }
            lines += try origin(made).map { "    " + $0 }
        }
        return lines
    }

    private func origin(_ made: Provenance) throws(Failure) -> [String] {
        var lines = [
            "pipeline \(made.pipeline), release \(made.release), stage \(made.stage), partition \(made.partition)",
            "watermark \(HumanText.watermark(made.watermark))",
        ]
        let read = made.inputs.filter { $0.end > $0.first }
        if read.isEmpty { lines.append("no record was read for it: event time or the clock went on") }
        for range in read {
            lines.append("from \(range.input) partition \(made.partition), offsets \(range.first) to \(range.end - 1)")
            lines += try records(range, made).map { "  " + $0 }
        }
        if made.stage > 0 {
            lines.append("the shuffle's records came from commits of stage \(made.stage - 1) of the same pipeline")
        }
        return lines
    }

    /// The first records of a range, as they are in the log or as the source gives them again.
    private func records(_ range: CommittedRange, _ made: Provenance) throws(Failure) -> [String] {
        var lines: [String] = []
        if let topic = log.topic(range.input), topic.partitions.indices.contains(made.partition) {
            let partition = topic.partitions[made.partition]
            guard range.first >= partition.startOffset else { return ["the records are not kept any more"] }
            let reader = try LogReader(partition: partition, from: range.first, isolation: .readCommitted)
            do {
                while lines.count < Limits.explainedRecords, reader.offset < range.end,
                    let batches = try reader.next(maxBytes: 64 << 10)
                {
                    try batches.forEachRecord(using: Decompressor()) { record in
                        guard (range.first..<range.end).contains(record.offset), lines.count < Limits.explainedRecords
                        else { return }
                        lines.append(
                            Excerpt.line(record.offset, record.key.map(Array.init), record.value.map(Array.init)))
                    }
                }
            } catch {
                throw Failure(
                    .corrupt, "the records cannot be read", advice: "Look at them with: millrace log dump",
                    place: partition.name, cause: error)
            }
            if range.end - range.first > Int64(lines.count) {
                lines.append(
                    "all of them: millrace log read \(range.input) --partition \(made.partition) --from \(range.first)"
                        + " --limit \(range.end - range.first)")
            }
            return lines
        }
        let inputs = runners.first { $0.description.name == made.pipeline }?.description.inputs ?? []
        for case .source(let source, _) in inputs where source.name == range.input {
            let reader = try source.reader(partition: made.partition, from: range.first)
            defer { reader.close() }
            if let record = try reader.record(at: range.first) {
                lines.append(Excerpt.line(range.first, record.key, record.value))
            }
        }
        return lines
    }
}
