public import MillraceCore
internal import MillraceLog
internal import MillraceRuntime
internal import MillraceTables

/// Dead letters are records of a topic, so they are listed like records. What was redriven is behind a position that is
/// kept in the store.
extension Node {
    public func deadLetters(of pipeline: String, limit: Int) async throws(Failure) -> [DeadLetter] {
        try await blocking.run { [self] () throws(Failure) in try letters(of: pipeline, limit: limit) }
    }

    public func redrive(pipeline: String, limit: Int) async throws(Failure) -> Int {
        try await blocking.run { [self] () throws(Failure) in try sendAgain(pipeline: pipeline, limit: limit) }
    }

    func letters(of pipeline: String, limit: Int) throws(Failure) -> [DeadLetter] {
        let runner = try runner(pipeline)
        var letters: [DeadLetter] = []
        guard limit > 0 else { return letters }
        try read(runner) { letter in
            letters.append(letter)
            return letters.count < limit
        }
        return letters
    }

    /// Sends dead letters to where they came from, oldest first.
    ///
    /// The order within a key is kept, provided that nobody appends to the key in the same moment. A crash in the
    /// middle may send the last thousand again.
    func sendAgain(pipeline: String, limit: Int) throws(Failure) -> Int {
        let runner = try runner(pipeline)
        guard case .log(let source) = runner.description.input, let topic = log.topic(source.name) else {
            throw Failure(
                .invalidArgument, "\(pipeline) does not read a log, so nothing can be sent to it again",
                advice: "List the dead letters and deal with them at the source", place: pipeline)
        }
        var sent = 0
        while sent < limit {
            let letters = try letters(of: pipeline, limit: min(limit - sent, Limits.redriveBatch))
            guard let last = letters.last else { break }
            try append(letters, to: topic, unparking: runner)
            var commit = tables.begin(ties: .byOrder)
            commit.setState(Self.redrivenKey(pipeline), withUnsafeBytes(of: (last.offset + 1).bigEndian) { Array($0) })
            try tables.commit(commit)
            sent += letters.count
        }
        return sent
    }

    private func append(_ letters: [DeadLetter], to topic: Topic, unparking runner: PipelineRunner) throws(Failure) {
        let partitions = topic.partitions
        var builders: [Int: RecordBatchBuilder] = [:]
        for letter in letters {
            guard partitions.indices.contains(letter.sourcePartition) else { continue }
            let builder = builders[letter.sourcePartition] ?? RecordBatchBuilder()
            builders[letter.sourcePartition] = builder
            try builder.append(key: letter.key, value: letter.value, milliseconds: clock.wall.flooredMilliseconds)
        }
        for index in builders.keys.sorted() {
            guard let builder = builders[index] else { continue }
            let keys = Set(letters.filter { $0.sourcePartition == index }.compactMap(\.key))
            runner.unpark(Array(keys), partition: index, from: partitions[index].endOffset)
            _ = try BlockingAppends.append([(partitions[index], [builder.finish()])], acknowledgement: .durable)
        }
    }

    private func read(_ runner: PipelineRunner, _ body: (DeadLetter) -> Bool) throws(Failure) {
        let name = PipelineAssembly.deadLetterTopic(runner.description.name)
        guard let partition = log.topic(name)?.partitions.first else { return }
        let redriven = try tables.state(Self.redrivenKey(runner.description.name)).map { bytes in
            bytes.withUnsafeBytes { $0.count == 8 ? Int64(bigEndian: $0.loadUnaligned(as: Int64.self)) : 0 }
        }
        let reader = try LogReader(
            partition: partition, from: max(redriven ?? 0, partition.startOffset), isolation: .readCommitted)
        let decompressor = Decompressor()
        while let batches = try reader.next() {
            var goesOn = true
            do {
                try batches.forEachRecord(using: decompressor) { record in
                    if goesOn { goesOn = body(try DeadLetter(record, partition: partition.index)) }
                }
            } catch {
                throw Failure(.corrupt, "the dead letters cannot be read", place: name, cause: error)
            }
            guard goesOn else { return }
        }
    }

    private static func redrivenKey(_ pipeline: String) -> [UInt8] { Array("\u{0}redriven/\(pipeline)".utf8) }
}

/// Dead letters in lines for a terminal.
enum DeadLetterText {
    static func render(_ letters: [DeadLetter]) -> String {
        guard !letters.isEmpty else { return "no dead letters\n" }
        let rows = letters.map { letter in
            [
                "\(letter.at)", "\(letter.sourceTopic)/\(letter.sourcePartition)@\(letter.sourceOffset)",
                letter.key.map(excerpt) ?? "no key", letter.value.map(excerpt) ?? "no value", letter.error,
            ]
        }
        return Columns.aligned([["when", "from", "key", "value", "error"]] + rows)
    }

    /// The start of the bytes as text; what is not printable ASCII as a dot.
    private static func excerpt(_ bytes: [UInt8]) -> String {
        let shown = bytes.prefix(40).map { (0x20...0x7E).contains($0) ? Character(UnicodeScalar($0)) : "·" }
        return String(shown) + (bytes.count > 40 ? "…" : "")
    }
}
