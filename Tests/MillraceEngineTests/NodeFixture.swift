import Foundation
import MillraceCore
import MillraceFlow
import MillraceLog
import MillraceTables

@testable import EngineProbe
@testable import MillraceEngine

/// Views of a page in ten seconds: the key has to be shuffled, since the log is keyed by user.
struct PromptViews: Pipeline {
    var body: some Flow<Visit, Pane<UInt32, Int>> {
        Events<Visit>()
            .keyed(by: \.page)
            .window(.tumbling(.seconds(10)), at: \.at, lateness: .seconds(5))
            .count()
    }
}

/// A node in a directory of its own, with a log to write to.
struct NodeFixture {
    let directory: String
    var topology: Topology
    var settings = NodeSettings()

    init(_ topology: Topology) {
        directory = NSTemporaryDirectory() + "millrace-" + UUID().uuidString
        self.topology = topology
        settings.dataDirectory = directory
        settings.commitInterval = .milliseconds(5)
        settings.lanes = 2
    }

    func remove() { try? FileManager.default.removeItem(atPath: directory) }

    func start() throws -> Node {
        let clock = SystemClock()
        let logger = Logger(sink: StandardErrorSink(), clock: clock, level: .error)
        return try Node.start(
            topology, settings: settings, clock: clock, logger: logger, random: SeededRandom(seed: 1))
    }
}

extension Node {
    /// Where the visits of a user are.
    func partition(of user: UInt32, in topic: String = "visits") -> Int {
        var key = ByteWriter()
        _ = Visit(user: user, page: 0, second: 0).encodeKey(into: &key)
        return key.bytes.withUnsafeBytes {
            Partitioner.partition(ofKey: $0, among: log.topic(topic)!.partitions.count)
        }
    }

    /// Appends visits to their partitions by key, as a client's producer would.
    func append(_ visits: [Visit], to topic: String) async throws {
        let partitions = log.topic(topic)!.partitions
        let builders = partitions.map { _ in RecordBatchBuilder() }
        for visit in visits {
            var (key, value) = (ByteWriter(), ByteWriter())
            _ = visit.encodeKey(into: &key)
            visit.encode(into: &value)
            try builders[partition(of: visit.user, in: topic)].append(
                key: key.bytes, value: value.bytes, milliseconds: Int64(visit.second) * 1_000)
        }
        for (partition, builder) in zip(partitions, builders) where !builder.isEmpty {
            try await partition.append(builder.finish(), acknowledgement: .durable)
        }
    }

    /// Runs until `isDone`, or fails after `seconds`; then stops and closes. What a test looks at is read before that.
    /// The default is for a machine that is busy with other tests: who waits has no say in when it is looked again.
    func run<R: Sendable>(
        seconds: Double = 120, until isDone: @escaping @Sendable (Node) throws -> Bool,
        then look: @escaping @Sendable (Node) throws -> R
    ) async throws -> R {
        async let running: Void = run()
        let end = clock.now + TimeSpan(microseconds: Int64(seconds * 1e6))
        var isOver = false
        while !isOver {
            if try isDone(self) { isOver = true } else { try await clock.sleep(for: .milliseconds(5)) }
            if clock.now > end { break }
        }
        let status = status()
        let found = try look(self)
        stop()
        try await running
        await close()
        if !isOver { throw Failure(.timedOut, "not done in \(seconds) s: \(StatusText.render(status))") }
        return found
    }

    /// Appends values without a key to the first partition.
    func append(texts: [String], to topic: String) async throws {
        let builder = RecordBatchBuilder()
        for text in texts { try builder.append(key: nil, value: Array(text.utf8), milliseconds: 1_000) }
        try await log.topic(topic)!.partitions[0].append(builder.finish(), acknowledgement: .durable)
    }

    /// Waits without holding a thread; throws after `seconds`.
    func waits(seconds: Double = 120, until isDone: (Node) throws -> Bool) async throws {
        let end = clock.now + TimeSpan(microseconds: Int64(seconds * 1e6))
        while try !isDone(self) {
            guard clock.now < end else {
                throw Failure(.timedOut, "not in \(seconds) s: \(StatusText.render(status()))")
            }
            try await clock.sleep(for: .milliseconds(5))
        }
    }

    /// Every committed record of a log.
    func records<R: Record>(_ name: String, of _: R.Type) throws -> [R] {
        var found: [R] = []
        for partition in log.topic(name)!.partitions {
            let reader = try LogReader(partition: partition, from: 0, isolation: .readCommitted)
            while let batches = try reader.next() {
                try batches.forEachRecord(using: Decompressor()) {
                    found.append(try R.decode(key: $0.key, value: $0.value))
                }
            }
        }
        return found
    }

    /// The rows of a table of windows: key, window start in seconds, count; sorted.
    func counts(_ name: String) throws -> [[Int64]] {
        let table = try tables.require(Table.defaultKeyspace, name)
        var rows: [[Int64]] = []
        var cursor = try tables.snapshot().rows(table)
        while let row = try cursor.next() {
            guard case .bigint(let key) = row.key[0], case .timestamp(let start) = row.key[1],
                case .bigint(let count) = row["value"]
            else { throw Failure(.corrupt, "a row of another shape: \(row)") }
            rows.append([key, start / 1_000, count])
        }
        return rows.sorted { $0.lexicographicallyPrecedes($1) }
    }
}

/// What the windows must hold, computed from all visits at once: nothing here is late.
func expectedCounts(_ visits: [Visit]) -> [[Int64]] {
    var counts: [[Int64]: Int64] = [:]
    for visit in visits { counts[[Int64(visit.page), Int64(visit.second) / 10 * 10], default: 0] += 1 }
    return counts.map { $0.key + [$0.value] }.sorted { $0.lexicographicallyPrecedes($1) }
}
