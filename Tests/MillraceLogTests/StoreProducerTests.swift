import MillraceCore
import Testing

@testable import MillraceLog

@Suite struct StoreProducerTests {
    func properties(_ id: Int64, _ epoch: Int16, _ sequence: Int32, txn: Bool = false) -> RecordBatchBuilder.Properties
    {
        var properties = RecordBatchBuilder.Properties()
        (properties.producerID, properties.producerEpoch, properties.baseSequence) = (id, epoch, sequence)
        properties.isTransactional = txn
        return properties
    }

    @Test(arguments: Bench.Restart.allCases)
    func duplicatesGetTheirOldOffsetAndGapsAreRefused(_ restart: Bench.Restart) throws {
        let bench = Bench()
        try bench.open()
        var partition = try bench.topic()
        for number in 0..<8 {
            try bench.append(partition, batch(["a\(number)", "b\(number)"], properties(7, 0, Int32(number * 2))))
        }
        partition = try bench.after(restart, partition)
        for number in 3..<8 {
            let again = try bench.append(
                partition, batch(["a\(number)", "b\(number)"], properties(7, 0, Int32(number * 2))))
            #expect(
                again
                    == AppendResult(baseOffset: Int64(number * 2), lastOffset: Int64(number * 2 + 1), isDuplicate: true)
            )
        }
        for sequence: Int32 in [0, 1, 15, 17, 18] {
            do {
                try bench.append(partition, batch(["x"], properties(7, 0, sequence)))
                Issue.record("sequence \(sequence) was taken")
            } catch let failure as Failure { #expect(failure.code == .outOfOrderSequence) }
        }
        #expect(try bench.append(partition, batch(["next"], properties(7, 0, 16))).baseOffset == 16)
        #expect(try bench.append(partition, batch(["new"], properties(7, 1, 0))).baseOffset == 17)
        do {
            try bench.append(partition, batch(["zombie"], properties(7, 0, 17)))
            Issue.record("a zombie was taken")
        } catch let failure as Failure { #expect(failure.code == .fenced) }
        #expect(partition.endOffset == 18)
    }

    /// They wait in the buffer like any batch, and leave it like any.
    @Test func duplicatesGiveTheirRoomBack() throws {
        let bench = Bench()
        bench.options.appendBufferBytes = 2_000
        try bench.open()
        let partition = try bench.topic()
        let sent = try batch([String(repeating: "x", count: 500)], properties(7, 0, 0))
        #expect(try bench.append(partition, sent).isDuplicate == false)
        for _ in 0..<10 { #expect(try bench.append(partition, sent).isDuplicate) }
        #expect(try bench.append(partition, batch(["next"], properties(7, 0, 1))).baseOffset == 1)
    }

    @Test func sequencesWrapAsKafkas() throws {
        let bench = Bench()
        try bench.open()
        let partition = try bench.topic()
        try bench.append(partition, batch(["a", "b"], properties(1, 0, .max - 1)))
        #expect(try bench.append(partition, batch(["c"], properties(1, 0, 0))).baseOffset == 2)
    }

    @Test func aBatchAndItsDuplicateInOneTurnShareAnOffset() throws {
        let bench = Bench()
        try bench.open()
        let partition = try bench.topic()
        let outcomes = [Outcome(), Outcome()]
        for outcome in outcomes { partition.append(try batch(["x"], properties(1, 0, 0))) { outcome.set($0) } }
        bench.store.turn()
        #expect(try #require(outcomes[0].value).get().isDuplicate == false)
        #expect(try #require(outcomes[1].value).get() == AppendResult(baseOffset: 0, lastOffset: 0, isDuplicate: true))
    }

    @Test func aFailedWriteLeavesNoTraceInTheProducersState() throws {
        let bench = Bench()
        try bench.open()
        let partition = try bench.topic()
        try bench.append(partition, batch(["a"], properties(1, 0, 0)))
        bench.disk.fail(.write, with: IOFault.noSpace) { $0.hasSuffix(".log") }
        do {
            try bench.append(partition, batch(["b"], properties(1, 0, 1)))
            Issue.record("the write did not fail")
        } catch let failure as Failure {
            #expect(failure.code == .diskFull)
            #expect(failure.isRetriable)
        }
        let again = try bench.append(partition, batch(["b"], properties(1, 0, 1)))
        #expect(again == AppendResult(baseOffset: 1, lastOffset: 1))
        #expect(try readAll(partition).map(\.value) == ["a", "b"])
    }

    /// A producer's very first batch fails: what it sent behind is refused, though nobody knows the producer.
    @Test func nothingPassesAFirstBatchThatFailed() throws {
        for sequence: Int32 in [0, 7] {
            let bench = Bench()
            try bench.open()
            let partition = try bench.topic()
            try bench.append(partition, ["other"])
            bench.disk.fail(.write, with: IOFault.inputOutput) { $0.hasSuffix(".log") }
            #expect(throws: Failure.self) { try bench.append(partition, batch(["a"], properties(1, 0, sequence))) }
            for later in [sequence + 1, sequence + 2] {
                do {
                    try bench.append(partition, batch(["later"], properties(1, 0, later)))
                    Issue.record("sequence \(later) passed \(sequence)")
                } catch let failure as Failure { #expect(failure.code == .outOfOrderSequence) }
            }
            #expect(try bench.append(partition, batch(["a"], properties(1, 0, sequence))).baseOffset == 1)
            #expect(try bench.append(partition, batch(["b"], properties(1, 0, sequence + 1))).baseOffset == 2)
        }
    }

    func run(_ bench: Bench, _ body: @escaping @Sendable () async throws -> Void) async throws {
        let isDone = Lock(false)
        let task = Task {
            defer { isDone.withLock { $0 = true } }
            try await body()
        }
        while !isDone.withLock({ $0 }) {
            bench.store.turn()
            await Task.yield()
        }
        try await task.value
    }

    @Test(arguments: Bench.Restart.allCases)
    func readersSeeDecidedTransactionsOnly(_ restart: Bench.Restart) async throws {
        let bench = Bench()
        try bench.open()
        var partition = try bench.topic()
        var expected: [String] = []
        let producer = try bench.store.transactionalProducer("p")
        for number in 0..<12 {
            try producer.begin()
            let builder = RecordBatchBuilder()
            try builder.append(key: nil, value: Array("t\(number)".utf8), milliseconds: 0)
            try producer.append(builder, to: partition)
            try producer.append(control: .watermark(.seconds(Int64(number))), to: partition)
            bench.store.turn()
            try bench.append(partition, ["plain\(number)"])
            let isCommit = number % 3 != 1
            #expect(partition.lastStableOffset < partition.endOffset)
            #expect(try readAll(partition).map(\.value) == expected)
            let partition = partition
            if number == 11 { break }
            try await run(bench) {
                try await producer.prepare()
                try await producer.writeMarker(isCommit ? .commit : .abort)
            }
            if isCommit { expected.append("t\(number)") }
            expected.append("plain\(number)")
            #expect(try readAll(partition).map(\.value) == expected)
            #expect(partition.lastStableOffset == partition.endOffset)
        }
        partition = try bench.after(restart, partition)
        #expect(try readAll(partition).map(\.value) == expected)
        let next = try bench.store.transactionalProducer("p")
        let open = next.undecided(in: [partition])
        #expect(open.count == 1)
        #expect(bench.store.openTransactions.count == 1)
        // The older instance is fenced, and the newer one must decide first.
        let zombie = RecordBatchBuilder()
        try zombie.append(key: nil, value: [1], milliseconds: 0)
        let zombieProperties = properties(producer.identity.id, producer.identity.epoch, 12, txn: true)
        zombie.properties = zombieProperties
        do {
            try bench.append(partition, zombie.finish())
            Issue.record("the zombie wrote")
        } catch let failure as Failure { #expect(failure.code == .fenced) }
        do {
            try bench.append(partition, batch(["x"], properties(next.identity.id, next.identity.epoch, 0, txn: true)))
            Issue.record("a second transaction opened")
        } catch let failure as Failure { #expect(failure.code == .invalidTransaction) }
        try await run(bench) { try await next.resolve(open[0], .commit) }
        expected += ["t11", "plain11"]
        #expect(try readAll(partition).map(\.value) == expected)
        #expect(bench.store.openTransactions.isEmpty)
        #expect(try readAll(partition, .readUncommitted).map(\.value).filter { $0.hasPrefix("t") }.count == 12)
    }

    @Test func watermarksReachReadersThatAskForThem() async throws {
        let bench = Bench()
        try bench.open()
        let partition = try bench.topic()
        let producer = try bench.store.transactionalProducer("p")
        for decision in [TransactionalProducer.Decision.commit, .abort] {
            try producer.begin()
            try producer.append(control: .watermark(.seconds(decision == .commit ? 1 : 2)), to: partition)
            try await run(bench) {
                try await producer.prepare()
                try await producer.writeMarker(decision)
            }
        }
        let reader = try LogReader(partition: partition, from: 0, deliversControl: true)
        let lent = try #require(try reader.next())
        #expect(try lent.batches.map { try $0.controlRecord() } == [.watermark(.seconds(1))])
        #expect(lent.endOffset == 4)
    }

    @Test func producerStateSurvivesItsFile() throws {
        var states = ProducerStates()
        var random = SeededRandom(seed: 4)
        for step in 0..<500 {
            let id = Int64.random(in: 0..<9, using: &random)
            var header = try batch(["x"], properties(id, 0, Int32(step))).header
            header.baseOffset = Int64(step)
            header.attributes.rawValue |= step % 2 == 0 ? BatchAttributes.transactionalBit : 0
            let isMarker = step % 7 == 0
            states.apply(
                header,
                marker: isMarker ? (step % 3 == 0 ? .abort(coordinatorEpoch: 0) : .commit(coordinatorEpoch: 0)) : nil,
                now: .seconds(Int64(step)))
        }
        #expect(!states.aborted.isEmpty)
        let bytes = PartitionSnapshot(offset: 500, producers: states).encode()
        let back = try PartitionSnapshot(decoding: bytes)
        #expect(back.producers == states)
        #expect(back.offset == 500)
        for position in bytes.indices {
            for bit in 0..<8 {
                var flipped = bytes
                flipped[position] ^= 1 << bit
                #expect(throws: ByteFault.self) { try PartitionSnapshot(decoding: flipped) }
            }
            #expect(throws: ByteFault.self) { try PartitionSnapshot(decoding: Array(bytes[..<position])) }
        }
    }
}

func batch(_ values: [String], _ properties: RecordBatchBuilder.Properties) throws -> EncodedBatch {
    try batch(values, at: 1_767_225_600_000, properties)
}
