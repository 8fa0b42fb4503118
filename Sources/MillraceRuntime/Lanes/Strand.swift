internal import CPlatform
public import MillraceCore
internal import Synchronization

/// A serial executor of one actor, carried by a lane.
///
/// Its jobs run one after the other, at most `Limits.strandQuantumJobs` (or `Limits.strandQuantum`) in a row; then the
/// lane's other strands have their turn. It can move to another lane at any time: the jobs that follow run there.
/// Keep it alive as long as the actor.
public final class Strand: SerialExecutor, Sendable {
    private struct State: Sendable {
        var queue: [UnownedJob] = []
        /// An entry for it waits on a lane, or runs.
        var isScheduled = false
        var isRunning = false
        /// Names the entry that counts: one that was left behind on another lane does nothing.
        var ticket: UInt64 = 0
        var lane: Lane
    }

    public let name: String
    private let clock: any RuntimeClock
    private let state: Lock<State>
    /// The thread that runs a job of this strand now, or 0.
    private let runner = Atomic<UInt64>(0)
    private let busyNanoseconds = Atomic<Int64>(0), jobCount = Atomic<Int64>(0)

    public init(_ name: String, on lane: Lane, clock: any RuntimeClock) {
        (self.name, self.clock) = (name, clock)
        state = Lock(State(lane: lane))
    }

    /// The lane that gets the next jobs.
    public var lane: Lane { state.withLock { $0.lane } }
    /// Time spent in jobs, and their number.
    public var busy: TimeSpan { TimeSpan(microseconds: busyNanoseconds.load(ordering: .relaxed) / 1_000) }
    public var jobs: Int64 { jobCount.load(ordering: .relaxed) }
    public var waiting: Int { state.withLock { $0.queue.count } }

    /// Whether a job of it runs now, on whatever thread.
    public var isRunning: Bool { state.withLock { $0.isRunning } }

    /// The jobs that wait go along: a lane that is stuck in another strand's job keeps nobody waiting.
    public func move(to lane: Lane) {
        let ticket: UInt64? = state.withLock { state in
            guard state.lane !== lane else { return nil }
            state.lane = lane
            guard state.isScheduled, !state.isRunning else { return nil }
            state.ticket += 1
            return state.ticket
        }
        if let ticket { schedule(on: lane, ticket) }
    }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let place: (lane: Lane, ticket: UInt64)? = state.withLock { state in
            state.queue.append(job)
            if state.isScheduled { return nil }
            state.isScheduled = true
            return (state.lane, state.ticket)
        }
        if let place { schedule(on: place.lane, place.ticket) }
    }

    private func schedule(on lane: Lane, _ ticket: UInt64) {
        lane.postUncounted { [self] in runQuantum(ticket) }
    }

    /// On the lane's thread. One entry has the ticket, so nobody else runs jobs of this strand.
    private func runQuantum(_ ticket: UInt64) {
        let taken: [UnownedJob]? = state.withLock { state in
            guard state.ticket == ticket else { return nil }
            state.isRunning = true
            let batch = state.queue
            state.queue = []
            return batch
        }
        guard var batch = taken else { return }
        let start = clock.now
        let limit = start + Limits.strandQuantum
        runner.store(mr_thread_id(), ordering: .relaxed)
        var done = 0
        while done < batch.count, done < Limits.strandQuantumJobs, done == 0 || clock.now < limit {
            batch[done].runSynchronously(on: asUnownedSerialExecutor())
            done += 1
        }
        batch.removeFirst(done)
        jobCount.wrappingAdd(Int64(done), ordering: .relaxed)
        busyNanoseconds.wrappingAdd(max(0, clock.now.nanoseconds &- start.nanoseconds), ordering: .relaxed)
        runner.store(0, ordering: .relaxed)
        let rest = batch
        let place: (lane: Lane, ticket: UInt64)? = state.withLock { state in
            state.isRunning = false
            if !rest.isEmpty { state.queue.insert(contentsOf: rest, at: 0) }
            if state.queue.isEmpty {
                state.isScheduled = false
                return nil
            }
            return (state.lane, state.ticket)
        }
        if let place { schedule(on: place.lane, place.ticket) }
    }

    /// Whether the caller runs inside a job of this strand.
    public var isCurrent: Bool { runner.load(ordering: .relaxed) == mr_thread_id() }
    public func checkIsolated() { precondition(isCurrent, "not on strand \(name)") }
    public func isIsolatingCurrentContext() -> Bool? { isCurrent }
}
