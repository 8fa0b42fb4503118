public import MillraceCore
public import MillraceFlow

/// A source that makes its records: for demos, load and tests. Record `n` is always the same, so a restart goes on with
/// the next one and a replay gives the same. They reach the pipeline as values, without bytes.
public final class Generator<Element: Record>: Source, PipelineInput {
    /// Makes so many records from a number on, each `step` further, at an address that holds none.
    @usableFromInline typealias Fill =
        @Sendable (UnsafeMutablePointer<Element>, _ from: Int64, _ step: Int64, _ count: Int) -> Void

    public let name: String
    public let partitionCount: Int
    private let perSecond: Int?
    private let count: Int64?
    private let clock: any RuntimeClock
    /// Ends the life of so many records.
    @usableFromInline typealias Clear = @Sendable (UnsafeMutablePointer<Element>, _ count: Int) -> Void
    private let fill: Fill
    private let clear: Clear

    /// - Parameters:
    ///   - perSecond: over all partitions; `nil` is as fast as the pipeline takes them.
    ///   - count: over all partitions; `nil` never ends.
    ///   - make: record `number` of the whole stream, from 0. Partition `p` of `n` gets the numbers `p`, `p + n`, ….
    @inlinable @inline(__always) public convenience init(
        _ name: String, partitions: Int = 1, perSecond: Int? = nil, count: Int64? = nil,
        clock: any RuntimeClock = SystemClock(), make: @escaping @Sendable (_ number: Int64) -> Element
    ) {
        // Here, in the caller's module: one loop with the closure in it, called once per batch.
        self.init(
            name, partitions, perSecond, count, clock,
            fill: { records, from, step, count in
                var number = from
                for index in 0..<count {
                    (records + index).initialize(to: make(number))
                    number += step
                }
            }, clear: { records, count in for index in 0..<count { _ = (records + index).move() } })
    }
    @usableFromInline init(
        _ name: String, _ partitions: Int, _ perSecond: Int?, _ count: Int64?, _ clock: any RuntimeClock,
        fill: @escaping Fill, clear: @escaping Clear
    ) {
        precondition(partitions > 0 && perSecond ?? 1 > 0, "a generator has a partition and a rate")
        (self.name, partitionCount, self.perSecond, self.count) = (name, partitions, perSecond, count)
        (self.clock, self.fill, self.clear) = (clock, fill, clear)
    }

    public func start(_ tell: @escaping @Sendable (AssignmentEvent) async -> Void) async throws(Failure) {
        await tell(.assigned(partitions: Array(0..<partitionCount)))
    }
    public func stop() async {}

    public func reader(partition: Int, from position: Int64?) throws(Failure) -> any SourceReader {
        let share = count.map { ($0 - Int64(partition) + Int64(partitionCount) - 1) / Int64(partitionCount) }
        return GeneratorReader(
            partition: Int64(partition), of: Int64(partitionCount), from: position ?? 0, count: share,
            perSecond: perSecond.map { Double($0) / Double(partitionCount) }, clock: clock, fill: fill, clear: clear)
    }

    public var input: InputDescription { .source(self, elementType: String(describing: Element.self)) }
}

private final class GeneratorReader<Element: Record>: ValueReader {
    typealias Value = Element
    private let partition: Int64, partitions: Int64
    private let count: Int64?
    private let perSecond: Double?
    private let clock: any RuntimeClock
    private let fill: Generator<Element>.Fill
    private let clear: Generator<Element>.Clear
    private let started: MonotonicTime
    private let first: Int64
    private(set) var position: Int64
    /// Holds records during `read` only.
    private let records = UnsafeMutablePointer<Element>.allocate(capacity: Limits.recordsPerBatch)
    private var timer: ClockTimer?

    init(
        partition: Int64, of partitions: Int64, from position: Int64, count: Int64?, perSecond: Double?,
        clock: any RuntimeClock, fill: @escaping Generator<Element>.Fill,
        clear: @escaping Generator<Element>.Clear
    ) {
        (self.partition, self.partitions, self.count, self.perSecond) = (partition, partitions, count, perSecond)
        (self.clock, self.fill, self.clear) = (clock, fill, clear)
        (started, first, self.position) = (clock.now, position, position)
    }
    deinit { records.deallocate() }

    /// How far the stream has come by now.
    var end: Int64 {
        guard let perSecond else { return count ?? position }
        let due = first + Int64((clock.now - started).seconds * perSecond)
        return max(position, min(due, count ?? .max))
    }

    func read(maxRecords: Int, _ body: (ValueBatch<Element>) -> Void) throws(Failure) -> ReadOutcome {
        if let count, position >= count { return .ended }
        let end = min(perSecond == nil ? count ?? .max : end, position + Int64(maxRecords))
        let wall = clock.wall
        while position < end {
            let size = Int(min(Int64(Limits.recordsPerBatch), end - position))
            fill(records, position * partitions + partition, partitions, size)
            body(
                ValueBatch(first: position, time: wall, values: UnsafeBufferPointer(start: records, count: size)))
            clear(records, size)
            position += Int64(size)
        }
        if let count, position >= count { return .ended }
        return position < self.end || perSecond == nil ? .more : .empty
    }

    func whenReadable(_ wake: @escaping @Sendable () -> Void) {
        timer?.cancel()
        timer = clock.schedule(at: clock.now + Limits.generatorInterval, wake)
    }

    func record(at position: Int64) throws(Failure) -> (key: [UInt8]?, value: [UInt8]?, timestamp: EventTime)? {
        fill(records, position * partitions + partition, 0, 1)
        defer { clear(records, 1) }
        let time = clock.wall
        var found: (key: [UInt8]?, value: [UInt8]?, timestamp: EventTime)?
        ValueBatch(first: position, time: time, values: UnsafeBufferPointer(start: records, count: 1)).lendBytes {
            found = ($0[0].key.map(Array.init), $0[0].value.map(Array.init), time)
        }
        return found
    }

    func close() { timer?.cancel() }
}
