import MillraceCore
import Testing

@Suite(.timeLimit(.minutes(2))) struct CareThreadTests {
    private let clock = SimulatedClock()
    private let passes = Lock(0)

    /// The suite's time limit bounds it.
    private func until(_ condition: () -> Bool) async throws {
        while !condition() { try await SystemClock().sleep(for: .milliseconds(1)) }
    }

    @Test func passesComeAnIntervalAfterTheLastOne() async throws {
        let care = CareThread(name: "test-care", clock: clock, interval: .seconds(10))
        care.start { [passes] in
            passes.withLock { $0 += 1 }
            return true
        }
        clock.advance(by: .seconds(9))
        #expect(care.passes == 0)
        for round in 1...5 {
            clock.advance(by: .seconds(10))
            try await until { care.passes == round }
            #expect(passes.withLock { $0 } == round)
            #expect(clock.pendingTimers == 1)
        }
        care.stop()
        care.join()
        #expect(clock.pendingTimers == 0)
        #expect(care.isStopped)
    }

    @Test func aPassCanSayThatItWasTheLast() {
        let care = CareThread(name: "test-care", clock: clock, interval: .seconds(1))
        care.start { [passes] in
            passes.withLock { $0 += 1 }
            return false
        }
        clock.advance(by: .seconds(1))
        care.join()
        #expect(passes.withLock { $0 } == 1)
        #expect(care.passes == 0)
        #expect(clock.pendingTimers == 0)
    }

    @Test func aPauseEndsWithItsTime() async throws {
        let care = CareThread(name: "test-care", clock: clock, interval: .seconds(1))
        care.start { [passes] in
            passes.withLock { $0 = 1 }
            care.pause(.seconds(5))
            passes.withLock { $0 = 2 }
            return false
        }
        clock.advance(by: .seconds(1))
        try await until { clock.nextDeadline == MonotonicTime(nanoseconds: 6_000_000_000) }
        clock.advance(by: .seconds(4))
        #expect(passes.withLock { $0 } == 1)
        clock.advance(by: .seconds(1))
        care.join()
        #expect(passes.withLock { $0 } == 2)
    }

    @Test func stoppingEndsAPauseAndTheThread() async throws {
        let care = CareThread(name: "test-care", clock: clock, interval: .seconds(1))
        let began = Lock(false)
        care.start {
            began.withLock { $0 = true }
            care.pause(.days(1))
            return true
        }
        clock.advance(by: .seconds(1))
        try await until { began.withLock { $0 } }
        care.stop()
        care.join()
        #expect(clock.pendingTimers == 0)
    }

    @Test func whatIsStoppedBeforeItsFirstPassMakesNone() {
        let care = CareThread(name: "test-care", clock: clock, interval: .seconds(1))
        care.start { [passes] in
            passes.withLock { $0 += 1 }
            return true
        }
        care.stop()
        clock.advance(by: .seconds(2))
        care.join()
        #expect(passes.withLock { $0 } == 0)
    }
}
