internal import MillraceCore
internal import MillraceFlow
internal import MillraceRuntime

/// One pipeline of a running node: its tasks, their supervisor, and what is known about them.
///
/// Each task is a transient child: a failure restarts it from its last commit, with back-off; too many in a row end the
/// pipeline, which is shown as failed while the node's other pipelines go on.
final class PipelineRunner: Sendable {
    struct Seat: Sendable {
        let context: TaskContext
        let board = TaskBoard()
    }

    let description: PipelineDescription
    let plan: Plan
    let seats: [Seat]
    private let lanes: LanePool
    /// How long a task may take to end; then a new run may start beside it.
    private let shutdown: TimeSpan
    private let supervisor: Supervisor
    private let state = Lock(State())

    private struct State {
        /// The incarnation of each task that runs now.
        var tasks: [TaskAddress: PipelineTask] = [:]
        /// For tasks that read sources: which of them are assigned to this process.
        var assigned: [TaskAddress: Set<Int>] = [:]
        var isStopping = false
        var isPaused = false
        var failure: Failure?
        var isOver = false
    }

    init(
        _ description: PipelineDescription, plan: Plan, contexts: [TaskContext], lanes: LanePool,
        shutdown: TimeSpan, clock: any RuntimeClock, random: SeededRandom
    ) {
        (self.description, self.plan, self.lanes, self.shutdown) = (description, plan, lanes, shutdown)
        seats = contexts.map { Seat(context: $0) }
        var options = SupervisorState.Options()
        options.endsWhenDone = true
        supervisor = Supervisor(description.name, options, clock: clock, random: random)
    }

    /// Runs until every task has finished, or until `stop`. Throws when the supervisor gives up.
    func run() async throws(Failure) {
        do throws(Failure) { try await runTasks() } catch {
            state.withLock { $0.failure = error }
            for seat in seats { seat.board.update { if $0.state != .finished { $0.state = .failed } } }
            await closeSinks()
            throw error
        }
        await closeSinks()
        state.withLock { $0.isOver = true }
    }

    private func runTasks() async throws(Failure) {
        for seat in seats where sources(of: seat).isEmpty { try supervisor.add(child(seat)) }
        for (index, input) in description.inputs.enumerated() {
            guard case .source(let source, _) = input else { continue }
            try await source.start { [self] event in await follow(event, of: index) }
        }
        try await supervisor.run()
    }

    /// No task runs any more, or what runs of one that was given up can commit nothing.
    private func closeSinks() async {
        for seat in seats {
            guard let sink = seat.context.sink else { continue }
            do throws(Failure) { try await seat.context.blocking.run { () throws(Failure) in sink.close() } } catch {
                seat.context.logger.error("sink-not-closed", error)
            }
        }
    }

    /// The inputs of a task that come and go.
    private func sources(of seat: Seat) -> [Int] {
        seat.context.ports.compactMap(\.input).filter {
            if case .source = description.inputs[$0] { true } else { false }
        }
    }

    /// Starts and ends the tasks that read a source, as its partitions come and go. A task with several sources runs
    /// while all of them are here. After a revocation returned, the partition's task has made its last commit and reads
    /// no more.
    private func follow(_ event: AssignmentEvent, of source: Int) async {
        let partitions =
            switch event {
            case .assigned(let partitions), .revoked(let partitions): partitions
            }
        for seat in seats where partitions.contains(seat.context.address.partition) {
            let needed = sources(of: seat)
            guard needed.contains(source) else { continue }
            let address = seat.context.address
            if case .assigned = event {
                let isComplete = state.withLock { state in
                    state.assigned[address, default: []].insert(source)
                    return state.assigned[address]?.isSuperset(of: needed) == true
                }
                guard isComplete else { continue }
                do throws(Failure) { try supervisor.add(child(seat)) } catch {
                    seat.context.logger.error("assignment-failed", error)
                }
            } else {
                let task = state.withLock { state in
                    state.assigned[address]?.remove(source)
                    return state.tasks[address]
                }
                task?.stop()
                await task?.ended()
                supervisor.remove(address.description)
            }
        }
    }

    /// Every task makes its last commit and ends; `run` returns then.
    func stop() {
        let tasks = state.withLock { state in
            state.isStopping = true
            return Array(state.tasks.values)
        }
        for task in tasks { task.stop() }
    }

    func pause(_ isPaused: Bool) {
        let tasks = state.withLock { state in
            state.isPaused = isPaused
            return Array(state.tasks.values)
        }
        for task in tasks { task.pause(isPaused) }
    }

    /// Lets keys that wait in a partition of one of the pipeline's logs flow again, beginning with the records at
    /// `offset`.
    func unpark(_ keys: [[UInt8]], topic: String, partition: Int, from offset: Int64) {
        for seat in seats where seat.context.address.partition == partition {
            guard let port = seat.context.ports.firstIndex(where: { $0.name == topic }) else { continue }
            let task = state.withLock { $0.tasks[seat.context.address] }
            task?.unpark(keys, port: port, from: offset)
        }
    }

    /// The strands of the tasks that run, and what part of a lane each needed lately.
    var loads: [(strand: Strand, load: Double)] {
        let tasks = state.withLock { Array($0.tasks.values) }
        return tasks.map { ($0.strand, $0.board.current.busy) }
    }
    func lane(of address: TaskAddress) -> Int? { state.withLock { $0.tasks[address]?.strand.lane.index } }

    /// Cancels a task that makes no progress; the supervisor starts it again from its last commit.
    func restart(_ address: TaskAddress, because failure: Failure) {
        supervisor.restart(address.description, because: failure)
    }

    /// Cancels a task that does not come back and fails the pipeline with it.
    func giveUp(_ address: TaskAddress, because failure: Failure) {
        supervisor.restart(address.description, because: failure, .escalate)
    }

    var failure: Failure? { state.withLock { $0.failure } }

    var pipelineState: PipelineStatus.State {
        let (failure, isOver, isPaused) = state.withLock { ($0.failure, $0.isOver, $0.isPaused) }
        if failure != nil { return .failed }
        let states = seats.map { $0.board.current.state }
        if states.allSatisfy({ $0 == .finished }) { return .finished }
        if isOver { return .stopped }
        if isPaused { return .paused }
        if states.contains(.restarting) { return .restarting }
        return states.contains(.starting) ? .starting : .running
    }

    private func child(_ seat: Seat) -> Child {
        let rule = ChildRule(seat.context.address.description, restart: .transient, shutdown: shutdown)
        // What is fatal fails again: a missing file, a column that is not there, a store that was closed.
        return Child(rule, directive: { $0.isFatal ? .escalate : .restart }) { [self] context in
            try await run(seat, incarnation: context)
        }
    }

    private func run(_ seat: Seat, incarnation: ChildContext) async throws(Failure) {
        let address = seat.context.address
        let lane = lanes.place()
        let strand = Strand(address.description, on: lane, clock: seat.context.clock)
        let task = PipelineTask(seat.context, strand: strand, board: seat.board)
        seat.board.update { $0.lane = lane.index }
        let (isStopping, isPaused) = state.withLock { state in
            state.tasks[address] = task
            return (state.isStopping, state.isPaused)
        }
        if isStopping { task.stop() }
        if isPaused { task.pause(true) }
        incarnation.ready()
        defer {
            lanes.leave(strand.lane)
            state.withLock { state in if state.tasks[address] === task { state.tasks[address] = nil } }
        }
        do throws(Failure) { try await task.run() } catch {
            seat.board.update {
                $0.state = .restarting
                $0.restarts += 1
                $0.lastFailure = "\(error)"
            }
            seat.context.logger.error("task-failed", error)
            throw error
        }
    }
}
