import MillraceCore
import Testing

@testable import MillraceLog

@Suite struct StoreBatchingTests {
    final class Offsets: Sendable {
        private let state = Lock<[Result<Int64, Failure>]>([])
        func add(_ result: Result<Int64, Failure>) { state.withLock { $0.append(result) } }
        var all: [Result<Int64, Failure>] { state.withLock { $0 } }
        var offsets: [Int64] { all.compactMap { try? $0.get() } }
    }

    func producer(_ bench: Bench, partitions: Int = 1, _ change: (inout Producer.Options) -> Void = { _ in }) throws
        -> Producer
    {
        try bench.open()
        try bench.store.createTopic("t", TopicConfiguration(partitions: partitions))
        var options = Producer.Options()
        change(&options)
        return try bench.store.producer("t", options: options)
    }

    @Test func recordsAreBatchedByTime() throws {
        let bench = Bench()
        let producer = try producer(bench)
        let offsets = Offsets()
        for number in 0..<10 { try producer.send(key: nil, value: [UInt8(number)]) { offsets.add($0) } }
        bench.store.turn()
        #expect(offsets.all.isEmpty)
        bench.clock.advance(by: .milliseconds(5))
        bench.store.turn()
        #expect(offsets.offsets == Array(0..<10))
        let reader = try LogReader(partition: producer.topic.partitions[0], from: 0)
        #expect(try reader.next()?.batches.count == 1)
    }

    @Test func recordsAreBatchedBySizeAndStickToAPartitionUntilThen() throws {
        let bench = Bench()
        let producer = try producer(bench, partitions: 3) { $0.batchBytes = 1_000 }
        for _ in 0..<60 { try producer.send(key: nil, value: [UInt8](repeating: 7, count: 90)) }
        bench.store.turn()
        bench.clock.advance(by: .milliseconds(5))
        bench.store.turn()
        let ends = producer.topic.partitions.map(\.endOffset)
        #expect(ends.reduce(0, +) == 60)
        #expect(ends.allSatisfy { $0 >= 10 })
    }

    @Test func keysGoWhereKafkaSendsThem() throws {
        let bench = Bench()
        let producer = try producer(bench, partitions: 7)
        for number in 0..<100 { try producer.send(key: Array("key-\(number)".utf8), value: nil) }
        bench.clock.advance(by: .milliseconds(5))
        bench.store.turn()
        for (index, partition) in producer.topic.partitions.enumerated() {
            let reader = try LogReader(partition: partition, from: 0)
            while let lent = try reader.next() {
                try lent.forEachRecord(using: Decompressor()) { record in
                    let expected = Partitioner.partition(ofKey: record.key!, among: 7)
                    #expect(expected == index)
                }
            }
        }
        #expect(producer.topic.partitions.map(\.endOffset).reduce(0, +) == 100)
    }

    @Test func aFullBufferPushesBackAndAFullDiskIsRetriedWithoutDuplicates() throws {
        let bench = Bench()
        let producer = try producer(bench) { $0.bufferBytes = 1_000 }
        let offsets = Offsets()
        var sent = 0
        do {
            for _ in 0..<100 {
                try producer.send(key: nil, value: [UInt8](repeating: 1, count: 36)) { offsets.add($0) }
                sent += 1
            }
            Issue.record("took more than its buffer")
        } catch { #expect(error.code == .limitReached && error.isRetriable) }
        #expect(sent == 10)
        bench.disk.fail(.write, with: IOFault.noSpace) { $0.hasSuffix(".log") }
        bench.clock.advance(by: .milliseconds(5))
        bench.store.turn()
        #expect(offsets.all.isEmpty)
        bench.clock.advance(by: .milliseconds(20))
        bench.store.turn()
        #expect(offsets.offsets == Array(0..<10))
        try producer.send(key: nil, value: [1])
    }

    @Test func manyRecordsAtOnceAreTheSameAsOneByOne() throws {
        func stored(_ send: (Producer) throws -> Void) throws -> [[Read]] {
            let bench = Bench()
            let producer = try producer(bench, partitions: 3) { $0.batchBytes = 700 }
            try send(producer)
            bench.store.turn()
            bench.clock.advance(by: .milliseconds(5))
            bench.store.turn()
            return try producer.topic.partitions.map { try readAll($0) }
        }
        let records: [Producer.Record] = (0..<200).map { number in
            let key: [UInt8]? = number % 2 == 0 ? Array("k\(number % 7)".utf8) : nil
            let headers = number % 5 == 0 ? [RecordHeader("h", "x")] : []
            return Producer.Record(
                key: key, value: Array("v\(number)".utf8), timestamp: .milliseconds(Int64(number)), headers: headers)
        }
        let one = try stored { producer in
            for record in records {
                try producer.send(
                    key: record.key, value: record.value, timestamp: record.timestamp, headers: record.headers)
            }
        }
        let all = try stored { try $0.send(contentsOf: records) }
        #expect(one == all)
        let values = one.joined().map { $0.value }
        #expect(values.count == 200 && Set(values) == Set((0..<200).map { "v\($0)" }))
    }

    @Test func manyRecordsAreTakenAllOrNone() throws {
        let bench = Bench()
        let producer = try producer(bench) { $0.bufferBytes = 1_000 }
        try producer.send(contentsOf: (0..<4).map { Producer.Record(value: [$0] + [UInt8](repeating: 1, count: 35)) })
        do {
            try producer.send(contentsOf: (0..<7).map { _ in Producer.Record(value: [UInt8](repeating: 2, count: 36)) })
            Issue.record("took more than its buffer")
        } catch { #expect(error.code == .limitReached && error.isRetriable) }
        try producer.send(contentsOf: (0..<6).map { _ in Producer.Record(value: [UInt8](repeating: 3, count: 36)) })
        bench.clock.advance(by: .milliseconds(5))
        bench.store.turn()
        #expect(producer.topic.partitions[0].endOffset == 10)
    }

    /// A batch that the disk refuses for a while is not overtaken: those behind it wait, and go again in order.
    @Test(arguments: [1, 2, 3, 4]) func aRefusedBatchIsNotOvertaken(write: Int) throws {
        let bench = Bench()
        let producer = try producer(bench) { $0.batchBytes = 500 }
        bench.disk.fail(.write, at: write, with: IOFault.noSpace) { $0.hasSuffix(".log") }
        let offsets = Offsets()
        // Some are finished in the same turn of the writer as the refused one, others come while it waits.
        for round in 0..<6 {
            for number in 0..<40 {
                try producer.send(key: nil, value: Array("\(round)-\(number)".utf8) + [UInt8](repeating: 1, count: 40))
                {
                    offsets.add($0)
                }
                if number % 9 == 0 { bench.store.turn() }
            }
            bench.clock.advance(by: .milliseconds(5))
            bench.store.turn()
        }
        for _ in 0..<5 {
            bench.clock.advance(by: .milliseconds(20))
            bench.store.turn()
        }
        #expect(offsets.all.count == 240)
        #expect(offsets.offsets == Array(0..<240))
        #expect(producer.failure == nil)
        #expect(try readAll(producer.topic.partitions[0]).map(\.offset) == Array(0..<240))
    }

    /// Threads that send through one producer, and its timers, hand batches over in the order of their sequences.
    @Test func threadsShareAProducer() async throws {
        let directory = try temporaryDirectory()
        defer { try? removeDirectory(directory) }
        let store = try LogStore.open(directory: directory, storage: PosixStorage(), clock: SystemClock())
        try store.createTopic("t", TopicConfiguration(partitions: 2))
        var options = Producer.Options()
        (options.batchBytes, options.linger, options.bufferBytes) = (400, .milliseconds(1), 20_000)
        let producer = try store.producer("t", options: options)
        let (threads, each) = (6, 500)
        await withTaskGroup(of: Void.self) { group in
            for thread in 0..<threads {
                group.addTask {
                    for number in 0..<each {
                        let record = Producer.Record(value: Array("\(thread):\(number)".utf8))
                        do {
                            if number % 2 == 0 {
                                try await producer.send(contentsOf: [record])
                            } else {
                                try await producer.send(key: nil, value: record.value)
                            }
                        } catch { Issue.record("\(error)") }
                    }
                }
            }
        }
        try await producer.flush()
        var values: [String] = []
        for partition in producer.topic.partitions { values += try readAll(partition).map(\.value) }
        #expect(values.count == threads * each)
        #expect(Set(values).count == threads * each)
        try await producer.close()
        try store.close()
    }

    /// Who asks for no completion still learns from `flush` that records were lost.
    @Test func flushTellsWhatWasLost() async throws {
        let bench = Bench()
        let producer = try producer(bench)
        func sendOne() throws { try producer.send(key: nil, value: [1]) }
        try sendOne()
        bench.disk.fail(.sync, with: IOFault.inputOutput) { $0.contains("/t/0/") }
        bench.clock.advance(by: .milliseconds(5))
        bench.store.turn()
        do {
            try await producer.flush()
            Issue.record("flushed in spite of a failed sync")
        } catch { #expect(error.isFatal) }
        #expect(throws: Failure.self) { try sendOne() }
    }
}
