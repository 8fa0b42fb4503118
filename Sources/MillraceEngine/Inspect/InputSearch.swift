internal import MillraceCore
internal import MillraceFlow
internal import MillraceLog
internal import MillraceTables

/// Tells what a commit was made from, down to the records of the pipeline's own inputs.
struct InputSearch {
    let node: Node
    let lineage: Lineage
    var mention: KeyMention

    /// Lines about an input, and whether a record among them names the key.
    private struct Told {
        var lines: [String] = []
        var names = false

        mutating func add(_ other: Told, indented: String = "  ") {
            lines += other.lines.map { indented + $0 }
            names = names || other.names
        }
    }

    static func title(_ id: CommitID) -> String {
        "commit \(id.microseconds) at \(EventTime(microseconds: id.microseconds))"
    }

    mutating func tell(_ commit: Lineage.Commit) throws(Failure) -> [String] {
        let made = commit.made
        var lines = [
            "pipeline \(made.pipeline), release \(made.release), stage \(made.stage), partition \(made.partition)",
            "watermark \(HumanText.watermark(made.watermark))",
        ]
        let told = try inputs(of: commit)
        lines += told.lines
        if told.lines.isEmpty { lines.append("no record was read for it: event time or the clock went on") }
        if !told.names, mention.isPossible { lines += try earlierInputs(than: commit) }
        return lines
    }

    /// A result that came of time alone, or of other keys' records: who read this key's before.
    private mutating func earlierInputs(than commit: Lineage.Commit) throws(Failure) -> [String] {
        var lines: [String] = []
        var (mention, looked) = (mention, 0)
        try lineage.earlier(than: commit) { (other) throws(Failure) in
            looked += 1
            var search = InputSearch(node: node, lineage: lineage, mention: mention)
            let told = try search.inputs(of: other)
            mention = search.mention
            if told.names {
                lines.append("records that name the key were last read for \(Self.title(other.id)) of the same task:")
                lines += told.lines.map { "  " + $0 }
            }
            return !told.names && mention.isPossible && looked < Limits.explainedEarlierCommits
        }
        self.mention = mention
        return lines
    }

    private mutating func inputs(of commit: Lineage.Commit) throws(Failure) -> Told {
        var told = Told()
        for range in commit.made.inputs where range.end > range.first {
            let place = "from \(range.input) partition \(commit.made.partition)"
            told.lines.append("\(place), offsets \(range.first) to \(range.end - 1)")
            if let stage = PipelineAssembly.shufflingStage(of: range.input, in: commit.made.pipeline) {
                told.add(try shuffled(range, by: stage, for: commit))
            } else {
                told.add(try records(range, commit.made))
            }
        }
        return told
    }

    /// The commits that wrote a range of a shuffle, and their inputs; those with records that name the key first.
    private mutating func shuffled(
        _ range: CommittedRange, by stage: Int, for commit: Lineage.Commit
    ) throws(Failure) -> Told {
        let made = commit.made
        let runner = node.runners.first { $0.description.name == made.pipeline }
        let tasks = runner?.seats.filter { $0.context.address.stage == stage }.count ?? .max
        let (writers, isCut) = try lineage.writers(
            of: .init(
                pipeline: made.pipeline, stage: stage, tasks: tasks, partition: made.partition,
                offsets: range.first..<range.end), before: commit.id)
        var (naming, others) = ([Told](), [Told]())
        for writer in writers {
            // Looked at as long as they are shown, or might name the key.
            guard naming.count < Limits.explainedCommits, mention.isPossible || others.count < Limits.explainedCommits
            else { break }
            var told = Told(lines: ["stage \(stage), partition \(writer.made.partition), \(Self.title(writer.id))"])
            told.add(try inputs(of: writer))
            if told.names { naming.append(told) } else if !told.lines.isEmpty { others.append(told) }
        }
        let shown = naming.isEmpty ? others.prefix(Limits.explainedCommits) : naming[...]
        var all = Told()
        for told in shown { all.add(told, indented: "") }
        let left = writers.count - shown.count
        if left > 0 { all.lines.append("\(left) more commits of stage \(stage) are in it") }
        if isCut || writers.isEmpty {
            all.lines.append("commits of stage \(stage) from longer ago are too far back, or not known any more")
        }
        return all
    }

    /// The first records of a range that name the key, or else the first, as they are in the log or as the source gives
    /// them again.
    private mutating func records(_ range: CommittedRange, _ made: Provenance) throws(Failure) -> Told {
        guard let topic = node.log.topic(range.input), topic.partitions.indices.contains(made.partition) else {
            return Told(lines: try sourceRecord(range, made))
        }
        let partition = topic.partitions[made.partition]
        guard range.first >= partition.startOffset else { return Told(lines: ["the records are not kept any more"]) }
        var (first, naming) = ([String](), [String]())
        let reader = try LogReader(partition: partition, from: range.first, isolation: .readCommitted)
        do {
            while naming.count < Limits.explainedRecords, mention.isPossible || first.count < Limits.explainedRecords,
                reader.offset < range.end, let batches = try reader.next(maxBytes: 64 << 10)
            {
                try batches.forEachRecord(using: Decompressor()) { record in
                    guard (range.first..<range.end).contains(record.offset) else { return }
                    let names = mention.isPossible && mention.isMade(in: record.value, key: record.key)
                    guard first.count < Limits.explainedRecords || names else { return }
                    let line = Excerpt.line(
                        record.offset, record.key.map(Array.init), record.value.map(Array.init))
                    if first.count < Limits.explainedRecords { first.append(line) }
                    if names, naming.count < Limits.explainedRecords { naming.append(line) }
                }
            }
        } catch {
            throw Failure(
                .corrupt, "the records cannot be read", advice: "Look at them with: millrace log dump",
                place: partition.name, cause: error)
        }
        var told = Told(lines: naming.isEmpty ? first : naming, names: !naming.isEmpty)
        if range.end - range.first > Int64(told.lines.count) {
            if told.names { told.lines.insert("records in it that name the key:", at: 0) }
            told.lines.append(
                "all of them: millrace log read \(range.input) --partition \(made.partition) --from \(range.first)"
                    + " --limit \(range.end - range.first)")
        }
        return told
    }

    private func sourceRecord(_ range: CommittedRange, _ made: Provenance) throws(Failure) -> [String] {
        let inputs = node.runners.first { $0.description.name == made.pipeline }?.description.inputs ?? []
        for case .source(let source, _) in inputs where source.name == range.input {
            let reader = try source.reader(partition: made.partition, from: range.first)
            defer { reader.close() }
            if let record = try reader.record(at: range.first) {
                return [Excerpt.line(range.first, record.key, record.value)]
            }
        }
        return []
    }
}
