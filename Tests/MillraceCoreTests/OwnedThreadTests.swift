import MillraceCore
import Testing

@Suite struct OwnedThreadTests {
    @Test func joinWaitsForTheWork() {
        let done = Lock(0)
        let threads = (0..<8).map { n in OwnedThread(name: "test-with-a-long-name-\(n)") { done.withLock { $0 += 1 } } }
        for thread in threads { thread.join() }
        #expect(done.withLock { $0 } == 8)
        threads[0].join()
    }
}
