import MillraceCore
import Testing

@testable import MillraceRuntime

private func fast(_ intensity: Int? = 5) -> RestartPolicy {
    RestartPolicy(intensity: intensity, backoff: Backoff(first: .milliseconds(1), last: .milliseconds(2)))
}

private func until(_ limit: TimeSpan = .seconds(120), _ condition: () -> Bool) async -> Bool {
    let clock = SystemClock()
    let end = clock.now + limit
    while clock.now < end {
        if condition() { return true }
        try? await clock.sleep(for: .milliseconds(1))
    }
    return condition()
}

/// The supervisor with real tasks and the machine's clock.
@Suite struct SupervisorTests {
    let clock = SystemClock()
    func supervisor(_ options: SupervisorState.Options = .init(), _ name: String = "s") -> Supervisor {
        Supervisor(name, options, clock: clock, random: SeededRandom(seed: 5))
    }

    @Test func `a child that throws runs again, as a new incarnation`() async throws {
        let s = supervisor(.init(endsWhenDone: true))
        let seen = Lock<[UInt64]>([])
        try s.add(
            Child("a", restart: .transient, policy: fast()) { context in
                let count = seen.withLock {
                    $0.append(context.incarnation)
                    return $0.count
                }
                if count < 4 { throw Failure(.io, "again") }
            })
        try await s.run()
        #expect(seen.withLock { $0 } == [1, 2, 3, 4])
    }

    @Test func `errors of any type are failures with their cause`() async throws {
        struct Odd: Error {}
        let s = supervisor(.init(endsWhenDone: true))
        try s.add(Child("a", policy: fast(0)) { _ in throw Odd() })
        let failure = await #expect(throws: Failure.self) { try await s.run() }
        #expect(failure?.code == .restartIntensity)
        #expect((failure?.cause as? Failure)?.cause is Odd)
    }

    @Test func `cancelling run stops the children in reverse order and returns when they have ended`() async throws {
        let s = supervisor()
        let order = Lock<[String]>([])
        for id in ["a", "b", "c"] {
            try s.add(
                Child(ChildRule(id, shutdown: .seconds(300))) { _ in
                    do { try await SystemClock().sleep(for: .seconds(100)) } catch { order.withLock { $0.append(id) } }
                })
        }
        let running = Task { try await s.run() }
        #expect(await until { s.children.filter { $0.phase == .running }.count == 3 })
        running.cancel()
        try await running.value
        #expect(order.withLock { $0 } == ["c", "b", "a"])
        #expect(s.children.allSatisfy { $0.phase == .stopped })
    }

    @Test func `escalation is a failure of the parent's child, which starts the whole branch afresh`() async throws {
        let clock = clock
        let (starts, inner) = (Lock(0), Lock(0))
        let outer = supervisor(.init(endsWhenDone: true), "outer")
        try outer.add(
            Child("branch", restart: .transient, policy: fast()) { _ in
                starts.withLock { $0 += 1 }
                let branch = Supervisor(
                    "branch", .init(endsWhenDone: true), clock: clock, random: SeededRandom(seed: 1))
                try branch.add(
                    Child("leaf", restart: .transient, policy: fast(1)) { _ in
                        // Fails 1 + 1 restart, twice over, and then succeeds.
                        if inner.withLock({
                            $0 += 1
                            return $0
                        }) <= 4 {
                            throw Failure(.io, "leaf")
                        }
                    })
                try await branch.run()
            })
        try await outer.run()
        #expect(starts.withLock { $0 } == 3)
        #expect(inner.withLock { $0 } == 5)
    }

    @Test func `death watch tells exactly once, and at once when nothing is alive`() async throws {
        let s = supervisor()
        let gate = Mailbox<Int>("gate", clock: clock)
        let told = Lock<[String]>([])
        try s.add(
            Child("a", policy: fast()) { _ in
                _ = await gate.receive()
                throw Failure(.corrupt, "end")
            })
        let running = Task { try await s.run() }
        #expect(await until { s.children.first?.phase == .running })
        for n in 0..<3 {
            try s.watch("a") { termination in
                if case .failed(let failure) = termination.reason { told.withLock { $0.append("\(n)\(failure.code)") } }
            }
        }
        try s.watch("a") { _ in told.withLock { $0.append("cancelled") } }.cancel()
        try s.watch("nobody") { termination in
            if case .notAlive = termination.reason { told.withLock { $0.append("nobody") } }
        }
        #expect(told.withLock { $0 } == ["nobody"])
        _ = try gate.offer(1)
        #expect(await until { s.children.first?.restarts == 1 })
        _ = try gate.offer(2)
        #expect(await until { s.children.first?.restarts == 2 })
        #expect(told.withLock { $0 } == ["nobody", "0corrupt", "1corrupt", "2corrupt"])
        running.cancel()
        _ = try gate.offer(3)
        gate.close()
        try await running.value
    }

    @Test func `an actor pinned to a lane is supervised like anything else`() async throws {
        let lane = Lane(name: "sup", clock: clock)
        let s = supervisor(.init(endsWhenDone: true))
        let wasOnLane = Lock<[Bool]>([])
        try s.add(
            Child("actor", restart: .transient, policy: fast()) { _ in
                let worker = Worker(lane)
                try await worker.run { wasOnLane.withLock { $0.append(lane.isCurrent) } }
            })
        try await s.run()
        #expect(wasOnLane.withLock { $0 } == [true])
        lane.stop()
    }

    @Test func `a child that ignores cancellation is abandoned, fenced, and replaced`() async throws {
        let s = supervisor()
        let gate = Monitor(false)
        let fenced = Lock<[Bool]>([])
        let executor = BlockingExecutor(threads: 1)
        let rule = ChildRule("a", policy: fast(), shutdown: .milliseconds(20))
        try s.add(
            Child(rule) { context in
                guard context.incarnation == 1 else { return try await SystemClock().sleep(for: .seconds(100)) }
                // Waits for ever, whatever it is told.
                try await executor.run { gate.wait { $0 ? () : nil } }
                fenced.withLock { $0.append(context.isFenced) }
            })
        let running = Task { try await s.run() }
        #expect(await until { s.children.first?.phase == .running })
        s.restart("a", because: Failure(.timedOut, "stuck"))
        #expect(await until { s.children.first?.incarnation == 2 && s.children.first?.phase == .running })
        gate.withLock { $0 = true }
        gate.broadcast()
        #expect(await until { fenced.withLock { $0 } == [true] })
        #expect(s.children.first?.phase == .running)
        running.cancel()
        try await running.value
    }

    @Test func `names are unique and an ended supervisor takes no child`() async throws {
        let s = supervisor(.init(endsWhenDone: true))
        try s.add(Child("a", restart: .transient) { _ in })
        let twice = #expect(throws: Failure.self) { try s.add(Child("a") { _ in }) }
        #expect(twice?.code == .alreadyExists)
        try await s.run()
        let late = #expect(throws: Failure.self) { try s.add(Child("b") { _ in }) }
        #expect(late?.code == .closed)
    }

    @Test func `children that come and go leave nothing behind`() async throws {
        let s = supervisor()
        let running = Task { try await s.run() }
        let done = Lock(0)
        for n in 0..<2_000 {
            try s.add(Child("t\(n)", restart: .temporary) { _ in done.withLock { $0 += 1 } })
        }
        #expect(await until { done.withLock { $0 } == 2_000 && s.children.isEmpty })
        #expect(await until { s.leftovers == 0 })
        running.cancel()
        try await running.value
    }
}

private actor Worker {
    private let lane: Lane
    init(_ lane: Lane) { self.lane = lane }
    nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }
    func run(_ body: @Sendable () -> Void) throws { body() }
}
