internal import MillraceCore
internal import Synchronization

/// A lane's book-keeping of its time. Written by the lane's thread (except `added`), read by anyone, without a lock.
final class LaneTime: Sendable {
    private let busy = Atomic<Int64>(0), idle = Atomic<Int64>(0), blockedTotal = Atomic<Int64>(0)
    private let jobs = Atomic<Int64>(0), waiting = Atomic<Int>(0), mostWaiting = Atomic<Int>(0)
    /// Since when the lane does what it does, in nanoseconds; and whether that is work.
    private let since = Atomic<Int64>(0), working = Atomic<Bool>(false)
    private let threadID = Atomic<UInt64>(0)

    var thread: UInt64 { threadID.load(ordering: .relaxed) }

    func began(at now: MonotonicTime) { since.store(now.nanoseconds, ordering: .relaxed) }
    func enter(thread: UInt64) { threadID.store(thread, ordering: .relaxed) }

    func added() {
        let count = waiting.wrappingAdd(1, ordering: .relaxed).newValue
        if count > mostWaiting.load(ordering: .relaxed) { mostWaiting.store(count, ordering: .relaxed) }
    }

    func waits(since now: MonotonicTime) {
        working.store(false, ordering: .relaxed)
        since.store(now.nanoseconds, ordering: .relaxed)
    }

    func works(since now: MonotonicTime) {
        let before = since.load(ordering: .relaxed)
        idle.wrappingAdd(max(0, now.nanoseconds &- before), ordering: .relaxed)
        since.store(now.nanoseconds, ordering: .relaxed)
        working.store(true, ordering: .relaxed)
    }

    func starts() {
        waiting.wrappingSubtract(1, ordering: .relaxed)
        jobs.wrappingAdd(1, ordering: .relaxed)
    }

    func ended(at now: MonotonicTime) {
        let before = since.load(ordering: .relaxed)
        busy.wrappingAdd(max(0, now.nanoseconds &- before), ordering: .relaxed)
        since.store(now.nanoseconds, ordering: .relaxed)
    }

    /// Takes the time out of what the running job will be charged for.
    func blocked(for span: TimeSpan) {
        let nanoseconds = max(0, span.microseconds) * 1_000
        blockedTotal.wrappingAdd(nanoseconds, ordering: .relaxed)
        since.wrappingAdd(nanoseconds, ordering: .relaxed)
    }

    func usage(at now: MonotonicTime) -> LaneUsage {
        let isWorking = working.load(ordering: .relaxed)
        let running = max(0, now.nanoseconds &- since.load(ordering: .relaxed))
        return LaneUsage(
            busy: span(busy.load(ordering: .relaxed) &+ (isWorking ? running : 0)),
            idle: span(idle.load(ordering: .relaxed) &+ (isWorking ? 0 : running)),
            blocked: span(blockedTotal.load(ordering: .relaxed)), jobs: jobs.load(ordering: .relaxed),
            waiting: max(0, waiting.load(ordering: .relaxed)), mostWaiting: mostWaiting.load(ordering: .relaxed),
            current: isWorking ? span(running) : .zero)
    }

    private func span(_ nanoseconds: Int64) -> TimeSpan { TimeSpan(microseconds: nanoseconds / 1_000) }
}
