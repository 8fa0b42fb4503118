internal import MillraceCore
internal import MillraceRuntime

/// Threads of the console's own for what answers requests: it stays readable when user code holds up the cooperative
/// pool, which is when people look at it.
final class WebExecutor: TaskExecutor {
    private let pool: LanePool
    private let lanes: [Lane]
    private let turn = Counter()

    init(clock: any RuntimeClock) {
        pool = LanePool(count: 2, name: "web", clock: clock)
        lanes = pool.lanes
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        turn.increment()
        let lane = lanes[Int(turn.value % Int64(lanes.count))]
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
    func stop(by deadline: MonotonicTime) async { _ = await pool.stop(by: deadline) }
}
