import MillraceCore
import Testing

@testable import MillraceLog

/// Threads that write by themselves when nobody else does, and leave it to the store's writer otherwise.
@Suite struct StoreCallersTests {
    private func onRealDisk(_ body: (LogStore, Partition) throws -> Void) throws {
        let directory = try temporaryDirectory()
        defer { try? removeDirectory(directory) }
        let store = try LogStore.open(directory: directory, storage: PosixStorage(), clock: SystemClock())
        var configuration = TopicConfiguration()
        configuration.segmentBytes = 12 << 10
        try body(store, try store.createTopic("t", configuration).partitions[0])
    }

    @Test func oneAtATimeHasTheTurnToWrite() throws {
        try onRealDisk { store, partition in
            let (threads, batches) = (6, 120)
            let answers = ThreadMonitor<[Int: [Int64]]>([:])
            let workers = (0..<threads).map { number in
                OwnedThread(name: "caller-\(number)") {
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
                        // Some ask for less than durable.
                        partition.append(
                            batch, acknowledgement: number % 3 == 2 ? .written : .durable, completion: answer)
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
                    OwnedThread(name: "caller") {
                        while let batch = try? batch(["x"]) {
                            told.withLock { $0.sent += 1 }
                            let isRefused = Lock(false)
                            partition.append(batch) { outcome in
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

    /// A lone caller's batch is in the log when `append` returns, without any thread of the store's: here all of them
    /// are stuck.
    @Test func aLoneCallerNeedsNoOtherThread() throws {
        var options = LogOptions()
        // No sync that nobody asked for. The simulated disk makes nobody wait, and no time passes: on a busy machine a
        // write would seem to take long, and the next would be left to the store's threads.
        options.lazySyncInterval = .seconds(3_600)
        let store = try LogStore.open(
            directory: "log", storage: SimulatedStorage(seed: 1), clock: SimulatedClock(), options: options)
        var configuration = TopicConfiguration()
        configuration.durability = .written
        let partition = try store.createTopic("t", configuration).partitions[0]
        let (isStuck, mayGoOn) = (ThreadMonitor(false), ThreadMonitor(false))
        let first = ThreadMonitor<Result<AppendResult, Failure>?>(nil)
        partition.append(try batch(["first"]), acknowledgement: .durable) { outcome in
            first.withLock { $0 = outcome }
            first.broadcast()
        }
        _ = try first.wait { $0.map { .done($0) } ?? .wait(until: nil) }.get()
        // Holds up the store's writer: another partition's batch is answered on it.
        let other = try store.createTopic("other", TopicConfiguration()).partitions[0]
        other.append(try batch(["stuck"]), acknowledgement: .written) { _ in
            isStuck.withLock { $0 = true }
            isStuck.broadcast()
            mayGoOn.wait { $0 ? .done(()) : .wait(until: nil) }
        }
        isStuck.wait { $0 ? .done(()) : .wait(until: nil) }
        defer {
            mayGoOn.withLock { $0 = true }
            mayGoOn.broadcast()
        }
        for number in 0..<20 {
            let outcome = Outcome()
            partition.append(try batch(["here-\(number)"]), acknowledgement: .written) { outcome.set($0) }
            #expect(try outcome.value?.get().baseOffset == Int64(1 + number))
        }
    }

    /// Whoever the system made wait leaves writing to the store for a while.
    @Test func aSlowWriteSendsCallersToTheWriter() {
        let callers = AppendCallers()
        let start = MonotonicTime(nanoseconds: 5_000_000_000)
        func time(_ milliseconds: Int64) -> MonotonicTime { start + .milliseconds(milliseconds) }
        callers.wrote(for: .milliseconds(1), waits: 1, at: start)
        callers.wrote(for: .milliseconds(50), waits: 0, at: start)
        #expect(callers.mayWrite(at: time(50)))
        callers.wrote(for: .milliseconds(2), waits: 1, at: start)
        #expect(!callers.mayWrite(at: time(2)))
        #expect(!callers.mayWrite(at: time(21)))
        #expect(callers.mayWrite(at: time(22)))
    }
}
