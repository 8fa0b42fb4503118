import Foundation
import Millrace
import Testing

// Nothing but `import Millrace`: what a program of somebody else's can do with sources and sinks of its own.

private struct Tick: Record, Codable, Hashable {
    var partition: Int
    var number: Int
}

private struct AllTicks: Pipeline {
    var body: some Flow<Tick, Tick> { Events<Tick>() }
}

extension Tick: CodableRow {}

/// Three partitions of numbers, of which this process has those that it is told to have.
private final class Ticks: Source, PipelineInput {
    typealias Element = Tick
    let name = "ticks"
    let partitionCount = 3
    private let state = Lock(State())

    struct State {
        var tell: (@Sendable (AssignmentEvent) async -> Void)?
        var reads: [Int: Int] = [:]
        var open: Set<Int> = []
    }

    var input: InputDescription { .source(self, elementType: "Tick") }
    func start(_ tell: @escaping @Sendable (AssignmentEvent) async -> Void) async throws(Failure) {
        state.withLock { $0.tell = tell }
        await tell(.assigned(partitions: [0, 1]))
    }
    func stop() async {}
    func reader(partition: Int, from position: Int64?) throws(Failure) -> any SourceReader {
        state.withLock { _ = $0.open.insert(partition) }
        return TickReader(self, partition, from: position ?? 0)
    }

    func say(_ event: AssignmentEvent) async { await state.withLock { $0.tell }?(event) }
    func noteRead(_ partition: Int, _ count: Int) { state.withLock { $0.reads[partition, default: 0] += count } }
    func noteClosed(_ partition: Int) { state.withLock { _ = $0.open.remove(partition) } }
    var reads: [Int: Int] { state.withLock { $0.reads } }
    var open: Set<Int> { state.withLock { $0.open } }
}

private final class TickReader: SourceReader {
    private let source: Ticks, partition: Int
    private(set) var position: Int64
    var end: Int64 { position }

    init(_ source: Ticks, _ partition: Int, from position: Int64) {
        (self.source, self.partition, self.position) = (source, partition, position)
    }
    func read(maxBytes: Int, _ body: (UnsafeBufferPointer<RawRecord>) -> Void) throws(Failure) -> ReadOutcome {
        let text = Array(#"{"partition":\#(partition),"number":\#(position)}"#.utf8)
        text.withUnsafeBytes { bytes in
            let record = RawRecord(offset: position, timestamp: .seconds(position), key: nil, value: bytes)
            withUnsafePointer(to: record) { body(UnsafeBufferPointer(start: $0, count: 1)) }
        }
        position += 1
        source.noteRead(partition, 1)
        return .more
    }
    func whenReadable(_ wake: @escaping @Sendable () -> Void) {}
    func record(at position: Int64) throws(Failure) -> (key: [UInt8]?, value: [UInt8]?, timestamp: EventTime)? { nil }
    func close() { source.noteClosed(partition) }
}

/// Keeps the rows it is shown, by task, with the number of their commit.
private final class Kept: Sink {
    let name = "kept"
    private let shown = Lock<[String: [(commit: Int64, number: Int64)]]>([:])
    private let closes = Lock<[String: Int]>([:])

    func writer(task: String, layout: RowLayout) throws(Failure) -> any SinkWriter { Writer(self, task) }
    /// How often each task's writer was closed.
    var closed: [String: Int] { closes.withLock { $0 } }
    var numbers: [String: [Int64]] { shown.withLock { $0.mapValues { $0.map(\.number) } } }

    private final class Writer: SinkWriter {
        private let sink: Kept, task: String
        private let prepared = Lock<[Int64]>([])
        init(_ sink: Kept, _ task: String) { (self.sink, self.task) = (sink, task) }

        func prepare(_ rows: RowBuffer, commit number: Int64) throws(Failure) {
            let column = rows.layout.columns.firstIndex { $0.name == "number" }
            var numbers: [Int64] = []
            rows.forEach { _, cells in
                if let column, case .int(let number) = cells[column] { numbers.append(number) }
            }
            prepared.withLock { $0 = numbers }
        }
        func publish(commit number: Int64) throws(Failure) {
            let numbers = prepared.withLock { $0 }
            sink.shown.withLock { $0[task, default: []] += numbers.map { (number, $0) } }
        }
        func recover(lastCommit number: Int64) throws(Failure) {}
        func close() { sink.closes.withLock { $0[task, default: 0] += 1 } }
    }
}

@Suite struct OwnEdgesTests {
    @Test func partitionsComeAndGoAndEachGoesOnWhereItWas() async throws {
        var settings = NodeSettings()
        settings.dataDirectory = NSTemporaryDirectory() + "millrace-edges-" + UUID().uuidString
        settings.commitInterval = .milliseconds(5)
        defer { try? FileManager.default.removeItem(atPath: settings.dataDirectory) }
        let (source, sink) = (Ticks(), Kept())
        let clock = SystemClock()
        let node = try Node.start(
            Topology([source.feeds(AllTicks()).into(sink)]), settings: settings, clock: clock,
            logger: Logger(sink: StandardErrorSink(), clock: clock, level: .error), random: SeededRandom(seed: 1))
        async let running: Void = node.run()
        func wait(_ isDone: () -> Bool) async throws {
            let end = clock.now + .seconds(120)
            while !isDone() {
                try #require(clock.now < end)
                try await clock.sleep(for: .milliseconds(5))
            }
        }
        try await wait { sink.numbers.values.filter { $0.count > 20 }.count == 2 }
        #expect(source.open == [0, 1])

        await source.say(.revoked(partitions: [1]))
        // It has returned: nothing of the partition is read or committed any more.
        let (reads, rows) = (source.reads[1] ?? 0, sink.numbers["AllTicks/0/1"]?.count ?? 0)
        #expect(source.open == [0])
        #expect(rows == reads, "what was read is committed")
        try await clock.sleep(for: .milliseconds(50))
        #expect(source.reads[1] == reads && sink.numbers["AllTicks/0/1"]?.count == rows)

        await source.say(.assigned(partitions: [1, 2]))
        try await wait { (source.reads[1] ?? 0) > reads + 20 && (sink.numbers["AllTicks/0/2"]?.count ?? 0) > 20 }
        #expect(sink.closed.isEmpty)
        node.stop()
        try await running
        #expect(sink.closed.values.allSatisfy { $0 == 1 } && sink.closed.count == 3)
        await node.close()
        for (task, numbers) in sink.numbers { #expect(numbers == Array(0..<Int64(numbers.count)), "\(task)") }
        #expect(source.open.isEmpty)
    }
}
