import MillraceCore
import Testing

@testable import MillraceLog

/// Threads that write by themselves, beside others that leave it to the store's writer.
@Suite struct StoreHereTests {
    private func onRealDisk(_ body: (LogStore, Partition) throws -> Void) throws {
        let directory = try temporaryDirectory()
        defer { try? removeDirectory(directory) }
        let store = try LogStore.open(directory: directory, storage: PosixStorage(), clock: SystemClock())
        var configuration = TopicConfiguration()
        configuration.segmentBytes = 12 << 10
        let partition = try store.createTopic("t", configuration).partitions[0]
        try body(store, partition)
    }

    @Test func oneAtATimeHasTheTurnToWrite() throws {
        try onRealDisk { store, partition in
            let (threads, batches) = (6, 120)
            let answers = ThreadMonitor<[Int: [Int64]]>([:])
            let workers = (0..<threads).map { number in
                OwnedThread(name: "here-\(number)") {
                    var properties = RecordBatchBuilder.Properties()
                    (properties.producerID, properties.producerEpoch) = (Int64(number), 0)
                    for sequence in 0..<batches {
                        properties.baseSequence = Int32(sequence * 2)
                        guard
                            let batch = try? batch(["\(number)-\(sequence)-a", "\(number)-\(sequence)-b"], properties)
                        else { return }
                        let answer: @Sendable (Result<AppendResult, Failure>) -> Void = { outcome in
                            let offset = (try? outcome.get().baseOffset) ?? -1
                            answers.withLock { $0[number, default: []].append(offset) }
                            answers.broadcast()
                        }
                        // Some write here, some leave it to the store, some ask for less than durable.
                        let level: Acknowledgement = number == 2 ? .written : .durable
                        if number % 3 == 0 {
                            partition.append(batch, acknowledgement: level, completion: answer)
                        } else {
                            partition.appendHere(batch, acknowledgement: level, completion: answer)
                        }
                        if sequence % 5 == 0 {
                            let due = sequence
                            answers.wait { $0[number]?.count ?? 0 >= due ? .done(()) : .wait(until: nil) }
                        }
                    }
                }
            }
            for worker in workers { worker.join() }
            answers.wait { $0.values.reduce(0) { $0 + $1.count } == threads * batches ? .done(()) : .wait(until: nil) }
            let all = answers.withLock { $0 }
            // Answered in the order of each producer's calls, and every offset given once.
            for number in 0..<threads { #expect(all[number] == all[number]?.sorted(), "producer \(number)") }
            #expect(Set(all.values.joined()) == Set((0..<threads * batches).map { Int64($0 * 2) }))
            #expect(partition.segments.count > 3)
            try store.close()
        }
    }

    @Test func closingWaitsForThoseWhoWrite() throws {
        for _ in 0..<5 {
            try onRealDisk { store, partition in
                let told = ThreadMonitor((acknowledged: 0, refused: 0, sent: 0))
                let workers = (0..<4).map { _ in
                    OwnedThread(name: "here") {
                        while let batch = try? batch(["x"]) {
                            told.withLock { $0.sent += 1 }
                            let isRefused = Lock(false)
                            partition.appendHere(batch) { outcome in
                                let isDone = (try? outcome.get()) != nil
                                told.withLock { if isDone { $0.acknowledged += 1 } else { $0.refused += 1 } }
                                if !isDone { isRefused.withLock { $0 = true } }
                                told.broadcast()
                            }
                            if isRefused.withLock({ $0 }) { return }
                            // Bounded, so that a loaded machine does not spend its time on what waits here.
                            told.wait { $0.sent - $0.acknowledged - $0.refused < 200 ? .done(()) : .wait(until: nil) }
                        }
                    }
                }
                told.wait { $0.acknowledged >= 50 ? .done(()) : .wait(until: nil) }
                try store.close()
                for worker in workers { worker.join() }
                let (acknowledged, refused, sent) = told.withLock { $0 }
                #expect(acknowledged + refused == sent && acknowledged >= 50)
                let again = try LogStore.open(
                    directory: store.directory, storage: PosixStorage(), clock: SystemClock())
                #expect(again.recovery.wasClean)
                #expect(Int(try #require(again.topic("t")).partitions[0].endOffset) >= acknowledged)
                try again.close()
            }
        }
    }
}
