import MillraceCore
import Testing

@testable import MillraceRuntime

/// Each rule of supervision, stated and tested by itself, on virtual time.
@Suite struct SupervisionRuleTests {
    let second = TimeSpan.seconds(1)

    // MARK: Strategies

    @Test func `one-for-one restarts the failed child alone`() {
        var s = SupervisorDriver(.oneForOne, "abc")
        s.fail("b")
        s.pass(second)
        #expect(s.takeLog() == "+b")
        #expect(s.running.count == 3)
    }

    @Test func `one-for-all stops the others in reverse order and starts all in order`() {
        var s = SupervisorDriver(.oneForAll, "abcd")
        s.fail("b")
        #expect(s.takeLog() == "-d-c-a")
        s.pass(second)
        #expect(s.takeLog() == "+a+b+c+d")
    }

    @Test func `rest-for-one stops those after the failed child in reverse order and starts them in order`() {
        var s = SupervisorDriver(.restForOne, "abcd")
        s.fail("b")
        #expect(s.takeLog() == "-d-c")
        s.pass(second)
        #expect(s.takeLog() == "+b+c+d")
        #expect(s.running["a"] == 1, "the one before went on")
    }

    @Test func `a child that fails while its group is being stopped is not restarted twice`() {
        var s = SupervisorDriver(.oneForAll, "abc")
        s.stubborn = ["c"]
        s.fail("a")
        #expect(s.takeLog() == "-c")
        s.fail("b")
        s.fail("c")
        s.pass(.seconds(2))
        #expect(s.takeLog() == "+a+b+c")
    }

    @Test func `an earlier child that fails meanwhile widens the group of rest-for-one`() {
        var s = SupervisorDriver(.restForOne, "abc")
        s.fail("c")
        s.fail("a")
        #expect(s.takeLog() == "-b")
        s.pass(second)
        #expect(s.takeLog() == "+a+b+c")
    }

    // MARK: Restart kinds

    @Test func `a permanent child is restarted also when it ended without a failure`() {
        var s = SupervisorDriver(.oneForOne, "a")
        s.finish("a")
        s.pass(second)
        #expect(s.takeLog() == "+a")
    }

    @Test func `a transient child is restarted after a failure and left after it finished`() {
        var s = SupervisorDriver()
        s.send(.add(ChildRule("a", restart: .transient)))
        s.send(.begin)
        s.fail("a")
        s.pass(second)
        #expect(s.takeLog() == "+a+a")
        s.finish("a")
        s.pass(.hours(1))
        #expect(s.takeLog() == "")
        #expect(s.phase("a") == .finished)
    }

    @Test func `a temporary child is never restarted and is forgotten when it ends`() {
        var s = SupervisorDriver()
        s.send(.add(ChildRule("a", restart: .temporary)))
        s.send(.add(ChildRule("b", restart: .temporary)))
        s.send(.begin)
        s.fail("a")
        s.finish("b")
        s.pass(.hours(1))
        #expect(s.takeLog() == "+a+b")
        #expect(s.state.count == 0)
    }

    @Test func `a finished child stays finished when its group restarts`() {
        var s = SupervisorDriver(.init(strategy: .oneForAll))
        for id in ["a", "b"] { s.send(.add(ChildRule(id, restart: .transient))) }
        s.send(.begin)
        s.finish("a")
        s.fail("b")
        s.pass(second)
        #expect(s.takeLog() == "+a+b+b")
    }

    // MARK: Back-off

    @Test func `back-off doubles from 100 ms to 30 s with 20 per cent of jitter either way`() {
        var random = SeededRandom(seed: 3)
        let backoff = Backoff()
        var smallest = 1.0, largest = 1.0
        for attempt in 1...60 {
            let middle = min(100_000 * Double(sign: .plus, exponent: attempt - 1, significand: 1), 30_000_000)
            for _ in 0..<50 {
                let ratio = Double(backoff.delay(attempt: attempt, random: &random).microseconds) / middle
                smallest = min(smallest, ratio)
                largest = max(largest, ratio)
            }
        }
        #expect(smallest >= 0.8 && largest <= 1.2, "\(smallest) … \(largest)")
        #expect(smallest < 0.82 && largest > 1.18, "the jitter is really there: \(smallest) … \(largest)")
    }

    @Test func `the first restart waits 100 ms and the next ones longer`() throws {
        var s = SupervisorDriver(.oneForOne, "a")
        var waits: [Int64] = []
        for _ in 0..<5 {
            s.fail("a")
            waits.append(try #require(s.nextTimer).microseconds)
            s.pass(.seconds(3))
        }
        for (n, wait) in waits.enumerated() {
            let middle = Int64(100_000) << Int64(n)
            #expect((middle * 8 / 10...middle * 12 / 10).contains(wait))
        }
    }

    @Test func `back-off starts afresh after a quiet time`() throws {
        var s = SupervisorDriver(.oneForOne, "a")
        for _ in 0..<4 {
            s.fail("a")
            s.pass(.seconds(3))
        }
        s.pass(.seconds(60))
        s.fail("a")
        #expect(try #require(s.nextTimer) <= .milliseconds(120))
    }

    // MARK: Intensity, giving up, escalation

    @Test func `five restarts within 60 s are allowed and the sixth failure escalates`() {
        var s = SupervisorDriver(.oneForOne, "ab")
        for _ in 0..<5 {
            s.fail("a")
            s.pass(.seconds(4))
            #expect(s.running["a"] != nil)
        }
        #expect(!s.isEnded)
        s.takeLogAway()
        s.fail("a")
        #expect(s.takeLog() == "-b", "the others are stopped")
        #expect(s.failure?.code == .restartIntensity)
        #expect(s.failure?.isFatal == true)
        #expect((s.failure?.cause as? Failure)?.code == .io)
    }

    @Test func `failures spread over more than the period never escalate`() {
        var s = SupervisorDriver(.oneForOne, "a")
        for _ in 0..<100 {
            s.fail("a")
            s.pass(.seconds(13))  // five in 65 s, or fewer while the back-off is longer
        }
        s.pass(Limits.restartBackoffLast * 2)
        #expect(!s.isEnded && s.running["a"] != nil)
    }

    @Test func `each child of one-for-one has its own intensity, a group has one together`() {
        var alone = SupervisorDriver(.oneForOne, "abcdef")
        var together = SupervisorDriver(.oneForAll, "abcdef")
        for id in "abcdef" {
            alone.fail(String(id))
            alone.pass(.seconds(5))
            together.fail(String(id))
            together.pass(.seconds(5))
        }
        #expect(!alone.isEnded && alone.running.count == 6)
        #expect(together.failure?.code == .restartIntensity)
    }

    @Test func `leave-failed keeps the others running and shows the child as failed`() {
        var s = SupervisorDriver(.init(givingUp: .leaveFailed))
        for id in ["a", "b"] { s.send(.add(ChildRule(id))) }
        s.send(.begin)
        for _ in 0..<6 {
            s.fail("a")
            s.pass(.seconds(4))
        }
        #expect(s.phase("a") == .failed)
        #expect(s.phase("b") == .running)
        #expect(!s.isEnded)
    }

    @Test func `a child that was given up can be started by hand, with all its restarts`() {
        var s = SupervisorDriver(.init(givingUp: .leaveFailed))
        s.send(.add(ChildRule("a")))
        s.send(.begin)
        for _ in 0..<6 {
            s.fail("a")
            s.pass(.seconds(4))
        }
        s.send(.restart("a", Failure(.io, "by hand")))
        #expect(s.phase("a") == .running)
        #expect(s.state.status(at: s.now)[0].restartsLeft == 5)
    }

    @Test func `the directive of a failure overrides the restart kind`() {
        var s = SupervisorDriver(.oneForOne, "ab")
        s.fail("a", .stop)
        s.pass(.hours(1))
        #expect(s.phase("a") == .failed && s.phase("b") == .running)
        s.fail("b", .escalate, code: .corrupt)
        #expect(s.failure?.code == .corrupt)
    }

    // MARK: Order and deadlines

    @Test func `children start in the order of adding and stop in reverse`() {
        var s = SupervisorDriver()
        for id in "abc" { s.send(.add(ChildRule(String(id)))) }
        s.send(.begin)
        s.send(.shutdown)
        #expect(s.takeLog() == "+a+b+c-c-b-a")
        #expect(s.endedWell)
        #expect(s.timers.isEmpty)
    }

    @Test func `the next child starts when the one before is ready`() {
        var s = SupervisorDriver()
        s.send(.add(ChildRule("a", announcesReadiness: true)))
        s.send(.add(ChildRule("b")))
        s.send(.begin)
        s.pass(second)
        #expect(s.takeLog() == "+a")
        s.send(.ready("a", s.running["a"] ?? 0))
        #expect(s.takeLog() == "+b")
    }

    @Test func `a child that fails before it is ready is awaited through its restart`() {
        var s = SupervisorDriver()
        s.send(.add(ChildRule("a", announcesReadiness: true)))
        s.send(.add(ChildRule("b")))
        s.send(.begin)
        s.fail("a")
        s.pass(second)
        #expect(s.takeLog() == "+a+a")
        s.send(.ready("a", s.running["a"] ?? 0))
        #expect(s.takeLog() == "+b")
    }

    @Test func `a child that is not ready in time does not hold up the next one`() {
        var s = SupervisorDriver()
        s.send(.add(ChildRule("a", announcesReadiness: true, start: .seconds(5))))
        s.send(.add(ChildRule("b")))
        s.send(.begin)
        s.pass(.seconds(6))
        #expect(s.takeLog() == "+a+b")
        #expect(s.phase("a") == .starting)
    }

    @Test func `a child that does not stop in time is abandoned and shutdown goes on`() {
        var s = SupervisorDriver(.oneForOne, "abc")
        s.stubborn = ["b"]
        s.send(.shutdown)
        #expect(s.takeLog() == "-c-b")
        s.pass(Limits.childShutdown)
        #expect(s.takeLog() == "!b-a")
        #expect(s.endedWell)
    }

    @Test func `the deadline of the whole shutdown cuts it short`() {
        var s = SupervisorDriver(.init(shutdown: .seconds(15)))
        for id in "abc" { s.send(.add(ChildRule(String(id)))) }
        s.stubborn = ["a", "b", "c"]
        s.send(.begin)
        s.send(.shutdown)
        s.pass(.seconds(16))
        #expect(s.takeLog() == "+a+b+c-c!c-b!b-a!a")
        #expect(s.endedWell)
    }

    @Test func `stopping together cancels all at once`() {
        var s = SupervisorDriver(.init(stopsTogether: true))
        for id in "abc" { s.send(.add(ChildRule(String(id)))) }
        s.stubborn = ["a", "b", "c"]
        s.send(.begin)
        s.send(.shutdown)
        #expect(s.takeLog() == "+a+b+c-c-b-a")
        for id in "bca" { s.finish(String(id)) }
        #expect(s.endedWell)
    }

    @Test func `an abandoned incarnation that ends later is ignored`() {
        var s = SupervisorDriver(.oneForOne, "a")
        s.stubborn = ["a"]
        let old = s.running["a"] ?? 0
        s.send(.restart("a", Failure(.timedOut, "stuck")))
        s.pass(Limits.childShutdown + second)
        #expect(s.takeLog() == "-a!a+a")
        #expect(s.state.isCurrent("a", old) == false)
        s.send(.ended("a", old, .failed(Failure(.io, "late"))))
        #expect(s.phase("a") == .running)
    }

    @Test func `a stuck child is cancelled and counts as failed`() {
        var s = SupervisorDriver(.oneForOne, "a")
        s.send(.restart("a", Failure(.timedOut, "no progress")))
        s.pass(second)
        #expect(s.takeLog() == "-a+a")
        #expect(s.state.status(at: s.now)[0].restarts == 1)
        #expect(s.state.status(at: s.now)[0].lastFailure?.code == .timedOut)
    }

    @Test func `a removed child is stopped within its deadline and forgotten`() {
        var s = SupervisorDriver(.oneForOne, "ab")
        s.stubborn = ["a"]
        s.send(.remove("a"))
        #expect(s.takeLog() == "-a")
        s.pass(Limits.childShutdown)
        #expect(s.phase("a") == nil)
        s.fail("b")
        s.send(.remove("b"))
        s.pass(.hours(1))
        #expect(s.takeLog() == "!a", "a child that waits for its restart is not started any more")
    }

    @Test func `shutdown during a back-off starts nothing`() {
        for strategy in [SupervisionStrategy.oneForOne, .oneForAll, .restForOne] {
            var s = SupervisorDriver(strategy, "ab")
            s.fail("a")
            s.send(.shutdown)
            s.pass(.hours(1))
            #expect(!s.takeLog().contains("+"))
            #expect(s.endedWell)
        }
    }

    @Test func `a failure during shutdown is no restart`() {
        var s = SupervisorDriver(.oneForOne, "ab")
        s.stubborn = ["b"]
        s.send(.shutdown)
        s.fail("a")
        s.fail("b")
        #expect(s.takeLog() == "-b")
        #expect(s.endedWell)
    }

    @Test func `the supervisor ends when all are done, if told so, with the failure of one that was given up`() {
        var good = SupervisorDriver(.init(endsWhenDone: true))
        var bad = SupervisorDriver(.init(givingUp: .leaveFailed, endsWhenDone: true))
        for id in ["a", "b"] {
            good.send(.add(ChildRule(id, restart: .transient)))
            bad.send(.add(ChildRule(id, restart: .transient, policy: RestartPolicy(intensity: 0))))
        }
        good.send(.begin)
        bad.send(.begin)
        good.finish("a")
        #expect(!good.isEnded)
        good.finish("b")
        #expect(good.endedWell)
        bad.fail("a")
        #expect(!bad.isEnded)
        bad.finish("b")
        #expect(bad.failure?.code == .restartIntensity)
    }

    // MARK: Storms and clocks

    @Test(arguments: [UInt64(1), 2, 3]) func `a storm of 10,000 failing children is counted exactly`(seed: UInt64) {
        let count = 10_000
        var s = SupervisorDriver(.init(givingUp: .leaveFailed), seed: seed)
        for n in 0..<count { s.send(.add(ChildRule("c\(n)"))) }
        s.send(.begin)
        var random = SeededRandom(seed: seed)
        var failures = [Int](repeating: 0, count: count)
        // Within 60 s every child fails nought to eight times.
        let wanted = (0..<count).map { _ in Int(random.next(upperBound: UInt64(9))) }
        for _ in 0..<9 {
            for n in 0..<count where failures[n] < wanted[n] && s.running["c\(n)"] != nil {
                s.fail("c\(n)")
                failures[n] += 1
            }
            s.pass(.seconds(5))
        }
        for (n, status) in s.state.status(at: s.now).enumerated() {
            #expect(status.restarts == min(wanted[n], 5), "c\(n), seed \(seed)")
            #expect(status.phase == (wanted[n] > 5 ? .failed : .running), "c\(n), seed \(seed)")
        }
        let restarts = s.log.count - count
        #expect(restarts == wanted.reduce(0) { $0 + min($1, 5) })
        // What failed together does not come back together.
        s.send(.shutdown)
        #expect(s.endedWell && s.timers.isEmpty)
    }

    @Test func `ten thousand that fail at once come back spread over the jitter`() {
        var s = SupervisorDriver()
        for n in 0..<10_000 { s.send(.add(ChildRule("c\(n)"))) }
        s.send(.begin)
        for n in 0..<10_000 { s.fail("c\(n)") }
        let times = s.timers.values.map { ($0 - s.now).microseconds }
        #expect(times.allSatisfy { (80_000...120_000).contains($0) })
        let perMillisecond = Dictionary(grouping: times, by: { $0 / 1_000 }).values.map(\.count)
        #expect((perMillisecond.max() ?? 0) < 600, "10,000 over 40 ms")
    }

    @Test func `a clock that jumps ahead fires each timer once and forgets old restarts`() {
        var s = SupervisorDriver(.oneForOne, "a")
        for _ in 0..<5 {
            s.fail("a")
            s.pass(.days(365))
        }
        s.fail("a")
        s.pass(second)
        #expect(s.takeLog() == "+a+a+a+a+a+a")
        #expect(!s.isEnded)
    }

    @Test func `a clock that stands still counts restarts against the intensity`() {
        var s = SupervisorDriver(.oneForOne, "a", policy: RestartPolicy(backoff: Backoff(first: .zero, last: .zero)))
        for _ in 0..<6 {
            s.fail("a")
            s.pass(.zero)
        }
        #expect(s.failure?.code == .restartIntensity)
    }

    @Test func `a stale timer does nothing`() {
        var s = SupervisorDriver(.oneForOne, "a")
        s.fail("a")
        let token = s.timers.keys.first ?? 0
        s.pass(second)
        s.send(.timer(token))
        s.send(.timer(12_345))
        #expect(s.takeLog() == "+a")
    }
}

extension SupervisorDriver {
    mutating func takeLogAway() { log = [] }
}

/// Whatever happens in whatever order, a few things always hold.
@Suite struct SupervisorStateRandomTests {
    @Test(arguments: 0..<300) func `random inputs never break the invariants`(n: Int) {
        var random = SeededRandom(seed: UInt64(n) &* 7_919 &+ 11)
        let strategies: [SupervisionStrategy] = [.oneForOne, .oneForAll, .restForOne]
        let strategy = strategies[n % 3]
        var s = SupervisorDriver(
            .init(strategy: strategy, endsWhenDone: random.chance(1, in: 3), stopsTogether: random.chance(1, in: 3)))
        var next = 0
        s.send(.begin)
        for _ in 0..<200 where !s.isEnded {
            let ids = s.state.status(at: s.now).map(\.id)
            let id = ids.isEmpty ? "x" : ids[Int(random.next(upperBound: UInt64(ids.count)))]
            switch random.next(upperBound: UInt64(14)) {
            case 0, 1:
                let kinds: [Restart] = [.permanent, .transient, .temporary]
                s.send(
                    .add(
                        ChildRule(
                            "c\(next)", restart: kinds[Int(random.next(upperBound: UInt64(3)))],
                            announcesReadiness: random.chance(1, in: 4))))
                next += 1
            case 2: s.finish(id)
            case 3, 4: s.fail(id)
            case 5: s.send(.remove(id))
            case 6: s.send(.restart(id, Failure(.timedOut, "stuck")))
            case 7: s.send(.ready(id, s.running[id] ?? 0))
            case 8: if random.chance(1, in: 2) { s.stubborn.insert(id) } else { s.stubborn.remove(id) }
            case 9: if random.chance(1, in: 40) { s.send(.shutdown) }
            case 10: s.send(.ended(id, random.next(upperBound: UInt64(40)), .finished))
            default: s.pass(.milliseconds(Int64(random.next(upperBound: UInt64(30_000)))))
            }
            let status = s.state.status(at: s.now)
            let open = status.filter { !$0.phase.isOver }.count
            #expect(s.state.open == open, "seed \(n)")
            for child in status where child.phase == .running && !s.isEnded {
                #expect(s.running[child.id] == child.incarnation, "seed \(n) \(child.id)")
            }
        }
        // Shutdown ends within its deadline, whatever was going on, and leaves no timer.
        s.send(.shutdown)
        s.pass(.seconds(61))
        #expect(s.isEnded, "seed \(n)")
        #expect(s.timers.isEmpty, "seed \(n)")
        #expect(s.state.status(at: s.now).allSatisfy { !$0.phase.isAlive }, "seed \(n)")
        // Nobody waits for ever: what was started was started with a rising incarnation.
        let started = s.events.compactMap { event -> UInt64? in
            if case .started = event.kind { return event.incarnation }
            return nil
        }
        #expect(started == started.sorted() && Set(started).count == started.count, "seed \(n)")
    }
}
