import Millrace
import MillraceCore
import MillraceLog
import MillraceTables

/// What a whole node takes: `millrace-bench node NAME DIRECTORY …`, one figure a process, so that memory and start-up
/// are a fresh process's. `Benchmarks/Node/run` calls them all.
enum NodeFigures {
    static let usage = """
        write: millrace-bench node idle DIRECTORY
               millrace-bench node load DIRECTORY RECORDS [COMMIT-MILLISECONDS]
               millrace-bench node latency DIRECTORY RECORDS-PER-SECOND SECONDS [COMMIT-MILLISECONDS]
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
        case "latency":
            try await latency(directory, rate: number(2), seconds: number(3), commit: number(4, 50))
        case "fill": try await fill(directory, keys: number(2))
        case "resume": try await resume(directory)
        default: Terminal.exit(2, usage)
        }
    }

    private static func start(_ topology: Topology, _ directory: String, commit: Int = 50) throws -> Node {
        var settings = NodeSettings()
        settings.dataDirectory = directory
        settings.commitInterval = .milliseconds(Int64(commit))
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

    private static let ticks = Log<Tick>("ticks", partitions: 4).keeping()

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

    private static func append(_ count: Int, from first: Int64, keys: Int64, to topic: Topic, clock: any RuntimeClock)
        async throws
    {
        let builders = topic.partitions.map { _ in RecordBatchBuilder() }
        let now = clock.wall.microseconds
        var value = ByteWriter()
        for number in first..<first + Int64(count) {
            value.removeAll()
            Tick(key: number % keys, sent: now).encode(into: &value)
            try builders[Int(number) % builders.count].append(
                key: nil, value: value.bytes, milliseconds: now / 1_000)
        }
        for (partition, builder) in zip(topic.partitions, builders) where !builder.isEmpty {
            _ = try await partition.append(builder.finish(), acknowledgement: .written)
        }
    }

    /// Records a second through a keyed window into a table, from a log that is full already.
    private static func load(_ directory: String, records: Int, commit: Int) async throws {
        let node = try start(Topology([ticks.feeds(OpenWindows()).into(Table("open"))]), directory, commit: commit)
        guard let topic = node.log.topic("ticks") else { return }
        for start in stride(from: 0, to: records, by: 8_000) {
            try await append(
                min(8_000, records - start), from: Int64(start), keys: 10_000, to: topic, clock: node.clock)
        }
        let begin = (node.clock.now, cpu: node.status().cpuSeconds)
        async let running: Void = node.run()
        while node.status().pipelines[0].stages[0].tasks.reduce(0, { $0 + $1.position }) < Int64(records) {
            try await node.clock.sleep(for: .milliseconds(2))
        }
        let wall = (node.clock.now - begin.0).seconds
        let spent = node.status().cpuSeconds - begin.cpu
        Terminal.out("load \(records) records in \(wall) s, \(spent) CPU-s, commits every \(commit) ms\n")
        node.stop()
        try await running
        await node.close()
    }

    /// From an append to the change of a followed table, at a steady rate.
    private static func latency(_ directory: String, rate: Int, seconds: Int, commit: Int) async throws {
        let node = try start(Topology([ticks.feeds(Totals()).into(Table("totals"))]), directory, commit: commit)
        guard let topic = node.log.topic("ticks") else { return }
        let table = try node.tables.require("app", "totals")
        let subscription = try node.tables.subscribe(.table(table))
        async let running: Void = node.run()
        let clock = node.clock
        let (keys, step) = (Int64(1_000), TimeSpan.milliseconds(2))
        let begin = clock.now
        var (sent, waits) = (Int64(0), [Int64]())
        while clock.now - begin < .seconds(Int64(seconds)) {
            let due = Int64((clock.now - begin).seconds * Double(rate))
            if due > sent { try await append(Int(due - sent), from: sent, keys: keys, to: topic, clock: clock) }
            sent = max(sent, due)
            try collect(subscription, clock, &waits)
            try await clock.sleep(for: step)
        }
        try collect(subscription, clock, &waits)
        waits.sort()
        // The first second is a start, not a steady state.
        let count = waits.count
        guard count > 0 else { Terminal.exit(1, "nothing came through") }
        let at = { (part: Double) in Double(waits[min(count - 1, Int(Double(count) * part))]) / 1_000 }
        Terminal.out(
            "latency at \(rate)/s, commits every \(commit) ms: p50 \(at(0.5)) ms, p99 \(at(0.99)) ms, "
                + "max \(at(1)) ms over \(count) changes\n")
        node.stop()
        try await running
        await node.close()
    }

    private static func collect(
        _ subscription: ChangeSubscription, _ clock: any RuntimeClock, _ waits: inout [Int64]
    ) throws {
        while true {
            guard case .changes(let changes) = try subscription.next() else { return }
            let now = clock.wall.microseconds
            for change in changes {
                for cell in change.cells where cell.column.name == "value" {
                    if case .bigint(let sent)? = cell.value { waits.append(now - sent) }
                }
            }
        }
    }

    // MARK: Start and recovery

    /// Makes a node with as many live panes as keys, and kills this process once they are committed.
    private static func fill(_ directory: String, keys: Int) async throws {
        let node = try start(Topology([ticks.feeds(OpenWindows()).into(Table("open"))]), directory)
        guard let topic = node.log.topic("ticks") else { return }
        for start in stride(from: 0, to: keys, by: 8_000) {
            try await append(
                min(8_000, keys - start), from: Int64(start), keys: Int64(keys), to: topic, clock: node.clock)
        }
        async let running: Void = node.run()
        var isDone = false
        while !isDone {
            try await node.clock.sleep(for: .milliseconds(50))
            let tasks = node.status().pipelines[0].tasks
            isDone = tasks.allSatisfy { $0.lagRecords == 0 && $0.commits > 0 }
        }
        try await node.clock.sleep(for: .milliseconds(500))
        Terminal.out(
            "filled \(keys) panes, \(node.status().pipelines[0].tasks.reduce(0) { $0 + $1.stateBytes }) bytes\n")
        HostProcess.system.exit(0)
        try await running
    }

    /// From the start of the node on what `fill` left to the first new commit of every task.
    private static func resume(_ directory: String) async throws {
        let clock = SystemClock()
        let begin = clock.now
        let node = try start(Topology([ticks.feeds(OpenWindows()).into(Table("open"))]), directory)
        let opened = clock.now
        guard let topic = node.log.topic("ticks") else { return }
        async let running: Void = node.run()
        try await append(4_000, from: 0, keys: 4_000, to: topic, clock: clock)
        while !node.status().pipelines[0].tasks.allSatisfy({ $0.state == .running && $0.lastCommitWasOurs }) {
            try await clock.sleep(for: .milliseconds(1))
        }
        let done = clock.now
        Terminal.out(
            "resume opened in \((opened - begin).seconds) s, first commits after \((done - begin).seconds) s\n")
        node.stop()
        try await running
        await node.close()
    }
}

extension TaskStatus {
    /// A commit of this process: one whose duration it measured.
    fileprivate var lastCommitWasOurs: Bool { commitDuration > .zero }
}
