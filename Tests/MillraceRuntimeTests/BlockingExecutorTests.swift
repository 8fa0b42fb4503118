import MillraceCore
import Testing

@testable import MillraceRuntime

@Suite struct BlockingExecutorTests {
    let clock = SystemClock()

    @Test func `results and failures come back to the caller`() async throws {
        let executor = BlockingExecutor(threads: 2)
        #expect(try await executor.run { 6 * 7 } == 42)
        let failure = await #expect(throws: Failure.self) {
            try await executor.run { () throws(Failure) -> Int in throw Failure(.corrupt, "x") }
        }
        #expect(failure?.code == .corrupt)
        #expect(await executor.stop(by: clock.now + .seconds(5), clock: clock))
    }

    @Test func `calls that block do not hold up the cooperative pool, and more run at once than there are cores`() async
    {
        let executor = BlockingExecutor(threads: 16)
        let gate = Monitor(0)
        let tasks = (0..<16).map { _ in
            Task {
                try? await executor.run { () throws(Failure) in
                    // Returns only when all sixteen are inside at once.
                    gate.withLock { $0 += 1 }
                    gate.broadcast()
                    gate.wait { $0 == 16 ? () : nil }
                }
            }
        }
        for task in tasks { await task.value }
        #expect(gate.withLock { $0 } == 16)
        #expect(executor.usage.begun == 16)
        #expect(await executor.stop(by: clock.now + .seconds(5), clock: clock))
    }

    @Test func `calls begin in the order they came`() async throws {
        let executor = BlockingExecutor(threads: 1)
        let order = Lock<[Int]>([])
        for n in 0..<3_000 { try executor.submit { order.withLock { $0.append(n) } } }
        #expect(await executor.stop(by: clock.now + .seconds(5), clock: clock))
        #expect(order.withLock { $0 } == Array(0..<3_000))
    }

    @Test func `a full queue refuses and a stopped executor is closed`() async throws {
        let executor = BlockingExecutor(threads: 1, queue: 3)
        let gate = Monitor(false)
        try executor.submit { gate.wait { $0 ? () : nil } }
        while executor.usage.waiting > 0 {}
        for _ in 0..<3 { try executor.submit {} }
        #expect(throws: Failure.self) { try executor.submit {} }
        let full = await #expect(throws: Failure.self) { try await executor.run { 1 } }
        #expect(full?.code == .limitReached)
        #expect(executor.usage.waiting == 3 && executor.usage.running == 1)
        #expect(await executor.stop(by: clock.now + .milliseconds(30), clock: clock) == false)
        let closed = await #expect(throws: Failure.self) { try await executor.run { 1 } }
        #expect(closed?.code == .closed)
        gate.withLock { $0 = true }
        gate.broadcast()
    }
}
