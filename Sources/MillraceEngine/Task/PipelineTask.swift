internal import MillraceCore
internal import MillraceFlow
internal import MillraceRuntime

/// One stage of a pipeline on one partition (design D5): reads, computes, commits, over and over.
///
/// An actor on a strand, so it has one thread at a time and can move between lanes. Everything between two awaits is
/// synchronous; what blocks is on blocking threads. After a failure it is thrown away and a new one starts from the
/// last commit.
actor PipelineTask {
    nonisolated let strand: Strand
    nonisolated var unownedExecutor: UnownedSerialExecutor { strand.asUnownedSerialExecutor() }

    nonisolated let context: TaskContext
    nonisolated let board: TaskBoard
    private nonisolated let wakeup = Wakeup()
    private nonisolated let orders = Lock(Orders())

    /// What others ask of the task, from any thread.
    private struct Orders {
        var isStopping = false
        var isPaused = false
        /// Keys that may flow again, by input, each from an offset on.
        var unparked: [(port: Int, keys: [[UInt8]: Int64])] = []
    }

    init(_ context: TaskContext, strand: Strand, board: TaskBoard) {
        (self.context, self.strand, self.board) = (context, strand, board)
    }

    /// Ends `run` after a last commit.
    nonisolated func stop() {
        orders.withLock { $0.isStopping = true }
        wakeup.signal()
    }
    /// A paused task commits what it has and reads no further.
    nonisolated func pause(_ isPaused: Bool) {
        orders.withLock { $0.isPaused = isPaused }
        wakeup.signal()
    }

    /// Lets parked keys of an input flow again, beginning with the records at `offset`.
    nonisolated func unpark(_ keys: [[UInt8]], port: Int, from offset: Int64) {
        let keys = Dictionary(keys.map { ($0, offset) }) { first, _ in first }
        orders.withLock { $0.unparked.append((port, keys)) }
        wakeup.signal()
    }

    private var isOver = false
    private var waiters: [CheckedContinuation<Void, Never>] = []

    /// Returns when `run` has.
    func ended() async {
        if isOver { return }
        await withCheckedContinuation { waiters.append($0) }
    }

    /// Runs until the input has ended or `stop` was called. Throws what the supervisor decides about.
    func run() async throws(Failure) {
        defer {
            isOver = true
            for waiter in waiters { waiter.resume() }
            waiters = []
        }
        let context = context
        let start = try await context.blocking.run { () throws(Failure) in try context.recover() }
        let stage = try StageRun(context, from: start, board: board)
        defer { stage.close() }
        if start.mark.isFinished {
            context.logger.info(
                "finished-before",
                [
                    "task": .text(context.address.description), "input": .text(context.inputs),
                    "advice": "it was read to its end in an earlier run; another data directory reads it again",
                ])
            return board.update { $0.state = .finished }
        }

        do throws(Failure) { try await turn(stage) } catch {
            // A commit that is under way belongs to this run: the next must not begin before it is known what became
            // of it.
            while stage.isCommitting {
                await wakeup.wait(until: context.clock.now + Limits.tickInterval, clock: context.clock)
            }
            throw error
        }
    }

    private func turn(_ stage: StageRun) async throws(Failure) {
        var load = TaskLoad(now: context.clock.now)
        while true {
            let orders = orders.withLock { orders in
                defer { orders.unparked = [] }
                return orders
            }
            for order in orders.unparked { stage.unpark(order.keys, port: order.port) }
            if Task.isCancelled { throw Failure(.closed, "the task was cancelled", place: context.address.description) }
            let begin = context.clock.now
            let next = try stage.turn(
                isStopping: orders.isStopping, isPaused: orders.isPaused, wake: { [wakeup] in wakeup.signal() })
            // Not idle: there is more to do, but the lane is another task's, or the disk has not caught up.
            let isHeldUp = next == .goOn || stage.isHeldBack
            if load.turned(from: begin, to: context.clock.now, then: isHeldUp ? .heldUp : .idle) {
                board.update { $0.measured(load) }
            }
            switch next {
            case .goOn: await Task.yield()
            case .wait(let deadline): await wakeup.wait(until: deadline, clock: context.clock)
            case .done: return
            }
        }
    }
}
