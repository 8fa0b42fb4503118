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
}
