import MillraceCore
import Testing

@Suite struct SystemClockTests {
    let clock = SystemClock()

    @Test func monotonicTimeNeverGoesBack() {
        var last = clock.now
        for _ in 0..<10_000 {
            let now = clock.now
            #expect(now >= last)
            last = now
        }
    }

    @Test func sleepsAtLeastAsLongAsAsked() async throws {
        let start = clock.now
        try await clock.sleep(for: .milliseconds(20))
        #expect(clock.now - start >= .milliseconds(20))
    }

    @Test func aDeadlineInThePastReturnsAtOnce() async throws {
        try await clock.sleep(until: clock.now + .seconds(-100))
    }

    @Test func cancellationEndsASleepAtOnce() async throws {
        let start = clock.now
        let clock = clock
        let sleeper = Task { try await clock.sleep(for: .hours(1)) }
        try await clock.sleep(for: .milliseconds(5))
        sleeper.cancel()
        await #expect(throws: CancellationError.self) { try await sleeper.value }
        #expect(clock.now - start < .minutes(30), "long before the hour is over, however busy the machine")
    }

    @Test func timersRunInOrderOfDeadlineThenOfInsertion() async throws {
        let ran = Lock<[Int]>([])
        // Far enough that a busy machine does not come to the first before the last is in.
        let base = clock.now + .seconds(1)
        for (index, offset) in [(0, 4), (1, 0), (2, 2), (3, 0), (4, 2)] {
            _ = clock.schedule(at: base + .milliseconds(Int64(offset))) { ran.withLock { $0.append(index) } }
        }
        while ran.withLock({ $0.count }) < 5 { try await clock.sleep(for: .milliseconds(2)) }
        #expect(ran.withLock { $0 } == [1, 3, 2, 4, 0])
    }

    @Test func aCancelledTimerDoesNotRun() async throws {
        let ran = Lock(false)
        let timer = clock.schedule(at: clock.now + .seconds(1)) { ran.withLock { $0 = true } }
        timer.cancel()
        timer.cancel()
        try await clock.sleep(for: .milliseconds(1_100))
        #expect(!ran.withLock { $0 })
    }

    @Test func aTimerMayScheduleAnother() async throws {
        let clock = clock
        await withCheckedContinuation { continuation in
            _ = clock.schedule(at: clock.now) {
                _ = clock.schedule(at: clock.now + .milliseconds(1)) { continuation.resume() }
            }
        }
    }

    @Test func aClockThatWentAwayReleasesItsTimers() async throws {
        final class Witness: Sendable {}
        weak var witness: Witness?
        var clock: SystemClock? = SystemClock()
        do {
            let held = Witness()
            witness = held
            _ = clock?.schedule(at: self.clock.now + .hours(1)) { _ = held }
        }
        #expect(witness != nil)
        clock = nil
        for _ in 0..<1_000 where witness != nil { try await self.clock.sleep(for: .milliseconds(2)) }
        #expect(witness == nil)
    }

    @Test func manySleepsAndCancellationsAtOnce() async throws {
        let clock = clock
        await withTaskGroup(of: Bool.self) { group in
            for index in 0..<500 {
                group.addTask {
                    do {
                        try await clock.sleep(for: .milliseconds(Int64(index % 7)))
                        return true
                    } catch { return false }
                }
            }
            for _ in 0..<250 { _ = await group.next() }
            group.cancelAll()
        }
    }
}
