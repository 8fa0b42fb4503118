import Foundation
import MillraceCore
import Testing

@testable import MillraceLog

/// Real threads and files: the order in which appends are answered when several threads find them durable.
@Suite struct AnswerOrderTests {
    @Test(.timeLimit(.minutes(1))) func noAppendIsAnsweredBeforeAnEarlierOneHasBeen() throws {
        let home = FileManager.default.temporaryDirectory.appendingPathComponent("millrace-answers-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: home) }
        let store = try LogStore.open(directory: home, storage: PosixStorage(), clock: SystemClock())
        defer { try? store.close() }
        let partition = try store.createTopic("t", TopicConfiguration()).partitions[0]
        let answered = Lock<[Int]>([])
        let (begun, mayGoOn, done) = (
            DispatchSemaphore(value: 0), DispatchSemaphore(value: 0), DispatchSemaphore(value: 0)
        )

        // Its completion is a slow one: it holds the sync thread that found the first batch durable.
        try partition.append(batch(["first"]), acknowledgement: .durable) { _ in
            begun.signal()
            mayGoOn.wait()
            answered.withLock { $0.append(1) }
        }
        begun.wait()
        // The other sync thread makes the second durable meanwhile.
        try partition.append(batch(["second"]), acknowledgement: .durable) { _ in
            answered.withLock { $0.append(2) }
            done.signal()
        }
        while partition.durableOffset < 2 { Thread.sleep(forTimeInterval: 0.001) }
        Thread.sleep(forTimeInterval: 0.05)
        #expect(answered.withLock { $0 } == [])
        mayGoOn.signal()
        done.wait()
        #expect(answered.withLock { $0 } == [1, 2])
    }
}
