import MillraceCore
import Testing

@testable import MillraceEngine

@Suite struct TaskLoadTests {
    private func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

    @Test func sharesOfAWindowAreWorkWaitingAndTheRest() {
        var load = TaskLoad(now: at(0))
        // 300 ms at work, 200 held up, 500 idle.
        let ends = [
            load.turned(from: at(0), to: at(300), then: .heldUp),
            load.turned(from: at(500), to: at(500), then: .idle),
            load.turned(from: at(1_000), to: at(1_000), then: .idle),
        ]
        #expect(ends == [false, false, true])
        #expect(abs(load.busy - 0.3) < 1e-9 && abs(load.blocked - 0.2) < 1e-9)
        // The next window knows nothing of the last.
        let isFull = load.turned(from: at(2_000), to: at(2_000), then: .idle)
        #expect(isFull && load.busy == 0 && load.blocked == 0)
    }

    @Test func theOldestUnreadRecordIsNoOlderThanTheLastReadOrTheLastTimeAllWasRead() {
        var age = UnreadAge()
        var found = [age.oldest(hasUnread: true, wall: .seconds(100))]
        age.read(upTo: .seconds(40))
        found.append(age.oldest(hasUnread: true, wall: .seconds(100)))
        found.append(age.oldest(hasUnread: false, wall: .seconds(100)))
        // What is unread now came after that.
        found.append(age.oldest(hasUnread: true, wall: .seconds(103)))
        // A producer's clock may be ahead.
        age.read(upTo: .seconds(200))
        found.append(age.oldest(hasUnread: true, wall: .seconds(104)))
        #expect(found == [nil, .seconds(40), nil, .seconds(100), .seconds(104)])
    }
}
