import MillraceCore
import Testing

@testable import MillraceLog

@Suite struct StoreTests {
    @Test func appendsAreReadBackInOrderAcrossSegmentsAndRestarts() throws {
        let bench = Bench()
        try bench.open()
        var partition = try bench.topic()
        var expected: [Read] = []
        for number in 0..<200 {
            let values = (0..<number % 5 + 1).map { "value-\(number)-\($0)-\(String(repeating: "x", count: 20))" }
            let result = try bench.append(partition, values)
            #expect(result.baseOffset == Int64(expected.count))
            for value in values { expected.append(Read(offset: Int64(expected.count), value: value)) }
        }
        #expect(partition.segments.count > 3)
        #expect(try readAll(partition) == expected)
        #expect(try readAll(partition, maxBytes: 100) == expected)
        #expect(try readAll(partition, from: 77) == Array(expected[77...]))
        partition = try #require(bench.reopen().topic("t")).partitions[0]
        #expect(bench.store.recovery.wasClean)
        #expect(bench.store.recovery.events.isEmpty)
        #expect(try readAll(partition) == expected)
        try bench.append(partition, ["more"])
        #expect(try readAll(partition).count == expected.count + 1)
        try bench.kill()
        partition = try #require(bench.open().topic("t")).partitions[0]
        #expect(!bench.store.recovery.wasClean)
        #expect(try readAll(partition).count == expected.count + 1)
        #expect(bench.store.recovery.scannedBytes == 0)
        try bench.append(partition, ["and more"])
        #expect(try readAll(partition).last?.value == "and more")
        #expect(partition.segments.last?.epoch == 1)
    }

    @Test func topicsAreCreatedAlteredGrownAndDeleted() throws {
        let bench = Bench()
        try bench.open()
        _ = try bench.topic("a")
        try bench.append(try bench.topic("a"), ["x"])
        try bench.store.alterTopic("a") { $0.retentionBytes = 12_345 }
        try bench.store.addPartitions("a", to: 3)
        _ = try bench.topic("b")
        _ = try bench.reopen()
        #expect(bench.store.topics.map(\.name) == ["a", "b"])
        #expect(bench.store.topic("a")?.configuration.retentionBytes == 12_345)
        #expect(bench.store.topic("a")?.partitions.count == 3)
        try bench.store.deleteTopic("a")
        #expect(bench.store.topic("a") == nil)
        _ = try bench.reopen()
        #expect(bench.store.topics.map(\.name) == ["b"])
        for name in ["", ".", "..", "a/b", "../x", "ä", "a b", String(repeating: "x", count: 250)] {
            #expect(throws: Failure.self) { try bench.store.createTopic(name) }
        }
        #expect(throws: Failure.self) { try bench.store.createTopic("b") }
        #expect(throws: Failure.self) { try bench.store.addPartitions("b", to: 1) }
    }

    @Test func aReaderIsWokenOnceDataIsDurable() throws {
        let bench = Bench()
        try bench.open()
        let partition = try bench.topic()
        let wakes = Lock(0)
        _ = try partition.whenReadable(from: 0) { wakes.withLock { $0 += 1 } }
        let cancelled = try partition.whenReadable(from: 0) { wakes.withLock { $0 += 100 } }
        cancelled.cancel()
        #expect(wakes.withLock { $0 } == 0)
        try bench.append(partition, ["x"])
        #expect(wakes.withLock { $0 } == 1)
        _ = try partition.whenReadable(from: 0) { wakes.withLock { $0 += 1 } }
        #expect(wakes.withLock { $0 } == 2)
    }

    @Test func offsetsAreFoundByTime() throws {
        let bench = Bench()
        try bench.open()
        let partition = try bench.topic()
        let start: Int64 = 1_700_000_000_000
        for number in 0..<300 {
            try bench.append(partition, batch(["v\(number)", "w\(number)"], at: start + Int64(number) * 1_000))
        }
        for number in [0, 1, 17, 150, 299] {
            let time = EventTime.milliseconds(start + Int64(number) * 1_000)
            #expect(try partition.offset(atOrAfter: time) == Int64(number * 2))
            #expect(try partition.offset(atOrAfter: time - .milliseconds(1)) == Int64(number * 2))
        }
        #expect(try partition.offset(atOrAfter: .milliseconds(start + 299_001)) == nil)
        #expect(try partition.offset(atOrAfter: .distantPast) == 0)
    }

    @Test func readersOutsideTheLogGetATypedError() throws {
        let bench = Bench()
        try bench.open()
        let partition = try bench.topic()
        try bench.append(partition, ["x"])
        let reader = try LogReader(partition: partition, from: 5)
        do {
            _ = try reader.next()
            Issue.record("read beyond the end")
        } catch { #expect(error.code == .offsetOutOfRange) }
    }

    @Test func oneStoreOwnsADirectory() throws {
        let bench = Bench()
        try bench.open()
        do {
            _ = try LogStore.open(directory: "log", storage: bench.disk, clock: bench.clock, options: bench.options)
            Issue.record("opened twice")
        } catch { #expect(error.code == .inUse) }
    }

    @Test func threadsWriteAndSyncOnARealDisk() async throws {
        let directory = try temporaryDirectory()
        let store = try LogStore.open(
            directory: directory, storage: PosixStorage(), clock: SystemClock(), options: LogOptions())
        let topic = try store.createTopic("t", TopicConfiguration(partitions: 4))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for producer in 0..<16 {
                group.addTask {
                    let partition = topic.partitions[producer % 4]
                    for number in 0..<25 {
                        try await partition.append(batch(["\(producer):\(number)"], at: 0))
                    }
                }
            }
            try await group.waitForAll()
        }
        for partition in topic.partitions {
            let reads = try readAll(partition)
            #expect(reads.count == 100)
            var next: [String: Int] = [:]
            for read in reads {
                let parts = read.value.split(separator: ":")
                #expect(next[String(parts[0]), default: 0] == Int(parts[1]))
                next[String(parts[0]), default: 0] += 1
            }
        }
        try store.close()
        try removeDirectory(directory)
    }
}
