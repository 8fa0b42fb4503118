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
        var isScheduled = false
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

    public func move(to lane: Lane) { state.withLock { $0.lane = lane } }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let lane: Lane? = state.withLock { state in
            state.queue.append(job)
            if state.isScheduled { return nil }
            state.isScheduled = true
            return state.lane
        }
        schedule(on: lane)
    }

    private func schedule(on lane: Lane?) { lane?.postUncounted { [self] in runQuantum() } }

    /// On the lane's thread. `isScheduled` is true, so nobody else runs jobs of this strand.
    private func runQuantum() {
        let start = clock.now
        let limit = start + Limits.strandQuantum
        runner.store(mr_thread_id(), ordering: .relaxed)
        var batch: [UnownedJob] = state.withLock { state in
            let batch = state.queue
            state.queue = []
            return batch
        }
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
        let lane: Lane? = state.withLock { state in
            if !rest.isEmpty { state.queue.insert(contentsOf: rest, at: 0) }
            if state.queue.isEmpty {
                state.isScheduled = false
                return nil
            }
            return state.lane
        }
        schedule(on: lane)
    }

    /// Whether the caller runs inside a job of this strand.
    public var isCurrent: Bool { runner.load(ordering: .relaxed) == mr_thread_id() }
    public func checkIsolated() { precondition(isCurrent, "not on strand \(name)") }
    public func isIsolatingCurrentContext() -> Bool? { isCurrent }
}
