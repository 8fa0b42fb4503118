import MillraceCore
import MillraceEngine
import MillraceFlow
import MillraceLog
import MillraceRuntime

/// The child that is killed: runs a node over a log that was filled before, until everything is read and committed.
///
///     EngineProbe fill DIRECTORY RECORDS SEED     writes the visits, closes cleanly
///     EngineProbe run DIRECTORY                   exits with 0 when all is done; may be killed at any time
///     EngineProbe overload DIRECTORY SECONDS      a pipeline that gets ten times what it can take, for so long
///     EngineProbe --data-directory DIRECTORY …    an app with poison in its input; takes an app's arguments
@main struct Probe {
    static func main() async {
        let words = CommandLine.arguments
        let host = HostProcess.system
        do {
            switch words.dropFirst().first {
            case "fill": try await fill(words[2], records: Int(words[3]) ?? 0, seed: UInt64(words[4]) ?? 0)
            case "run": try await run(words[2])
            case "overload": try await OverloadWorkload.run(words[2], seconds: Int64(words[3]) ?? 5)
            default:
                Signals.block()
                let isEndless = HostProcess.environment()["MILLRACE_TEST_WORKLOAD"] == "endless"
                let app = AppRunner(
                    name: "EngineProbe",
                    topology: isEndless ? EndlessWorkload.topology : PoisonWorkload.topology, code: NodeSettings(),
                    host: host,
                    environment: [:])
                host.exit(await app.run())
            }
        } catch {
            LineSink().write(Array("EngineProbe: \(error)".utf8), level: .error)
            host.exit(1)
        }
        host.exit(0)
    }

    static func node(_ directory: String) throws -> Node {
        var settings = NodeSettings()
        settings.dataDirectory = directory
        settings.commitInterval = .milliseconds(3)
        settings.lanes = 2
        let clock = SystemClock()
        return try Node.start(
            VisitWorkload.topology, settings: settings, clock: clock,
            logger: Logger(sink: LineSink(), clock: clock, level: .error), random: SeededRandom(seed: 1))
    }

    static func fill(_ directory: String, records: Int, seed: UInt64) async throws {
        let node = try node(directory)
        try await append(VisitWorkload.visits(seed: seed, count: records), to: "visits", of: node, user: \.user)
        try await append(VisitWorkload.orders(seed: seed, count: records), to: "orders", of: node, user: \.visit.user)
        await node.close()
    }

    /// In batches of a few hundred, so that reads, turns and commits fall everywhere.
    private static func append<R: Record>(
        _ records: [R], to name: String, of node: Node, user: KeyPath<R, UInt32>
    ) async throws {
        guard let topic = node.log.topic(name) else { return }
        for start in stride(from: 0, to: records.count, by: 400) {
            let builders = topic.partitions.map { _ in RecordBatchBuilder() }
            for record in records[start..<min(records.count, start + 400)] {
                var (key, value) = (ByteWriter(), ByteWriter())
                _ = record.encodeKey(into: &key)
                record.encode(into: &value)
                try builders[Int(record[keyPath: user]) % builders.count].append(
                    key: key.bytes, value: value.bytes, milliseconds: Int64(start))
            }
            for (partition, builder) in zip(topic.partitions, builders) where !builder.isEmpty {
                _ = try await partition.append(builder.finish(), acknowledgement: .written)
            }
        }
    }

    /// Everything has been read when nothing is behind for a while.
    static func run(_ directory: String) async throws {
        let node = try node(directory)
        async let running: Void = node.run()
        var quiet = 0
        while quiet < 50 {
            try await node.clock.sleep(for: .milliseconds(10))
            let tasks = node.status().pipelines.flatMap(\.tasks)
            let isDone = tasks.allSatisfy {
                $0.state == .running && $0.lagRecords == 0 && $0.commits > 0 && $0.isSettled
            }
            quiet = isDone ? quiet + 1 : 0
        }
        node.stop()
        try await running
        await node.close()
    }
}

/// Log lines to standard error.
final class LineSink: LogSink {
    private let sink = StandardErrorSink()
    func write(_ line: [UInt8], level: LogLevel) { sink.write(line, level: level) }
}
