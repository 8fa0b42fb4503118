internal import CPlatform
public import MillraceCore
internal import Synchronization

/// A thread we own that runs jobs one after the other, first in, first out.
///
/// An actor is pinned to it by returning `asUnownedSerialExecutor()` as its nonisolated `unownedExecutor`, and must
/// keep the lane alive. Actors on the same lane call each other without a thread switch; a call from another thread
/// costs microseconds, so cross lanes with batches. Actors that have to move or to take turns use a `Strand`.
///
/// Safe from any thread.
public final class Lane: SerialExecutor, Sendable {
    enum Entry: Sendable {
        case job(UnownedJob)
        case work(@Sendable () -> Void)
    }

    struct State: Sendable {
        var queue: [Entry] = []
        var posts = 0
        var stopping = false
        var hasThread = false
        var onEnd: [@Sendable () -> Void] = []
    }

    public let name: String
    /// Position in its pool, from 0.
    public let index: Int
    private let clock: any RuntimeClock
    private let state = Monitor(State())
    private let time = LaneTime()

    /// The thread is started at once.
    public init(name: String, index: Int = 0, clock: any RuntimeClock) {
        (self.name, self.index, self.clock) = (name, index, clock)
        time.began(at: clock.now)
        state.withLock { $0.hasThread = true }
        startThread()
    }

    // MARK: Putting work on the lane

    public func enqueue(_ job: consuming ExecutorJob) { add(.job(UnownedJob(job))) }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    /// Runs `work` after everything that was put on the lane before. `work` must not block.
    ///
    /// Throws `limit-reached` when `Limits.lanePosts` wait.
    public func post(_ work: @escaping @Sendable () -> Void) throws(Failure) {
        let accepted = state.withLock { state in
            guard state.posts < Limits.lanePosts else { return false }
            state.posts += 1
            return true
        }
        guard accepted else {
            throw Failure(
                .limitReached, "lane \(name) has \(Limits.lanePosts) posts waiting",
                advice: "Post batches, or wait for earlier posts", place: name, isRetriable: true)
        }
        add(
            .work { [state] in
                state.withLock { $0.posts -= 1 }
                work()
            })
    }

    /// For entries that are bounded by what they belong to: a strand has one on its lane.
    func postUncounted(_ work: @escaping @Sendable () -> Void) { add(.work(work)) }

    private func add(_ entry: Entry) {
        time.added()
        let startsThread = state.withLock { state in
            state.queue.append(entry)
            // A stopped lane wakes for a straggler: better than an actor whose caller waits for ever.
            if state.hasThread { return false }
            state.hasThread = true
            return true
        }
        if startsThread { startThread() } else { state.signal() }
    }

    // MARK: The thread

    private func startThread() {
        _ = OwnedThread(name: name) { [self] in run() }
    }

    private func run() {
        let thread = mr_thread_id()
        time.enter(thread: thread)
        var batch: [Entry] = []
        while true {
            time.waits(since: clock.now)
            let goesOn = state.wait { state -> Bool? in
                if !state.queue.isEmpty {
                    swap(&batch, &state.queue)
                    return true
                }
                guard state.stopping else { return nil }
                state.hasThread = false
                return false
            }
            guard goesOn else { break }
            time.works(since: clock.now)
            for entry in batch {
                time.starts()
                switch entry {
                case .job(let job): job.runSynchronously(on: asUnownedSerialExecutor())
                case .work(let work): work()
                }
                time.ended(at: clock.now)
            }
            batch.removeAll(keepingCapacity: batch.count <= 1_024)
        }
        let listeners = state.withLock { state in
            let listeners = state.onEnd
            state.onEnd = []
            return listeners
        }
        for listener in listeners { listener() }
    }

    /// Whether the caller runs on this lane's thread.
    public var isCurrent: Bool { time.thread == mr_thread_id() }

    public func checkIsolated() { precondition(isCurrent, "not on lane \(name)") }
    public func isIsolatingCurrentContext() -> Bool? { isCurrent }

    /// Accounts the time of `body` as blocked, not busy. Call it on the lane, around a call that waits; better, do not
    /// make such calls on a lane but on the `BlockingExecutor`.
    public func blocking<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        let start = clock.now
        defer { time.blocked(for: clock.now - start) }
        return try body()
    }

    public var usage: LaneUsage { time.usage(at: clock.now) }

    // MARK: The end

    /// Ends the thread as soon as the queue is empty, and calls `onEnd` on it then. Returns at once.
    public func stop(onEnd: (@Sendable () -> Void)? = nil) {
        let hasEnded = state.withLock { state in
            state.stopping = true
            guard state.hasThread else { return true }
            if let onEnd { state.onEnd.append(onEnd) }
            return false
        }
        if hasEnded { onEnd?() } else { state.signal() }
    }
}
