internal import MillraceCore
internal import MillraceRuntime

/// Threads of the console's own for what answers requests: it stays readable when user code holds up the cooperative
/// pool, which is when people look at it.
final class WebExecutor: TaskExecutor {
    private let lanes: LanePool
    private let turn = Counter()

    init(clock: any RuntimeClock) { lanes = LanePool(count: 2, name: "web", clock: clock) }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        turn.increment()
        let lane = lanes.lanes[Int(turn.value % Int64(lanes.lanes.count))]
        let executor = asUnownedTaskExecutor()
        do throws(Failure) {
            try lane.post { job.runSynchronously(on: executor) }
        } catch {
            // More than all streams and requests together; a job may run anywhere, but it must run.
            job.runSynchronously(on: executor)
        }
    }

    func asUnownedTaskExecutor() -> UnownedTaskExecutor { UnownedTaskExecutor(ordinary: self) }

    /// The threads end with what is queued. The executor lives until then.
    func stop(by deadline: MonotonicTime) async { _ = await lanes.stop(by: deadline) }
}
