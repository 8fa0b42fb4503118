import BenchmarkData
import Millrace
import MillraceFlow

/// The generator's stream as a source: one partition, so that the order is the generator's. A position is an event's
/// number; a restart makes the stream again up to there.
final class NexmarkSource: Source, PipelineInput {
    typealias Element = NexmarkRecord
    let name = "nexmark"
    let partitionCount = 1
    private let count: Int64
    private let eventsPerSecond: Int64

    /// - Parameter eventsPerSecond: of event time; the records come as fast as they are taken.
    init(count: Int64, eventsPerSecond: Int64 = 10_000) {
        (self.count, self.eventsPerSecond) = (count, eventsPerSecond)
    }

    static func generator(eventsPerSecond: Int64) -> Nexmark {
        Nexmark(seed: 1, start: .seconds(1_700_000_000), eventsPerSecond: eventsPerSecond)
    }

    var input: InputDescription { .source(self, elementType: "NexmarkRecord") }

    func start(_ tell: @escaping @Sendable (AssignmentEvent) async -> Void) async throws(Failure) {
        await tell(.assigned(partitions: [0]))
    }
    func stop() async {}
    func reader(partition: Int, from position: Int64?) throws(Failure) -> any SourceReader {
        NexmarkReader(Self.generator(eventsPerSecond: eventsPerSecond), from: position ?? 0, count: count)
    }
}

private final class NexmarkReader: SourceReader {
    private var generator: Nexmark
    private let count: Int64
    private(set) var position: Int64 = 0
    private var bytes = ByteWriter(capacity: 64 << 10)
    private var ends: [Int] = []
    private static let batch = 512

    init(_ generator: Nexmark, from position: Int64, count: Int64) {
        (self.generator, self.count) = (generator, count)
        while self.position < position { _ = next() }
    }

    private func next() -> Nexmark.Event {
        position += 1
        return generator.next()
    }

    var end: Int64 { count }

    func read(maxBytes: Int, _ body: (UnsafeBufferPointer<RawRecord>) -> Void) throws(Failure) -> ReadOutcome {
        var left = maxBytes
        while left > 0, position < count {
            let first = position
            bytes.removeAll()
            ends.removeAll(keepingCapacity: true)
            while position < count, ends.count < Self.batch {
                NexmarkRecord(event: next()).store(into: &bytes)
                ends.append(bytes.count)
            }
            left -= bytes.count
            bytes.bytes.withUnsafeBytes { raw in
                withUnsafeTemporaryAllocation(of: RawRecord.self, capacity: ends.count) { records in
                    var start = 0
                    for (index, end) in ends.enumerated() {
                        records[index] = RawRecord(
                            offset: first + Int64(index), timestamp: .distantPast, key: nil,
                            value: UnsafeRawBufferPointer(rebasing: raw[start..<end]))
                        start = end
                    }
                    body(UnsafeBufferPointer(records))
                }
            }
        }
        return position < count ? .more : .ended
    }

    func whenReadable(_ wake: @escaping @Sendable () -> Void) { wake() }
    func record(at position: Int64) throws(Failure) -> (key: [UInt8]?, value: [UInt8]?, timestamp: EventTime)? { nil }
    func close() {}
}
