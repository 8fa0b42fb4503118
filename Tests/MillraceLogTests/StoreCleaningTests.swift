import MillraceCore
import Testing

@testable import MillraceLog

@Suite struct StoreCleaningTests {
    func fill(_ bench: Bench, _ partition: Partition, _ range: Range<Int>) throws {
        for number in range {
            try bench.append(
                partition,
                batch(["v\(number)-\(String(repeating: "x", count: 200))"], at: bench.clock.wall.flooredMilliseconds))
            bench.clock.advance(by: .seconds(1))
        }
    }

    @Test func retentionByTimeDeletesWholeOldSegments() throws {
        let bench = Bench()
        try bench.open()
        let partition = try bench.topic { $0.retentionTime = .seconds(60) }
        try fill(bench, partition, 0..<100)
        let before = partition.segments
        bench.store.maintain()
        #expect(partition.startOffset > 0)
        #expect(partition.startOffset <= 40)
        #expect(before.contains { $0.baseOffset == partition.startOffset })
        #expect(try readAll(partition).first?.offset == partition.startOffset)
        do {
            _ = try LogReader(partition: partition, from: 0).next()
            Issue.record("read deleted records")
        } catch {
            #expect(error.code == .offsetOutOfRange)
            #expect(error.message.contains("0 ..< \(partition.startOffset)"))
        }
        // All too old: the active segment is closed, and goes too; the end stays.
        bench.clock.advance(by: .seconds(3_600))
        for _ in 0..<2 {
            bench.store.maintain()
            bench.store.turn()
        }
        #expect(partition.startOffset == 100)
        #expect(partition.endOffset == 100)
        let again = try #require(bench.reopen().topic("t")).partitions[0]
        #expect(again.startOffset == 100)
        #expect(try bench.append(again, ["x"]).baseOffset == 100)
    }

    @Test func retentionByBytesKeepsTheNewest() throws {
        let bench = Bench()
        try bench.open()
        let partition = try bench.topic {
            $0.retentionTime = nil
            $0.retentionBytes = 10_000
        }
        try fill(bench, partition, 0..<100)
        bench.store.maintain()
        #expect(partition.byteCount <= 10_000 + 4_096)
        #expect(partition.byteCount >= 10_000)
    }

    @Test func aHoldKeepsRecordsAcrossRestartsUntilItMoves() throws {
        let bench = Bench()
        try bench.open()
        var partition = try bench.topic { $0.retentionTime = .seconds(10) }
        try fill(bench, partition, 0..<50)
        _ = try #require(bench.store.topic("t")).hold(name: "pipeline", partition: 0, offset: 0)
        bench.store.maintain()
        #expect(partition.startOffset == 0)
        var random = SeededRandom(seed: 3)
        bench.disk.crash(using: &random)
        partition = try #require(bench.open().topic("t")).partitions[0]
        bench.store.maintain()
        #expect(partition.startOffset == 0)
        let hold = try #require(bench.store.topic("t")).hold(name: "pipeline", partition: 0, offset: 20)
        bench.store.maintain()
        #expect(partition.startOffset > 0)
        #expect(partition.startOffset <= 20)
        hold.release()
        bench.store.maintain()
        #expect(partition.startOffset > 20)
        do {
            _ = try #require(bench.store.topic("t")).hold(name: "late", partition: 0, offset: 3)
            Issue.record("held what is gone")
        } catch let failure as Failure { #expect(failure.code == .offsetOutOfRange) }
    }

    func record(_ key: String, _ value: String?, at milliseconds: Int64 = 1_767_225_600_000) throws -> EncodedBatch {
        let builder = RecordBatchBuilder()
        try builder.append(key: Array(key.utf8), value: value.map { Array($0.utf8) }, milliseconds: milliseconds)
        return builder.finish()
    }

    /// Key, value and offset of every record.
    func keyed(_ partition: Partition) throws -> [String] {
        let reader = try LogReader(partition: partition, from: partition.startOffset)
        var all: [String] = []
        while let lent = try reader.next() {
            try lent.forEachRecord(using: Decompressor()) { record in
                let key = record.key.map { String(decoding: $0, as: UTF8.self) } ?? "null"
                let value = record.value.map { String(decoding: $0, as: UTF8.self) } ?? "null"
                all.append("\(record.offset) \(key)=\(value)")
            }
        }
        return all
    }

    @Test func compactionKeepsTheLastOfEachKeyAndEveryOffset() throws {
        let bench = Bench()
        try bench.open()
        var partition = try bench.topic {
            $0.cleanup = .compact
            $0.dirtyPercent = 0
        }
        var latest: [String: (Int64, String)] = [:]
        var random = SeededRandom(seed: 5)
        for number in 0..<400 {
            let builder = RecordBatchBuilder()
            let base = partition.endOffset
            for place in 0..<3 {
                let key = "k\(Int.random(in: 0 ..< 20, using: &random))"
                let value = "v\(number).\(place)"
                try builder.append(key: Array(key.utf8), value: Array(value.utf8), milliseconds: 0)
                latest[key] = (base + Int64(place), value)
            }
            try bench.append(partition, builder.finish())
        }
        let lastClosed = try #require(partition.segments.dropLast().last).endOffset
        let before = try keyed(partition)
        bench.store.maintain()
        #expect(bench.store.maintenanceFailure == nil)
        let after = try keyed(partition)
        #expect(after.count < before.count / 2)
        #expect(Set(after).isSubset(of: Set(before)))
        #expect(after == after.filter { Set(before).contains($0) })
        // Whatever lies in the active segment is untouched; all newest values are there.
        for (key, (offset, value)) in latest { #expect(after.contains("\(offset) \(key)=\(value)")) }
        #expect(partition.endOffset == 1_200)
        for (left, right) in zip(partition.segments, partition.segments.dropFirst()) {
            #expect(left.endOffset == right.baseOffset)
        }
        // One closed record a key at most.
        let closed = after.filter { Int64($0.split(separator: " ")[0])! < lastClosed }
        #expect(closed.count <= 20)
        for offset in stride(from: Int64(0), to: 1_200, by: 37) {
            _ = try readAll(partition, from: offset)
        }
        try bench.kill()
        partition = try #require(bench.open().topic("t")).partitions[0]
        #expect(try keyed(partition) == after)
        bench.store.maintain()
        #expect(try keyed(partition) == after)
        #expect(bench.store.recovery.events.isEmpty)
    }

    @Test func tombstonesStayUntilTheirHorizon() throws {
        let bench = Bench()
        try bench.open()
        let partition = try bench.topic {
            $0.cleanup = .compact
            $0.dirtyPercent = 0
            $0.tombstoneRetention = .seconds(100)
        }
        try bench.append(partition, record("a", "1"))
        try bench.append(partition, record("b", "1"))
        try bench.append(partition, record("a", nil))
        partition.requestRoll()
        bench.store.turn()
        bench.store.maintain()
        #expect(try keyed(partition) == ["1 b=1", "2 a=null"])
        bench.clock.advance(by: .seconds(50))
        try partition.compact()
        #expect(try keyed(partition) == ["1 b=1", "2 a=null"])
        bench.clock.advance(by: .seconds(51))
        try partition.compact()
        #expect(try keyed(partition) == ["1 b=1"])
        #expect(partition.endOffset == 3)
        #expect(try bench.append(partition, record("c", "1")).baseOffset == 3)
    }

    @Test func compactionOfTransactionsKeepsCommittedRecordsOnly() throws {
        let bench = Bench()
        try bench.open()
        var partition = try bench.topic {
            $0.cleanup = .compact
            $0.dirtyPercent = 0
        }
        var properties = RecordBatchBuilder.Properties()
        (properties.producerID, properties.producerEpoch, properties.isTransactional) = (1, 0, true)
        var sequence: Int32 = 0
        for number in 0..<6 {
            properties.baseSequence = sequence
            sequence += 1
            let builder = RecordBatchBuilder(properties)
            try builder.append(key: Array("k".utf8), value: Array("\(number)".utf8), milliseconds: 0)
            try bench.append(partition, builder.finish())
            let marker: ControlRecord =
                number % 2 == 0 ? .commit(coordinatorEpoch: 0) : .abort(coordinatorEpoch: 0)
            try bench.append(partition, .control(marker, milliseconds: 0, properties))
            partition.requestRoll()
            bench.store.turn()
        }
        try partition.compact()
        #expect(try keyed(partition) == ["8 k=4"])
        try bench.kill()
        for name in ["durable.points", "0/partition.state"] { try bench.disk.unlink("log/topics/t/\(name)") }
        partition = try #require(bench.open().topic("t")).partitions[0]
        #expect(partition.fault == nil)
        #expect(partition.openTransactions.isEmpty)
        #expect(try keyed(partition) == ["8 k=4"])
        #expect(partition.endOffset == 12)
    }

    @Test func anOldTransactionIsAbortedWhereThereIsATimeout() throws {
        let bench = Bench()
        bench.options.transactionTimeout = .seconds(60)
        try bench.open()
        let partition = try bench.topic()
        let producer = try bench.store.transactionalProducer("p")
        try producer.begin()
        let builder = RecordBatchBuilder()
        try builder.append(key: nil, value: [1], milliseconds: 0)
        try producer.append(builder, to: partition)
        bench.store.turn()
        bench.clock.advance(by: .seconds(30))
        bench.store.maintain()
        bench.store.turn()
        #expect(partition.openTransactions.count == 1)
        bench.clock.advance(by: .seconds(31))
        bench.store.maintain()
        bench.store.turn()
        #expect(partition.openTransactions.isEmpty)
        #expect(try readAll(partition).isEmpty)
    }

    @Test func appendsStopBeforeTheDiskIsFullAndGoOnByThemselves() throws {
        let bench = Bench()
        try bench.open()
        let partition = try bench.topic()
        try bench.append(partition, ["a"])
        bench.disk.capacity = bench.disk.usedBytes + 1_000
        bench.store.maintain()
        do {
            try bench.append(partition, ["b"])
            Issue.record("appended to a full disk")
        } catch let failure as Failure { #expect(failure.code == .diskFull && failure.isRetriable) }
        #expect(try readAll(partition).count == 1)
        bench.disk.capacity = nil
        bench.store.maintain()
        #expect(try bench.append(partition, ["b"]).baseOffset == 1)
    }
}

extension EncodedBatch {
    static func control(
        _ record: ControlRecord, milliseconds: Int64, _ properties: RecordBatchBuilder.Properties
    ) -> EncodedBatch {
        RecordBatchBuilder.control(record, milliseconds: milliseconds, properties: properties)
    }
}
