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

    public func parkedKeys(of pipeline: String, limit: Int) async throws(Failure) -> [ParkedKey] {
        try await blocking.run { [self] () throws(Failure) in try parked(of: pipeline, limit: limit) }
    }

    func parked(of pipeline: String, limit: Int) throws(Failure) -> [ParkedKey] {
        var keys: [ParkedKey] = []
        for context in try runner(pipeline).seats.map(\.context) {
            let reader = try StateJournal.committed(of: context.address, in: context.store)
            for (number, port) in context.ports.enumerated() {
                keys += try FailingRecords.parked(port: number, in: reader, limit: limit - keys.count).map {
                    ParkedKey(
                        stage: context.address.stage, partition: context.address.partition, input: port.name, key: $0)
                }
            }
        }
        return keys
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

    /// Sends dead letters to where they came from, oldest first: to the pipeline's logs, or into the shuffle in front
    /// of the stage that refused them.
    ///
    /// The order within a key is kept, provided that nobody appends to the key in the same moment. A crash in the
    /// middle may send the last thousand again.
    func sendAgain(pipeline: String, limit: Int) throws(Failure) -> Int {
        let runner = try runner(pipeline)
        var sent = 0
        while sent < limit {
            let letters = try letters(of: pipeline, limit: min(limit - sent, Limits.redriveBatch))
            guard let last = letters.last else { break }
            sent += try append(letters, unparking: runner)
            var commit = tables.begin(ties: .byOrder)
            commit.setState(Self.redrivenKey(pipeline), withUnsafeBytes(of: (last.offset + 1).bigEndian) { Array($0) })
            try tables.commit(commit)
        }
        return sent
    }

    /// - Returns: how many there was a record of.
    private func append(_ letters: [DeadLetter], unparking runner: PipelineRunner) throws(Failure) -> Int {
        struct Place: Hashable { var topic: String, partition: Int }
        var places: [(place: Place, letters: [DeadLetter])] = []
        for letter in letters where letter.sourceOffset != DeadLetter.noOffset {
            let place = Place(topic: letter.sourceTopic, partition: letter.sourcePartition)
            if let index = places.firstIndex(where: { $0.place == place }) {
                places[index].letters.append(letter)
            } else {
                places.append((place, [letter]))
            }
        }
        for (place, letters) in places { try append(letters, topic: place.topic, place.partition, runner) }
        return places.reduce(0) { $0 + $1.letters.count }
    }

    private func append(
        _ letters: [DeadLetter], topic name: String, _ index: Int, _ runner: PipelineRunner
    ) throws(Failure) {
        let isInput = runner.seats.contains { $0.context.ports.contains { $0.name == name } }
        guard isInput, let topic = log.topic(name), topic.partitions.indices.contains(index) else {
            throw Failure(
                .invalidArgument,
                "\(name) is no log that \(runner.description.name) reads, so nothing can be sent to it",
                advice: "List the dead letters and deal with them at the source", place: runner.description.name)
        }
        let partition = topic.partitions[index]
        let builder = RecordBatchBuilder()
        for letter in letters {
            try builder.append(key: letter.key, value: letter.value, milliseconds: clock.wall.flooredMilliseconds)
        }
        runner.unpark(
            Array(Set(letters.compactMap(\.key))), topic: name, partition: index, from: partition.endOffset)
        _ = try BlockingAppends.append([(partition, [builder.finish()])], acknowledgement: .durable)
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

/// Dead letters and parked keys in lines for a terminal.
enum DeadLetterText {
    static func render(_ keys: [ParkedKey]) -> String {
        guard !keys.isEmpty else { return "no parked keys\n" }
        let rows = keys.map { ["\($0.input)/\($0.partition)", "\($0.stage)", Excerpt.text($0.key)] }
        return Columns.aligned([["from", "stage", "key"]] + rows)
    }

    static func render(_ letters: [DeadLetter]) -> String {
        guard !letters.isEmpty else { return "no dead letters\n" }
        let rows = letters.map { letter in
            [
                "\(letter.at)", "\(letter.sourceTopic)/\(letter.sourcePartition)@\(letter.sourceOffset)",
                letter.key.map { Excerpt.text($0) } ?? "no key", letter.value.map { Excerpt.text($0) } ?? "no value",
                letter.error,
            ]
        }
        return Columns.aligned([["when", "from", "key", "value", "error"]] + rows)
    }
}

/// The start of bytes as text; what is not printable ASCII as a dot.
enum Excerpt {
    static func text(_ bytes: [UInt8], _ count: Int = 40) -> String {
        let shown = bytes.prefix(count).map { (0x20...0x7E).contains($0) ? Character(UnicodeScalar($0)) : "·" }
        return String(shown) + (bytes.count > count ? "…" : "")
    }

    /// A record in a line.
    static func line(_ offset: Int64, _ key: [UInt8]?, _ value: [UInt8]?) -> String {
        let key = key.map { "key \(text($0)), " } ?? ""
        return "@\(offset) \(key)\(value.map { text($0, 100) } ?? "no value")"
    }
}
