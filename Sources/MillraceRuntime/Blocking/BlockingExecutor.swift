public import MillraceCore

/// Threads for calls that block: RocksDB, syncs, files. The cooperative pool has one thread per core, and one sync on
/// it would hold up every actor of the process.
///
/// Calls begin in the order they came. Threads are made when needed, up to a limit, and stay.
public final class BlockingExecutor: Sendable {
    private struct State: Sendable {
        var queue: [@Sendable () -> Void] = []
        /// Index of the next entry of `queue`; the front is cut off now and then.
        var next = 0
        var threads = 0
        var idle = 0
        var stopping = false
        var begun: Int64 = 0
        var onEnd: [@Sendable () -> Void] = []
        var waiting: Int { queue.count - next }

        mutating func take() -> @Sendable () -> Void {
            let work = queue[next]
            next += 1
            begun += 1
            if next == queue.count || next >= 1_024 {
                queue.removeFirst(next)
                next = 0
            }
            return work
        }
    }

    public struct Usage: Sendable, Hashable {
        public var threads: Int, running: Int, waiting: Int, begun: Int64
    }

    public let name: String
    public let threadLimit: Int, queueLimit: Int
    private let state = Monitor(State())

    public init(name: String = "blocking", threads: Int = Limits.blockingThreads, queue: Int = Limits.blockingQueue) {
        precondition(threads > 0 && queue > 0, "a blocking executor needs a thread and a queue")
        (self.name, threadLimit, queueLimit) = (name, threads, queue)
    }

    /// Runs `work` on one of the threads and returns what it returned. Refused with `limit-reached` when too many wait,
    /// with `closed` after `stop`.
    public func run<R: Sendable>(_ work: @escaping @Sendable () throws(Failure) -> R) async throws(Failure) -> R {
        let outcome: Result<R, Failure> = await withCheckedContinuation { continuation in
            do throws(Failure) {
                try submit {
                    do throws(Failure) {
                        continuation.resume(returning: .success(try work()))
                    } catch {
                        continuation.resume(returning: .failure(error))
                    }
                }
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        return try outcome.get()
    }

    /// Runs `work` on one of the threads; returns at once.
    public func submit(_ work: @escaping @Sendable () -> Void) throws(Failure) {
        enum Verdict: Sendable { case full, stopped, wake, start(Int) }
        let verdict: Verdict = state.withLock { state in
            if state.stopping { return .stopped }
            if state.waiting >= queueLimit { return .full }
            state.queue.append(work)
            if state.idle >= state.waiting || state.threads == threadLimit { return .wake }
            state.threads += 1
            return .start(state.threads)
        }
        switch verdict {
        case .wake: state.signal()
        case .start(let number): _ = OwnedThread(name: "\(name)-\(number)") { [self] in serve() }
        case .full:
            throw Failure(
                .limitReached, "\(queueLimit) blocking calls wait for one of \(threadLimit) threads",
                advice: "The disk does not keep up: send less, or give it a faster one", place: name, isRetriable: true)
        case .stopped: throw Failure(.closed, "the blocking executor was stopped", place: name)
        }
    }

    public var usage: Usage {
        state.withLock {
            Usage(threads: $0.threads, running: $0.threads - $0.idle, waiting: $0.waiting, begun: $0.begun)
        }
    }

    private func serve() {
        while let work = next() { work() }
        let listeners: [@Sendable () -> Void] = state.withLock { state in
            state.threads -= 1
            guard state.threads == 0 else { return [] }
            defer { state.onEnd = [] }
            return state.onEnd
        }
        for listener in listeners { listener() }
    }

    private func next() -> (@Sendable () -> Void)? {
        var isIdle = false
        let taken: Result<@Sendable () -> Void, Ended> = state.wait { state in
            if state.waiting > 0 {
                if isIdle { state.idle -= 1 }
                return .success(state.take())
            }
            if state.stopping {
                if isIdle { state.idle -= 1 }
                return .failure(Ended())
            }
            if !isIdle {
                isIdle = true
                state.idle += 1
            }
            return nil
        }
        return try? taken.get()
    }
    private struct Ended: Error {}

    /// Refuses further work, finishes what waits, ends the threads. False when some were still at work at the deadline.
    public func stop(by deadline: MonotonicTime, clock: any RuntimeClock) async -> Bool {
        let once = Once<Bool>()
        let timer = clock.schedule(at: deadline) { once.resume(returning: false) }
        let hasEnded = state.withLock { state in
            state.stopping = true
            if state.threads > 0 { state.onEnd.append { once.resume(returning: true) } }
            return state.threads == 0
        }
        state.broadcast()
        if hasEnded { once.resume(returning: true) }
        let inTime = await once.value
        timer.cancel()
        return inTime
    }
}
