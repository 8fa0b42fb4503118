import MillraceCore
import Testing

@testable import MillraceLog

/// Looking at a log that another process owns.
@Suite struct StoreLookTests {
    private func look(_ bench: Bench) throws -> LogStore {
        try LogStore.look(at: "log", storage: bench.disk, clock: bench.clock)
    }

    @Test func aLookShowsWhatIsThereAndRefreshesWhatIsAdded() throws {
        let bench = Bench()
        try bench.open()
        let partition = try bench.topic { $0.segmentBytes = 1_024 }
        try bench.append(partition, ["a"])
        let looking = try look(bench)
        let seen = try #require(looking.topic("t")).partitions[0]
        let reader = try LogReader(partition: seen, from: 0)
        #expect(try reader.next()?.endOffset == 1)
        #expect(try reader.next() == nil)
        var expected = ["a"]
        let woken = Outcome()
        let registration = try seen.whenReadable(from: 1) {
            woken.set(.success(AppendResult(baseOffset: 0, lastOffset: 0)))
        }
        withExtendedLifetime(registration) {}
        #expect(woken.value == nil)
        for round in 0..<30 {
            let value = "v\(round)-\(String(repeating: "x", count: 200))"
            try bench.append(partition, [value])
            expected.append(value)
            if round % 3 == 0 { try looking.refresh(try #require(looking.topic("t"))) }
            if round == 0 { #expect(woken.value != nil) }
        }
        try looking.refresh(try #require(looking.topic("t")))
        #expect(seen.endOffset == 31 && seen.durableOffset == 31)
        #expect(seen.segments.count > 3)
        #expect(try readAll(seen).map(\.value) == expected)
        for offset: Int64 in [0, 1, 13, 30] { #expect(try readAll(seen, from: offset).first?.offset == offset) }
        var read: [Int64] = [0]
        while let lent = try reader.next() {
            try lent.forEachRecord(using: Decompressor()) { read.append($0.offset) }
        }
        #expect(read == Array(0..<31))
    }

    @Test func aLookChangesNothing() throws {
        let bench = Bench()
        try bench.open()
        let partition = try bench.topic { $0.segmentBytes = 1_024 }
        for number in 0..<20 { try bench.append(partition, ["v\(number)-\(String(repeating: "x", count: 90))"]) }
        try bench.kill()
        // A torn tail, indexes gone, a temporary file: a start would clear all of it away.
        let directory = "log/topics/t/0"
        let names = try bench.disk.list(directory)
        let last = try #require(names.last { $0.hasSuffix(".log") })
        let file = try bench.disk.open("\(directory)/\(last)", .readWrite)
        let size = try file.size()
        try Array(batch(["torn"]).bytes.prefix(40)).lending { (raw) throws(IOFault) in try file.write(raw, at: size) }
        _ = try bench.disk.open("\(directory)/x.tmp", .create)
        for name in names where name.hasSuffix(".index") { try bench.disk.unlink("\(directory)/\(name)") }
        try bench.disk.syncDirectory(directory)
        try file.sync()
        let before = try bench.disk.list(directory)
        let changes = bench.disk.unsyncedChanges
        let looking = try look(bench)
        let seen = try #require(looking.topic("t")).partitions[0]
        #expect(try readAll(seen).count == 20)
        #expect(try readAll(seen, from: 7).count == 13)
        #expect(throws: Failure.self) { try looking.createTopic("u") }
        #expect(throws: Failure.self) { try looking.positions.commit(group: "g", topic: "t", partition: 0, offset: 1) }
        let outcome = Outcome()
        seen.append(try batch(["no"])) { outcome.set($0) }
        guard case .failure(let refusal) = outcome.value else {
            Issue.record("an onlooker appended")
            return
        }
        #expect(refusal.code == .closed && refusal.message.contains("looking"))
        try looking.refresh(try #require(looking.topic("t")))
        try looking.close()
        #expect(try bench.disk.list(directory) == before)
        #expect(try bench.disk.list("log").contains("clean") == false)
        #expect(bench.disk.unsyncedChanges == changes)
        #expect(try file.size() == size + 40)
    }

    @Test func anOnlookerSeesNoOpenOrAbortedTransactionAndNothingUnsynced() throws {
        let bench = Bench()
        try bench.open()
        let partition = try bench.topic()
        try bench.append(partition, ["plain"])
        let looking = try look(bench)
        let topic = try #require(looking.topic("t"))
        let seen = topic.partitions[0]
        var properties = RecordBatchBuilder.Properties()
        (properties.producerID, properties.producerEpoch, properties.isTransactional) = (7, 0, true)
        properties.baseSequence = 0
        try bench.append(partition, batch(["in transaction"], properties))
        try looking.refresh(topic)
        #expect(try readAll(seen).map(\.value) == ["plain"])
        #expect(try readAll(seen, from: 0, .readUncommitted).count == 2)
        try bench.append(
            partition, RecordBatchBuilder.control(.abort(coordinatorEpoch: 0), milliseconds: 0, properties: properties))
        try bench.append(partition, ["after"])
        try looking.refresh(topic)
        #expect(try readAll(seen).map(\.value) == ["plain", "after"])
        // Written and not synced: the owner's own readers do not see it either.
        bench.disk.fail(.sync, with: IOFault.inputOutput) { $0.hasSuffix(".log") }
        let outcome = Outcome()
        partition.append(try batch(["unsynced"])) { outcome.set($0) }
        bench.store.turn()
        try looking.refresh(topic)
        #expect(try readAll(seen).map(\.value) == ["plain", "after"])
    }

    @Test func retentionAndCompactionUnderAnOnlookerDoNotHurtIt() throws {
        let bench = Bench()
        try bench.open()
        let partition = try bench.topic {
            $0.segmentBytes = 1_024
            $0.cleanup = [.compact]
            $0.dirtyPercent = 0
        }
        func add(_ range: Range<Int>) throws {
            for number in range {
                let builder = RecordBatchBuilder()
                let value = "v\(number)-\(String(repeating: "x", count: 90))"
                try builder.append(key: [UInt8(number % 3)], value: Array(value.utf8), milliseconds: 0)
                try bench.append(partition, builder.finish())
            }
        }
        try add(0..<40)
        let looking = try look(bench)
        let topic = try #require(looking.topic("t"))
        let seen = topic.partitions[0]
        _ = try partition.compact()
        try add(40..<60)
        try partition.deleteRecords(before: 10)
        try looking.refresh(topic)
        #expect(seen.startOffset == 10 && seen.endOffset == 60)
        let (theirs, ours) = (try readAll(partition), try readAll(seen))
        #expect(theirs == ours)
    }
}
