import MillraceCore
import Testing

@Suite struct SimulatedClockTests {
    let clock = SimulatedClock()

    @Test func timeStandsStillUntilItIsMoved() {
        let (now, wall) = (clock.now, clock.wall)
        #expect(clock.now == now)
        clock.advance(by: .seconds(3))
        #expect(clock.now - now == .seconds(3))
        #expect(clock.wall - wall == .seconds(3))
        clock.jumpWall(by: .hours(-1))
        #expect(clock.now - now == .seconds(3))
        #expect(clock.wall - wall == .seconds(3) - .hours(1))
        clock.advance(to: now)
        #expect(clock.now - now == .seconds(3))
    }

    @Test func timersFireAtTheirTimeInOrder() {
        let fired = Lock<[String]>([])
        let start = clock.now
        func timer(_ name: String, _ ms: Int64) -> ClockTimer {
            clock.schedule(at: start + .milliseconds(ms)) { [clock] in
                fired.withLock { $0.append("\(name)@\((clock.now - start).microseconds / 1_000)") }
            }
        }
        _ = timer("c", 20)
        _ = timer("a", 10)
        let cancelled = timer("x", 15)
        _ = timer("b", 10)
        _ = timer("late", 21)
        cancelled.cancel()
        #expect(clock.pendingTimers == 4)
        clock.advance(by: .milliseconds(20))
        #expect(fired.withLock { $0 } == ["a@10", "b@10", "c@20"])
        #expect(clock.advanceToNextTimer())
        #expect(fired.withLock { $0 }.last == "late@21")
        #expect(!clock.advanceToNextTimer())
    }

    @Test func aTimerThatSchedulesTimersRunsThemWithinTheSameAdvance() {
        let fired = Lock(0)
        @Sendable func tick(_ clock: SimulatedClock, _ left: Int) {
            fired.withLock { $0 += 1 }
            if left > 0 { _ = clock.schedule(at: clock.now + .seconds(1)) { [clock] in tick(clock, left - 1) } }
        }
        tick(clock, 100)
        clock.advance(by: .seconds(50))
        #expect(fired.withLock { $0 } == 51)
    }

    @Test func sleepersWakeOnlyWhenTimeComes() async throws {
        let clock = clock
        let woke = Lock(false)
        let sleeper = Task {
            try await clock.sleep(for: .seconds(10))
            woke.withLock { $0 = true }
        }
        while clock.pendingTimers == 0 { await Task.yield() }
        clock.advance(by: .seconds(9))
        for _ in 0..<50 { await Task.yield() }
        #expect(!woke.withLock { $0 })
        clock.advance(by: .seconds(1))
        try await sleeper.value
        #expect(woke.withLock { $0 })
    }

    @Test func aCancelledSleepLeavesNoTimer() async throws {
        let clock = clock
        let sleeper = Task { try await clock.sleep(for: .seconds(10)) }
        while clock.pendingTimers == 0 { await Task.yield() }
        sleeper.cancel()
        await #expect(throws: CancellationError.self) { try await sleeper.value }
        #expect(clock.pendingTimers == 0)
    }

    @Test func anyOrderOfInsertionsAndCancellationsFiresLikeASortedList() {
        for seed in UInt64(1)...100 {
            var random = SeededRandom(seed: seed)
            let clock = SimulatedClock()
            let fired = Lock<[Int]>([])
            var expected: [(deadline: Int64, id: Int)] = []
            var timers: [(id: Int, timer: ClockTimer)] = []
            for id in 0..<200 {
                if random.chance(1, in: 3), let index = timers.indices.randomElement(using: &random) {
                    timers[index].timer.cancel()
                    expected.removeAll { $0.id == timers[index].id }
                    continue
                }
                let deadline = Int64(random.next(upperBound: UInt(40)))
                expected.append((deadline, id))
                let timer = clock.schedule(at: MonotonicTime(nanoseconds: deadline)) {
                    fired.withLock { $0.append(id) }
                }
                timers.append((id, timer))
            }
            clock.advance(by: .seconds(1))
            let order = expected.sorted { ($0.deadline, $0.id) < ($1.deadline, $1.id) }.map(\.id)
            #expect(fired.withLock { $0 } == order, "seed \(seed)")
        }
    }
}
