public import MillraceCore
public import MillraceFlow

/// A source that makes its records: for demos, load and tests. Record `n` is always the same, so a restart goes on with
/// the next one and a replay gives the same.
public final class Generator<Element: Record>: Source, PipelineInput {
    public let name: String
    public let partitionCount: Int
    private let perSecond: Int?
    private let count: Int64?
    private let clock: any RuntimeClock
    private let make: @Sendable (_ number: Int64) -> Element

    /// - Parameters:
    ///   - perSecond: over all partitions; `nil` is as fast as the pipeline takes them.
    ///   - count: over all partitions; `nil` never ends.
    ///   - make: record `number` of the whole stream, from 0. Partition `p` of `n` gets the numbers `p`, `p + n`, ….
    public init(
        _ name: String, partitions: Int = 1, perSecond: Int? = nil, count: Int64? = nil,
        clock: any RuntimeClock = SystemClock(), make: @escaping @Sendable (_ number: Int64) -> Element
    ) {
        precondition(partitions > 0 && perSecond ?? 1 > 0, "a generator has a partition and a rate")
        (self.name, partitionCount, self.perSecond, self.count) = (name, partitions, perSecond, count)
        (self.clock, self.make) = (clock, make)
    }

    public func start(_ tell: @escaping @Sendable (AssignmentEvent) async -> Void) async throws(Failure) {
        await tell(.assigned(partitions: Array(0..<partitionCount)))
    }
    public func stop() async {}

    public func reader(partition: Int, from position: Int64?) throws(Failure) -> any SourceReader {
        let share = count.map { ($0 - Int64(partition) + Int64(partitionCount) - 1) / Int64(partitionCount) }
        return GeneratorReader(
            partition: Int64(partition), of: Int64(partitionCount), from: position ?? 0, count: share,
            perSecond: perSecond.map { Double($0) / Double(partitionCount) }, clock: clock, make: make)
    }

    public var input: InputDescription { .source(self, elementType: String(describing: Element.self)) }
}

private final class GeneratorReader<Element: Record>: SourceReader {
    private let partition: Int64, partitions: Int64
    private let count: Int64?
    private let perSecond: Double?
    private let clock: any RuntimeClock
    private let make: @Sendable (Int64) -> Element
    private let started: MonotonicTime
    private let first: Int64
    private(set) var position: Int64
    private var bytes = ByteWriter(capacity: 256 << 10)
    private var ends: [Int] = []
    private var timer: ClockTimer?

    init(
        partition: Int64, of partitions: Int64, from position: Int64, count: Int64?, perSecond: Double?,
        clock: any RuntimeClock, make: @escaping @Sendable (Int64) -> Element
    ) {
        (self.partition, self.partitions, self.count, self.perSecond) = (partition, partitions, count, perSecond)
        (self.clock, self.make, started, first, self.position) = (clock, make, clock.now, position, position)
    }

    /// How far the stream has come by now.
    var end: Int64 {
        guard let perSecond else { return count ?? position }
        let due = first + Int64((clock.now - started).seconds * perSecond)
        return max(position, min(due, count ?? .max))
    }

    func read(maxBytes: Int, _ body: (UnsafeBufferPointer<RawRecord>) -> Void) throws(Failure) -> ReadOutcome {
        if let count, position >= count { return .ended }
        let end = perSecond == nil ? count ?? .max : end
        let wall = clock.wall
        var left = maxBytes
        while left > 0, position < end {
            let batch = min(Int64(Limits.recordsPerBatch), end - position)
            bytes.removeAll()
            ends.removeAll(keepingCapacity: true)
            for number in position..<position + batch {
                make(number * partitions + partition).encode(into: &bytes)
                ends.append(bytes.count)
            }
            lend(at: wall, body)
            position += batch
            left -= bytes.count
        }
        if let count, position >= count { return .ended }
        return position < end ? .more : .empty
    }

    private func lend(at wall: EventTime, _ body: (UnsafeBufferPointer<RawRecord>) -> Void) {
        bytes.bytes.withUnsafeBytes { all in
            withUnsafeTemporaryAllocation(of: RawRecord.self, capacity: ends.count) { records in
                var start = 0
                for (index, end) in ends.enumerated() {
                    records.initializeElement(
                        at: index,
                        to: RawRecord(
                            offset: position + Int64(index), timestamp: wall, key: nil,
                            value: UnsafeRawBufferPointer(rebasing: all[start..<end])))
                    start = end
                }
                body(UnsafeBufferPointer(records))
            }
        }
    }

    func whenReadable(_ wake: @escaping @Sendable () -> Void) {
        timer?.cancel()
        timer = clock.schedule(at: clock.now + Limits.generatorInterval, wake)
    }

    func record(at position: Int64) throws(Failure) -> (key: [UInt8]?, value: [UInt8]?, timestamp: EventTime)? {
        var writer = ByteWriter()
        make(position * partitions + partition).encode(into: &writer)
        return (nil, writer.bytes, clock.wall)
    }

    func close() { timer?.cancel() }
}
