import Millrace
import MillraceCore
import MillraceLog
import MillraceTables

/// What a whole node takes: `millrace-bench node NAME DIRECTORY …`, one figure a process, so that memory and start-up
/// are a fresh process's. `Benchmarks/Node/run` calls them all.
enum NodeFigures {
    static let usage = """
        write: millrace-bench node idle DIRECTORY
               millrace-bench node load DIRECTORY RECORDS [COMMIT-MILLISECONDS, 0 for none]
               millrace-bench node latency DIRECTORY SECONDS [COMMIT-MILLISECONDS]
               millrace-bench node scale DIRECTORY RECORDS PARTITIONS KEYS RECORD-BYTES STATE-BUDGET
               millrace-bench node fill DIRECTORY KEYS
               millrace-bench node resume DIRECTORY
        """

    static func run(_ words: [String]) async throws {
        func number(_ index: Int, _ fallback: Int? = nil) -> Int {
            if words.indices.contains(index), let number = Int(words[index]) { return number }
            guard let fallback else { Terminal.exit(2, usage) }
            return fallback
        }
        guard words.count >= 2 else { Terminal.exit(2, usage) }
        let directory = words[1]
        switch words[0] {
        case "idle": try await idle(directory)
        case "load": try await load(directory, records: number(2), commit: number(3, 50))
        case "latency": try await latency(directory, seconds: number(2), commit: number(3, 50))
        case "scale":
            try await scale(
                directory, records: number(2), partitions: number(3), keys: number(4), bytes: number(5),
                budget: number(6))
        case "fill": try await fill(directory, keys: number(2))
        case "resume": try await resume(directory)
        default: Terminal.exit(2, usage)
        }
    }

    /// - Parameters:
    ///   - commit: milliseconds between commits; 0 for none before the end.
    ///   - idle: after so long without records event time goes on, which is work of its own.
    static func start(
        _ topology: Topology, _ directory: String, commit: Int = 50, budget: Int? = nil,
        idle: TimeSpan = .milliseconds(500)
    ) throws -> Node {
        var settings = NodeSettings()
        if let budget { settings.stateBudget = budget }
        settings.dataDirectory = directory
        settings.commitInterval = .milliseconds(Int64(commit))
        settings.idleAfter = idle
        if commit == 0 { (settings.commitInterval, settings.commitBytes) = (.hours(1), .max) }
        let clock = SystemClock()
        return try Node.start(
            topology, settings: settings, clock: clock,
            logger: Logger(sink: StandardErrorSink(), clock: clock, level: .warning), random: SeededRandom(seed: 1))
    }

    /// Resident bytes of a node that has nothing to do, two seconds after its start.
    private static func idle(_ directory: String) async throws {
        let node = try start(Topology([ticks.feeds(Totals()).into(Table("totals"))]), directory)
        async let running: Void = node.run()
        try await node.clock.sleep(for: .seconds(2))
        Terminal.out("idle resident \(node.status().residentBytes) bytes\n")
        node.stop()
        try await running
        await node.close()
    }

    // MARK: Records through a log, a pipeline and a table

    static let ticks = Log<Tick>("ticks", partitions: 4).keeping()

    /// A key, and the time at which it was appended, in microseconds.
    struct Tick: KeyedRecord, Storable {
        var key: Int64
        var sent: Int64
        static func decode(key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?) throws -> Tick {
            guard let value else { throw ByteFault(.truncated, at: 0) }
            var reader = ByteReader(value)
            return try load(from: &reader)
        }
        func encode(into writer: inout ByteWriter) { store(into: &writer) }
        func store(into writer: inout ByteWriter) {
            writer.integer(key)
            writer.integer(sent)
        }
        static func load(from reader: inout ByteReader) throws -> Tick {
            Tick(key: try reader.integer(), sent: try reader.integer())
        }
    }

    /// The last time each key was sent: a row for every record, so that each can be followed.
    struct Totals: Pipeline {
        var body: some Flow<Tick, Keyed<Int64, Int64>> {
            Events<Tick>().map(to: Keyed<Int64, Int64>.self) { Keyed(key: $0.key, value: $0.sent) }
        }
    }
    /// Records per key in a window that stays open.
    struct OpenWindows: Pipeline {
        var body: some Flow<Tick, Pane<Int64, Int>> {
            Events<Tick>().keyed(by: \.key).window(.tumbling(.days(1)), at: { _ in .seconds(1_000) }).count()
        }
    }

    /// Spread over the partitions by their keys.
    ///
    /// - Parameter bytes: of each record; at least the 16 that it means.
    static func append(
        _ count: Int, from first: Int64, keys: Int64, bytes: Int = 16, to topic: Topic, clock: any RuntimeClock,
        _ acknowledgement: Acknowledgement = .written
    ) async throws {
        let padding = [UInt8](repeating: 0x2E, count: max(0, bytes - 16))
        let builders = topic.partitions.map { _ in RecordBatchBuilder() }
        let now = clock.wall.microseconds
        var value = ByteWriter()
        for number in first..<first + Int64(count) {
            value.removeAll()
            Tick(key: number % keys, sent: now).encode(into: &value)
            value.raw(padding)
            try builders[Int(number % keys) % builders.count].append(
                key: nil, value: value.bytes, milliseconds: now / 1_000)
        }
        for (partition, builder) in zip(topic.partitions, builders) where !builder.isEmpty {
            _ = try await partition.append(builder.finish(), acknowledgement: acknowledgement)
        }
    }

    /// Appends records until there are so many, and waits until all are on the disk: no write-back of theirs runs into
    /// what is measured.
    static func fill(
        _ topic: Topic, records: Int, keys: Int, bytes: Int = 16, clock: any RuntimeClock
    ) async throws {
        // Batches of a few hundred kilobytes at most, as a producer makes them.
        let step = min(8_000, max(topic.partitions.count, 1_000_000 / bytes))
        for start in stride(from: 0, to: records, by: step) {
            try await append(
                min(step, records - start), from: Int64(start), keys: Int64(keys), bytes: bytes, to: topic,
                clock: clock, start + step < records ? .written : .durable)
        }
    }
}
