internal import MillraceCore
internal import MillraceRuntime

/// Looks after the tasks of a running node once a second: evens out the lanes, and notices tasks that do not get on.
///
/// A task that has something to do and does nothing for `stuckAfter` is reported and restarted. One whose own code does
/// not return cannot be: it keeps its lane. Its neighbours move to others, and under a guard the node stops its heart,
/// so that the guard kills it and learns which record it was.
final class NodeWatch: Sendable {
    private let runners: [PipelineRunner]
    private let lanes: LanePool
    private let settings: NodeSettings
    private let clock: any RuntimeClock
    private let logger: Logger
    /// A task is stuck for good: under a guard the heart stops.
    private let isHopeless: Lock<Bool>
    private let state = Lock(State())

    private struct State {
        var isRunning = false
        var timer: ClockTimer?
        /// When a task was reported, and its last turn then: the same turn again means that it does not come back.
        var reported: [TaskAddress: (at: MonotonicTime, turn: MonotonicTime)] = [:]
    }

    init(
        _ runners: [PipelineRunner], lanes: LanePool, settings: NodeSettings, clock: any RuntimeClock, logger: Logger,
        isHopeless: Lock<Bool>
    ) {
        (self.runners, self.lanes, self.settings) = (runners, lanes, settings)
        (self.clock, self.logger, self.isHopeless) = (clock, logger, isHopeless)
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
            state.reported[address] = (now, turn)
            return last.map { $0.turn == turn } ?? false
        }
        guard let isAgain else { return }
        let failure = Failure(
            .timedOut, "no progress for \(HumanText.span(now - turn)) with records to read",
            advice: "Look for a closure that blocks or loops; --guard finds the record", place: address.description)
        logger.error("task-stuck", failure)
        if isAgain { isHopeless.withLock { $0 = true } } else { runner.restart(address, because: failure) }
    }
}
