import MillraceCore
import Testing

@testable import MillraceRuntime

private actor Pinned {
    private let lane: Lane
    private(set) var seen: [Int] = []
    private(set) var offLane = 0
    init(on lane: Lane) { self.lane = lane }
    nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }
    func note(_ n: Int) {
        if !lane.isCurrent { offLane += 1 }
        seen.append(n)
    }
}

private actor Stranded {
    let strand: Strand
    private var inside = false
    private(set) var overlaps = 0
    private(set) var count = 0
    private(set) var lanesSeen: Set<Int> = []
    private let lanes: [Lane]
    init(_ strand: Strand, lanes: [Lane]) { (self.strand, self.lanes) = (strand, lanes) }
    nonisolated var unownedExecutor: UnownedSerialExecutor { strand.asUnownedSerialExecutor() }
    func work() {
        if inside { overlaps += 1 }
        inside = true
        count += 1
        if let lane = lanes.first(where: \.isCurrent) { lanesSeen.insert(lane.index) }
        inside = false
    }
}

private func end(_ lane: Lane) async {
    let once = Once<Void>()
    lane.stop { once.resume(returning: ()) }
    await once.value
}

@Suite struct LaneTests {
    let clock = SystemClock()

    @Test func `an actor pinned to a lane runs on its thread only`() async {
        let lane = Lane(name: "a", clock: clock)
        let actor = Pinned(on: lane)
        for n in 0..<100 { await actor.note(n) }
        #expect(await actor.seen == Array(0..<100))
        #expect(await actor.offLane == 0)
        await end(lane)
    }

    @Test func `posts run in the order they came, together with the actor's jobs`() async throws {
        let lane = Lane(name: "b", clock: clock)
        let order = Lock<[Int]>([])
        for n in 0..<1_000 { try lane.post { order.withLock { $0.append(n) } } }
        await end(lane)
        #expect(order.withLock { $0 } == Array(0..<1_000))
    }

    @Test func `more posts than the limit are refused and those before are not lost`() async throws {
        let lane = Lane(name: "c", clock: clock)
        let (gate, count) = (Monitor(false), Lock(0))
        try lane.post { gate.wait { $0 ? () : nil } }
        var accepted = 0
        var refusal: Failure?
        while refusal == nil {
            do throws(Failure) {
                try lane.post { count.withLock { $0 += 1 } }
                accepted += 1
            } catch { refusal = error }
        }
        #expect(refusal?.code == .limitReached)
        #expect(refusal?.isRetriable == true)
        // The gate's own post is running or waiting, and counts until it runs.
        #expect((Limits.lanePosts - 1...Limits.lanePosts).contains(accepted))
        gate.withLock { $0 = true }
        gate.signal()
        await end(lane)
        #expect(count.withLock { $0 } == accepted)
    }

    @Test func `a stopped lane finishes what is queued and wakes again for a straggler`() async throws {
        let lane = Lane(name: "d", clock: clock)
        let actor = Pinned(on: lane)
        await actor.note(1)
        await end(lane)
        await actor.note(2)
        #expect(await actor.seen == [1, 2])
        await end(lane)
    }

    @Test func `time is accounted as busy, idle or blocked`() async throws {
        let start = clock.now
        let lane = Lane(name: "e", clock: clock)
        let done = Once<Void>()
        try await Task.sleep(for: .milliseconds(30))
        try lane.post { [clock] in
            let until = clock.now + .milliseconds(40)
            while clock.now < until {}
            lane.blocking {
                let later = clock.now + .milliseconds(50)
                while clock.now < later {}
            }
            done.resume(returning: ())
        }
        await done.value
        await end(lane)
        let usage = lane.usage
        #expect(usage.idle >= .milliseconds(25))
        #expect(usage.busy >= .milliseconds(38))
        #expect(usage.blocked >= .milliseconds(48))
        #expect(usage.busy + usage.blocked + usage.idle <= clock.now - start, "no time is accounted twice")
        #expect(usage.jobs == 1 && usage.waiting == 0 && usage.mostWaiting >= 1)
    }

    @Test func `a job that runs for long is seen from outside`() async throws {
        let lane = Lane(name: "f", clock: clock)
        let gate = Monitor(false)
        try lane.post { gate.wait { $0 ? () : nil } }
        let limit = clock.now + .seconds(5)
        while lane.usage.current < .milliseconds(20), clock.now < limit {}
        #expect(lane.usage.current >= .milliseconds(20))
        gate.withLock { $0 = true }
        gate.signal()
        await end(lane)
        #expect(lane.usage.current == .zero)
    }
}

@Suite struct StrandTests {
    let clock = SystemClock()

    @Test func `jobs of a strand never overlap while it moves between lanes`() async {
        let pool = LanePool(count: 3, clock: clock)
        let actor = Stranded(pool.strand("s"), lanes: pool.lanes)
        await withTaskGroup(of: Void.self) { group in
            for worker in 0..<8 {
                group.addTask {
                    for n in 0..<200 {
                        await actor.work()
                        if n % 20 == 0 { actor.strand.move(to: pool.lanes[(n / 20 + worker) % 3]) }
                    }
                }
            }
        }
        #expect(await actor.count == 1_600)
        #expect(await actor.overlaps == 0)
        #expect(await actor.lanesSeen.count > 1)
        #expect(await pool.stop(by: clock.now + .seconds(60)).isEmpty)
    }

    @Test func `a strand with much to do gives way to the others of its lane after a quantum`() async throws {
        let lane = Lane(name: "fair", clock: clock)
        let gate = Monitor(false)
        let order = Lock<[Character]>([])
        try lane.post { gate.wait { $0 ? () : nil } }
        let (busy, quick) = (Strand("busy", on: lane, clock: clock), Strand("quick", on: lane, clock: clock))
        let (a, b) = (Noting(busy, "a", order), Noting(quick, "b", order))
        // All of a's jobs are there before b's one.
        let many = (0..<100).map { _ in Task { await a.note() } }
        while busy.waiting < 100 { await Task.yield() }
        let one = Task { await b.note() }
        while quick.waiting < 1 { await Task.yield() }
        gate.withLock { $0 = true }
        gate.signal()
        for task in many { await task.value }
        await one.value
        let place = try #require(order.withLock { $0 }.firstIndex(of: "b"))
        #expect(place <= Limits.strandQuantumJobs)
        await end(lane)
    }
}

extension StrandTests {
    @Test func `what waits behind a job that does not return goes along when its strand moves`() async throws {
        let (stuck, free) = (Lane(name: "stuck", clock: clock), Lane(name: "free", clock: clock))
        let gate = Monitor(false)
        try stuck.post { gate.wait { $0 ? () : nil } }
        let strand = Strand("s", on: stuck, clock: clock)
        let order = Lock<[Character]>([])
        let actor = Noting(strand, "a", order)
        let waiting = (0..<3).map { _ in Task { await actor.note() } }
        while strand.waiting < 3 { await Task.yield() }
        strand.move(to: free)
        for task in waiting { await task.value }
        // The entry that was left behind does nothing when its lane comes back.
        gate.withLock { $0 = true }
        gate.signal()
        await end(stuck)
        await actor.note()
        #expect(order.withLock { $0 } == ["a", "a", "a", "a"])
        await end(free)
    }
}

private actor Noting {
    private let strand: Strand, name: Character, order: Lock<[Character]>
    init(_ strand: Strand, _ name: Character, _ order: Lock<[Character]>) {
        (self.strand, self.name, self.order) = (strand, name, order)
    }
    nonisolated var unownedExecutor: UnownedSerialExecutor { strand.asUnownedSerialExecutor() }
    func note() { order.withLock { $0.append(name) } }
}

@Suite struct LanePoolTests {
    @Test func `a newcomer gets the lane with the fewest seats, then the one that was busy least`() {
        #expect(LaneBalance.leastLoaded(seats: [2, 1, 3], busy: [.zero, .seconds(9), .zero]) == 1)
        #expect(LaneBalance.leastLoaded(seats: [1, 1, 1], busy: [.seconds(3), .seconds(1), .seconds(2)]) == 1)
        #expect(LaneBalance.leastLoaded(seats: [0, 0], busy: [.zero, .zero]) == 0)
    }

    @Test func `equal lanes are left alone and unequal ones are made equal with few moves`() {
        let equal: [(lane: Int, load: Double)] = [(0, 0.5), (1, 0.4)]
        #expect(LaneBalance.moves(seats: equal, lanes: 2).isEmpty)
        let unequal: [(lane: Int, load: Double)] = [(0, 0.45), (0, 0.45), (0, 0.05), (1, 0.0)]
        #expect(LaneBalance.moves(seats: unequal, lanes: 2) == [.init(seat: 0, from: 0, lane: 1)])
        // One task that fills a lane alone cannot be made smaller by moving it.
        #expect(LaneBalance.moves(seats: [(0, 1.0), (1, 0.0)], lanes: 2).isEmpty)
    }

    @Test func `rebalancing moves the strand and its seat`() async {
        let clock = SystemClock()
        let pool = LanePool(count: 2, clock: clock)
        let strands = (0..<4).map { pool.strand("\($0)") }
        #expect(strands.map(\.lane.index) == [0, 1, 0, 1])
        strands[1].move(to: pool.lanes[0])
        #expect(pool.rebalance(strands.map { ($0, 0.3) }) == 1)
        #expect(strands.filter { $0.lane.index == 1 }.count == 2)
        #expect(await pool.stop(by: clock.now + .seconds(60)).isEmpty)
    }

    @Test func `a lane that does not come back is closed, relieved and replaced`() async throws {
        let clock = SystemClock()
        let pool = LanePool(count: 2, clock: clock)
        let strands = (0..<4).map { pool.strand("\($0)") }
        let gate = Monitor(false)
        // Strand 0 is in a job on lane 0 that does not return; strand 2 waits behind it.
        let blocker = Blocker(strands[0], gate)
        async let blocked: Void = blocker.wait()
        while !strands[0].isRunning { await Task.yield() }
        while pool.lanes[0].usage.current < Limits.laneStuck { try await Task.sleep(for: .milliseconds(20)) }
        #expect(pool.rebalance(strands.map { ($0, 0.0) }) == 1)
        #expect(pool.lanes.count == 3)
        #expect(strands.map(\.lane.index) == [0, 1, 2, 1])
        // Nobody new is placed there, though it has the fewest seats.
        #expect(pool.strand("new").lane.index == 2)
        #expect(pool.rebalance(strands.map { ($0, 0.0) }) == 0)
        gate.withLock { $0 = true }
        gate.signal()
        await blocked
        #expect(await pool.stop(by: clock.now + .seconds(60)).isEmpty)
    }

    @Test func `loads are not evened out onto a lane that is closed`() {
        let unequal: [(lane: Int, load: Double)] = [(0, 0.45), (0, 0.45), (1, 0.0), (2, 0.3)]
        let moves = LaneBalance.moves(seats: unequal, lanes: 3, closed: [1])
        #expect(moves.allSatisfy { $0.lane != 1 && $0.from != 1 })
        #expect(LaneBalance.leastLoaded(seats: [3, 0, 1], busy: [.zero, .zero, .zero], closed: [1]) == 2)
        #expect(LaneBalance.leastLoaded(seats: [3, 0], busy: [.zero, .zero], closed: [0, 1]) == 1)
    }

    @Test func `stopping names the lanes that are still at work at the deadline`() async throws {
        let clock = SystemClock()
        let pool = LanePool(count: 2, name: "p", clock: clock)
        let gate = Monitor(false)
        try pool.lanes[1].post { gate.wait { $0 ? () : nil } }
        #expect(await pool.stop(by: clock.now + .milliseconds(50)) == ["p-1"])
        gate.withLock { $0 = true }
        gate.signal()
    }
}

private actor Blocker {
    private let strand: Strand, gate: Monitor<Bool>
    init(_ strand: Strand, _ gate: Monitor<Bool>) { (self.strand, self.gate) = (strand, gate) }
    nonisolated var unownedExecutor: UnownedSerialExecutor { strand.asUnownedSerialExecutor() }
    func wait() { gate.wait { $0 ? () : nil } }
}
