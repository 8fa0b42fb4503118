internal import MillraceCore
internal import MillraceRuntime

/// Looks after the tasks of a running node once a second: evens out the lanes, and notices tasks that do not get on.
///
/// A task that has something to do and does nothing for `stuckAfter` is reported and restarted. One whose own code does
/// not return keeps its thread: its neighbours move to other lanes within seconds, and a new run of it starts beside
/// it. When that one gets stuck as well, before it has committed anything, there is no point in a third: the pipeline
/// fails, and the node's others go on. Under a guard the process ends instead, blaming the record that the task has in
/// hand.
final class NodeWatch: Sendable {
    private let runners: [PipelineRunner]
    private let lanes: LanePool
    private let settings: NodeSettings
    private let clock: any RuntimeClock
    private let logger: Logger
    private let state = Lock(State())

    private struct State {
        var isRunning = false
        var wall = WallWatch()
        var timer: ClockTimer?
        /// When a task was reported, and how many commits it had made: as many at the next time mean that it does not
        /// come further than that.
        var reported: [TaskAddress: (at: MonotonicTime, commits: Int64)] = [:]
    }

    init(
        _ runners: [PipelineRunner], lanes: LanePool, settings: NodeSettings, clock: any RuntimeClock, logger: Logger
    ) {
        (self.runners, self.lanes, self.settings) = (runners, lanes, settings)
        (self.clock, self.logger) = (clock, logger)
    }

    func start() {
        state.withLock { $0.isRunning = true }
        schedule()
    }

    func stop() {
        state.withLock { state in
            state.isRunning = false
            state.timer?.cancel()
            state.timer = nil
        }
    }

    private func schedule() {
        let timer = clock.schedule(at: clock.now + Limits.watchInterval) { [weak self] in
            guard let self, state.withLock({ $0.isRunning }) else { return }
            look()
            schedule()
        }
        state.withLock { $0.timer = $0.isRunning ? timer : nil }
    }

    private func look() {
        let now = clock.now
        let wall = clock.wall
        if state.withLock({ $0.wall.jumped(to: wall, at: now) }) {
            logger.warning(
                "clock-set", ["wall": .text("\(wall)"), "advice": "idle inputs are waited for anew; nothing is lost"])
        }
        for runner in runners {
            for seat in runner.seats { look(at: seat, of: runner, now) }
        }
        _ = lanes.rebalance(runners.flatMap(\.loads))
    }

    private func look(at seat: PipelineRunner.Seat, of runner: PipelineRunner, _ now: MonotonicTime) {
        let figures = seat.board.current
        let address = seat.context.address
        guard figures.state == .running, figures.hasWork, let turn = figures.lastTurn,
            now - turn >= settings.stuckAfter
        else { return }
        let isAgain: Bool? = state.withLock { state in
            let last = state.reported[address]
            // Once for each time that the limit passes.
            if let last, now - last.at < settings.stuckAfter { return nil }
            state.reported[address] = (now, figures.mark.commits)
            return last.map { $0.commits == figures.mark.commits } ?? false
        }
        guard let isAgain else { return }
        if !figures.isInTurn, figures.isCommitting {
            // A new run would wait for the same disk.
            logger.error(
                "slow-commit",
                Failure(
                    .timedOut, "a commit has been under way for \(HumanText.span(now - turn))",
                    advice: "Look at the disk of the data directory", place: address.description))
            return
        }
        let failure = Failure(
            .timedOut, "no progress for \(HumanText.span(now - turn)) with records to read",
            advice: "Look for a closure that blocks or loops; --guard finds the record", place: address.description)
        logger.error("task-stuck", failure)
        guard isAgain else { return runner.restart(address, because: failure) }
        for port in seat.context.ports.indices {
            seat.context.blame?.die(
                blaming: RecordBlame.name(of: address, port: port), stage: address.stage, partition: address.partition)
        }
        runner.giveUp(address, because: failure)
    }
}
