public import MillraceCore
internal import MillraceFlow
internal import MillraceLog
internal import MillraceRuntime
internal import MillraceTables

extension Node: NodeInspector {
    public func plan(of pipeline: String) throws(Failure) -> String { try runner(pipeline).plan.describe() }

    public func why(pipeline: String) throws(Failure) -> String {
        let name = try runner(pipeline).description.name
        guard let found = status().pipelines.first(where: { $0.name == name }) else { return "" }
        return WhyText.render(found, now: clock.wall)
    }

    public func pause(pipeline: String) throws(Failure) { try runner(pipeline).pause(true) }
    public func resume(pipeline: String) throws(Failure) { try runner(pipeline).pause(false) }

    func runner(_ name: String) throws(Failure) -> PipelineRunner {
        if let found = runners.first(where: { $0.description.name == name }) { return found }
        let known = runners.map(\.description.name)
        let hint = Spelling.nearest(to: name, in: known).map { "Did you mean \($0)?" }
        throw Failure(
            .notFound, "there is no pipeline '\(name)'",
            advice: hint ?? (known.isEmpty ? "This node runs none" : "There are: \(known.joined(separator: ", "))"))
    }

    // MARK: Explain

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
                    .invalidArgument, "'\(text)' is not a \(column.type) for \(column.name)", place: name, cause: error)
            }
        }
        let partition = Array(values.prefix(table.schema.partitionKey.count))
        var query = RowQuery.partition(partition, .prefix(Array(values.dropFirst(partition.count))))
        (query.origins, query.limit) = (true, Limits.explainedRows)
        var cursor = try tables.snapshot().rows(table, query)
        var lines: [String] = []
        while let row = try cursor.next() { lines += try explain(row) }
        return lines.isEmpty ? "there is no such row in \(name)\n" : lines.joined(separator: "\n") + "\n"
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
            do throws(ByteFault) { lines += origin(try Provenance(bytes), row).map { "    " + $0 } } catch {
                throw Failure(.corrupt, "the provenance of commit \(commit.id) cannot be read", cause: error)
            }
        }
        return lines
    }

    private func origin(_ made: Provenance, _ row: Row) -> [String] {
        var lines = [
            "pipeline \(made.pipeline), release \(made.release), stage \(made.stage), partition \(made.partition)",
            "watermark \(HumanText.watermark(made.watermark))",
        ]
        let read = made.inputs.filter { $0.end > $0.first }
        lines += read.map { "from \($0.input) partition \(made.partition), offsets \($0.first) to \($0.end - 1)" }
        if read.isEmpty { lines.append("no record was read for it: event time or the clock went on") }
        if made.stage > 0 {
            lines.append("the shuffle's records came from commits of stage \(made.stage - 1) of the same pipeline")
        }
        return lines
            + read.map {
                "see them: millrace log read \($0.input) --partition \(made.partition) --from \($0.first)"
                    + " --limit \($0.end - $0.first)"
            }
    }
}
