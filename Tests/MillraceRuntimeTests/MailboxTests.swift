import MillraceCore
import Testing

@testable import MillraceRuntime

private func until(_ condition: () -> Bool) async -> Bool {
    let clock = SystemClock()
    let end = clock.now + .seconds(120)
    while clock.now < end {
        if condition() { return true }
        try? await clock.sleep(for: .milliseconds(1))
    }
    return condition()
}

/// Each rule of mailboxes, stated and tested by itself.
@Suite struct MailboxTests {
    let clock = SystemClock()

    // MARK: Order and bounds

    @Test func `messages come out in the order they were accepted`() async throws {
        let box = Mailbox<Int>("m", capacity: 10_000, clock: clock)
        for n in 0..<5_000 { #expect(try box.offer(n) == .accepted) }
        for n in 0..<5_000 { #expect(await box.receive() == n) }
    }

    @Test func `each sender's messages stay in order when many send under back pressure`() async throws {
        let box = Mailbox<(Int, Int)>("m", capacity: 7, clock: clock)
        let receiver = Task {
            var last = [Int](repeating: -1, count: 8)
            var count = 0
            while let (sender, n) = await box.receive() {
                guard n == last[sender] + 1 else { return -1 }
                last[sender] = n
                count += 1
            }
            return count
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for sender in 0..<8 { group.addTask { for n in 0..<500 { try await box.send((sender, n)) } } }
            try await group.waitForAll()
        }
        box.close()
        #expect(await receiver.value == 4_000)
        #expect(box.usage.mostMessages <= 7)
        #expect(box.usage.accepted == 4_000)
    }

    @Test func `back pressure makes the sender wait until there is room, in order`() async throws {
        let box = Mailbox<Int>("m", capacity: 1, clock: clock)
        try await box.send(0)
        #expect(try box.offer(99) == nil, "an offer does not wait and keeps the message")
        let order = Lock<[Int]>([])
        var senders: [Task<Void, any Error>] = []
        for n in 1...5 {
            senders.append(
                Task {
                    try await box.send(n)
                    order.withLock { $0.append(n) }
                })
            #expect(await until { box.usage.waitingSenders == n })
        }
        #expect(order.withLock { $0 }.isEmpty)
        for n in 0...5 {
            #expect(await box.receive() == n)
            #expect(await until { order.withLock { $0.count } == min(n + 1, 5) })
        }
    }

    @Test func `drop-oldest keeps the newest and counts and tells what went`() async throws {
        let letters = UndeliveredLetters(clock: clock)
        let box = Mailbox<Int>("m", capacity: 3, overflow: .dropOldest, clock: clock, letters: letters)
        for n in 0..<5 { _ = try box.offer(n) }
        #expect(try box.offer(5) == .acceptedDropping(1))
        #expect(await box.receiveBatch(limit: 10) == [3, 4, 5])
        #expect(letters.latest.map(\.text) == ["0", "1", "2"])
        #expect(letters.count(.overflow) == 3 && box.usage.dropped == 3)
    }

    @Test func `drop-newest keeps the oldest and counts and tells what went`() async throws {
        let letters = UndeliveredLetters(clock: clock)
        let box = Mailbox<Int>("m", capacity: 3, overflow: .dropNewest, clock: clock, letters: letters)
        for n in 0..<3 { #expect(try box.offer(n) == .accepted) }
        #expect(try await box.send(3) == .dropped)
        #expect(await box.receiveBatch(limit: 10) == [0, 1, 2])
        #expect(letters.latest.map(\.text) == ["3"])
    }

    @Test func `fail refuses with a retriable failure`() throws {
        let box = Mailbox<Int>("m", capacity: 1, overflow: .fail, clock: clock)
        _ = try box.offer(0)
        let failure = #expect(throws: Failure.self) { try box.offer(1) }
        #expect(failure?.code == .limitReached && failure?.isRetriable == true)
        #expect(box.usage.refused == 1)
    }

    @Test func `bytes are bounded as well as count, and one too large goes alone`() throws {
        let box = Mailbox<[UInt8]>("m", capacity: 100, bytes: 10, clock: clock) { $0.count }
        #expect(try box.offer([UInt8](repeating: 0, count: 6)) == .accepted)
        #expect(try box.offer([UInt8](repeating: 0, count: 5)) == nil)
        #expect(try box.offer([UInt8](repeating: 0, count: 4)) == .accepted)
        #expect(box.usage.bytes == 10)
        _ = (box.poll(), box.poll())
        #expect(try box.offer([UInt8](repeating: 0, count: 1_000)) == .accepted)
        #expect(try box.offer([1]) == nil)
        _ = box.poll()
        #expect(box.usage.bytes == 0)
    }

    // MARK: Closing and cancelling

    @Test func `a closed mailbox delivers what it has, then ends, and refuses more`() async throws {
        let letters = UndeliveredLetters(clock: clock)
        let box = Mailbox<Int>("m", capacity: 2, clock: clock, letters: letters)
        _ = (try box.offer(1), try box.offer(2))
        let waiting = Task { try await box.send(3) }
        #expect(await until { box.usage.waitingSenders == 1 })
        box.close()
        let failure = await #expect(throws: Failure.self) { try await waiting.value }
        #expect(failure?.code == .closed)
        #expect(throws: Failure.self) { try box.offer(4) }
        #expect(await box.receive() == 1)
        #expect(await box.receive() == 2)
        #expect(await box.receive() == nil)
        #expect(letters.latest.map(\.text) == ["3", "4"])
    }

    @Test func `an abandoned mailbox tells about everything nobody will receive`() throws {
        let letters = UndeliveredLetters(clock: clock)
        let box = Mailbox<Int>("m", clock: clock, letters: letters)
        _ = (try box.offer(1), try box.offer(2))
        box.abandon()
        #expect(letters.count(.leftBehind) == 2)
    }

    @Test func `a cancelled sender leaves the line and those behind it go on`() async throws {
        let box = Mailbox<Int>("m", capacity: 4, bytes: 4, clock: clock) { $0 }
        try await box.send(3)
        let large = Task { try await box.send(4) }
        #expect(await until { box.usage.waitingSenders == 1 })
        let small = Task { try await box.send(1) }
        #expect(await until { box.usage.waitingSenders == 2 })
        large.cancel()
        let failure = await #expect(throws: Failure.self) { try await large.value }
        #expect(failure?.code == .cancelled)
        #expect(try await small.value == .accepted)
        #expect(await box.receiveBatch(limit: 9) == [3, 1])
    }

    @Test func `a cancelled receiver gets nil and the next one gets the message`() async throws {
        let box = Mailbox<Int>("m", clock: clock)
        let receiver = Task { await box.receive() }
        try await clock.sleep(for: .milliseconds(5))
        receiver.cancel()
        #expect(await receiver.value == nil)
        _ = try box.offer(1)
        #expect(await box.receive() == 1)
    }

    @Test func `a sender with a deadline gives up at it`() async throws {
        let box = Mailbox<Int>("m", capacity: 1, clock: clock)
        _ = try box.offer(0)
        let clock = clock
        let failure = await #expect(throws: Failure.self) {
            try await box.send(1, by: clock.now + .milliseconds(10))
        }
        #expect(failure?.code == .timedOut)
        #expect(box.usage.waitingSenders == 0 && box.usage.messages == 1)
    }

    // MARK: Handling

    @Test func `the handler is not entered again before it has returned`() async throws {
        let box = Mailbox<Int>("m", clock: clock)
        for n in 0..<50 { _ = try box.offer(n) }
        box.close()
        let handler = Handler()
        try await box.run { try await handler.handle($0) }
        #expect(await handler.overlaps == 0)
        #expect(await handler.seen == Array(0..<50))
    }

    @Test func `what the handler throws ends the run and the rest waits for the next`() async throws {
        let box = Mailbox<Int>("m", clock: clock)
        for n in 0..<4 { _ = try box.offer(n) }
        await #expect(throws: Failure.self) {
            try await box.run { if $0 == 1 { throw Failure(.io, "x") } }
        }
        #expect(await box.receiveBatch(limit: 9) == [2, 3])
    }

    @Test func `stashed messages come back before the others in the order of stashing, and the stash is bounded`()
        async throws
    {
        let box = Mailbox<Int>("m", capacity: 4, clock: clock)
        for n in 0..<4 { _ = try box.offer(n) }
        var stash = Stash<Int>(limit: 2)
        try stash.put(#require(await box.receive()))
        try stash.put(#require(await box.receive()))
        #expect(throws: Failure.self) { try stash.put(9) }
        box.unstash(&stash)
        #expect(stash.count == 0)
        #expect(await box.receiveBatch(limit: 9) == [0, 1, 2, 3])
    }

    // MARK: Timers

    @Test func `a timer delivers its message once`() throws {
        let clock = SimulatedClock()
        let box = Mailbox<String>("m", clock: clock)
        try box.startTimer("t", after: .milliseconds(5), "tick")
        clock.advance(by: .milliseconds(4))
        #expect(box.poll() == nil)
        clock.advance(by: .milliseconds(1))
        #expect(box.poll() == "tick")
        #expect(box.timerKeys.isEmpty)
        clock.advance(by: .milliseconds(20))
        #expect(box.poll() == nil)
    }

    @Test func `a cancelled or replaced timer leaves no stale tick, not even one that is in the mailbox`() throws {
        let clock = SimulatedClock()
        let box = Mailbox<String>("m", clock: clock)
        try box.startTimer("a", after: .zero, "stale a")
        try box.startTimer("b", after: .zero, "stale b")
        clock.advance(by: .milliseconds(1))
        _ = try box.offer("message")
        box.cancelTimer("a")
        try box.startTimer("b", after: .milliseconds(20), "fresh b")
        clock.advance(by: .milliseconds(20))
        #expect((0..<3).map { _ in box.poll() } == ["message", "fresh b", nil])
    }

    @Test func `a repeating timer does not pile up ticks`() throws {
        let clock = SimulatedClock()
        let box = Mailbox<String>("m", clock: clock)
        try box.startTimer("t", every: .milliseconds(2), "tick")
        clock.advance(by: .milliseconds(40))
        #expect((0..<2).map { _ in box.poll() } == ["tick", nil])
        clock.advance(by: .milliseconds(2))
        #expect((0..<2).map { _ in box.poll() } == ["tick", nil])
        box.cancelTimer("t")
        clock.advance(by: .milliseconds(10))
        #expect(box.poll() == nil)
    }

    @Test func `a tick gets in when the mailbox is full`() throws {
        let clock = SimulatedClock()
        let box = Mailbox<String>("m", capacity: 1, clock: clock)
        _ = try box.offer("x")
        try box.startTimer("t", after: .zero, "tick")
        clock.advance(by: .zero)
        #expect((0..<3).map { _ in box.poll() } == ["x", "tick", nil])
    }

    @Test func `timers are bounded and end with the mailbox`() async throws {
        let box = Mailbox<Int>("m", clock: clock)
        for n in 0..<Limits.mailboxTimers { try box.startTimer("\(n)", after: .hours(1), n) }
        #expect(throws: Failure.self) { try box.startTimer("more", after: .hours(1), 0) }
        try box.startTimer("0", after: .zero, 1)  // replacing is not more
        box.close()
        #expect(box.timerKeys.isEmpty)
        #expect(await box.receive() == nil)
    }

    // MARK: Ask

    @Test func `an ask gets its answer`() async throws {
        let box = Mailbox<(Int, Reply<Int>)>("m", clock: clock)
        let server = Task { while let (n, reply) = await box.receive() { reply.answer(n * 2) } }
        for n in 0..<100 { #expect(try await box.ask(within: .seconds(120)) { (n, $0) } == n * 2) }
        box.close()
        await server.value
    }

    @Test func `an ask times out, and the late answer is an undelivered letter`() async throws {
        let letters = UndeliveredLetters(clock: clock)
        let box = Mailbox<Reply<Int>>("m", clock: clock, letters: letters)
        let failure = await #expect(throws: Failure.self) {
            try await box.ask(within: .milliseconds(10)) { (reply: Reply<Int>) in reply }
        }
        #expect(failure?.code == .timedOut)
        let reply = try #require(box.poll())
        #expect(reply.answer(1) == false)
        #expect(letters.count(.lateReply) == 1)
    }

    @Test func `a request thrown away is told at once`() async throws {
        let box = Mailbox<Reply<Int>>("m", clock: clock)
        let server = Task { _ = await box.receive() }
        let failure = await #expect(throws: Failure.self) {
            try await box.ask(within: .seconds(100)) { (reply: Reply<Int>) in reply }
        }
        #expect(failure?.code == .unanswered)
        await server.value
    }

    // MARK: Undelivered letters

    @Test func `undelivered letters are counted, kept up to a bound, and told to subscribers`() throws {
        let letters = UndeliveredLetters(clock: clock)
        let told = Lock(0)
        let subscription = try letters.subscribe { _ in told.withLock { $0 += 1 } }
        let box = Mailbox<Int>("m", capacity: 1, overflow: .dropNewest, clock: clock, letters: letters)
        for n in 0..<(Limits.undeliveredKept + 501) { _ = try box.offer(n) }
        subscription.cancel()
        _ = try box.offer(0)
        #expect(told.withLock { $0 } == Limits.undeliveredKept + 500)
        #expect(letters.count == Int64(Limits.undeliveredKept + 501))
        #expect(letters.latest.count == Limits.undeliveredKept)
        #expect(letters.latest.first?.text == "502")
        #expect(throws: Failure.self) {
            for _ in 0...Limits.undeliveredSubscribers { _ = try letters.subscribe { _ in } }
        }
    }

    @Test func `a long message is cut in the letter`() throws {
        let letters = UndeliveredLetters(clock: clock)
        let box = Mailbox<String>("m", capacity: 1, overflow: .dropNewest, clock: clock, letters: letters)
        _ = (try box.offer(""), try box.offer(String(repeating: "é", count: 10_000)))
        #expect((letters.latest.first?.text.utf8.count ?? 0) <= Limits.undeliveredText + 3)
    }
}

private actor Handler {
    private var inside = false
    private(set) var overlaps = 0, seen: [Int] = []
    func handle(_ n: Int) async throws {
        if inside { overlaps += 1 }
        inside = true
        await Task.yield()
        seen.append(n)
        inside = false
    }
}
