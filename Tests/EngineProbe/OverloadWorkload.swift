import MillraceCore
import MillraceEngine
import MillraceFlow
import MillraceLog
import Synchronization

/// A pipeline that takes a tenth of what comes, and then all of it again.
///
///     EngineProbe overload DIRECTORY SECONDS
///
/// prints what a test checks: `base=… peak=… lost=… restarts=… drained=…` in bytes, records and milliseconds.
enum OverloadWorkload {
    /// Records a second that producers append, all the time.
    static let rate = 4_000
    /// While it is set, a record takes ten times as long as there is time for it.
    static let isSlow = Atomic<Bool>(false)

    struct SlowViews: Pipeline {
        var body: some Flow<Visit, Pane<UInt32, Int>> {
            Events<Visit>()
                .filter { _ in
                    if isSlow.load(ordering: .relaxed) { busy(for: .microseconds(10_000_000 / Int64(rate))) }
                    return true
                }
                .keyed(by: \.page)
                .window(.tumbling(.seconds(10)), at: \.at, outOfOrder: .seconds(5))
                .count()
        }

        private func busy(for span: TimeSpan) {
            let end = SystemClock().now + span
            while SystemClock().now < end {}
        }
    }

    static var settings: NodeSettings {
        var settings = NodeSettings()
        settings.commitInterval = .milliseconds(20)
        settings.commitBytes = 1 << 20
        settings.stateBudget = 8 << 20
        return settings
    }

    static func run(_ directory: String, seconds: Int64) async throws {
        var settings = settings
        settings.dataDirectory = directory
        let clock = SystemClock()
        let topology = Topology([Log<Visit>("visits").keeping().feeds(SlowViews()).into(Table("views"))])
        let node = try Node.start(
            topology, settings: settings, clock: clock,
            logger: Logger(sink: LineSink(), clock: clock, level: .error), random: SeededRandom(seed: 1))
        async let running: Void = node.run()
        guard let partition = node.log.topic("visits")?.partitions.first else { return }
        var (sent, peak) = (Int64(0), Int64(0))
        let start = clock.now
        // A second of the usual first: what the node needs at all.
        try await produce(until: start + .seconds(1), &sent, &peak, node, partition)
        let base = node.status().residentBytes
        isSlow.store(true, ordering: .relaxed)
        try await produce(until: start + .seconds(1 + seconds), &sent, &peak, node, partition)
        // Ten times as much came as was taken: what waits is in the log.
        let waiting = lag(node)
        isSlow.store(false, ordering: .relaxed)
        let end = clock.now
        // What is read is shown at the end of a turn, the lag at any time.
        while lag(node) > 0 || read(node) < sent, clock.now - end < .seconds(120) {
            try await clock.sleep(for: .milliseconds(5))
            peak = max(peak, node.status().residentBytes)
        }
        let drained = clock.now - end
        let tasks = node.status().pipelines[0].tasks
        let restarts = tasks.reduce(0) { $0 + $1.restarts }
        print(
            "base=\(base) peak=\(peak) sent=\(sent) waiting=\(waiting) lost=\(sent - read(node)) restarts=\(restarts) "
                + "drained=\(drained.microseconds / 1_000)")
        node.stop()
        try await running
        await node.close()
    }

    private static func read(_ node: Node) -> Int64 {
        node.status().pipelines[0].stages[0].tasks.reduce(0) { $0 + $1.recordsIn }
    }
    private static func lag(_ node: Node) -> Int64 {
        node.status().pipelines[0].tasks.reduce(0) { $0 + $1.lagRecords }
    }

    /// Appends what is due, a hundredth of a second at a time.
    private static func produce(
        until end: MonotonicTime, _ sent: inout Int64, _ peak: inout Int64, _ node: Node, _ partition: Partition
    ) async throws {
        let start = node.clock.now
        let first = sent
        while node.clock.now < end {
            let due = first + Int64((node.clock.now - start).seconds * Double(rate))
            let builder = RecordBatchBuilder()
            while sent < due {
                var value = ByteWriter()
                Visit(user: UInt32(sent % 50), page: UInt32(sent % 20), second: UInt32(sent / Int64(rate)) + 1_000)
                    .encode(into: &value)
                try builder.append(key: nil, value: value.bytes, milliseconds: sent / 4)
                sent += 1
            }
            if !builder.isEmpty { _ = try await partition.append(builder.finish(), acknowledgement: .written) }
            peak = max(peak, node.status().residentBytes)
            try await node.clock.sleep(for: .milliseconds(10))
        }
    }
}
