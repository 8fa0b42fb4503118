internal import CPlatform
internal import MillraceCore
internal import MillraceFlow

extension Node {
    /// The node as it is now. Cheap: tasks note their figures a few times a second anyway.
    public func status() -> NodeStatus {
        let now = (wall: clock.wall, monotonic: clock.now)
        let pipelines = runners.map { status($0, now.wall) }
        return NodeStatus(
            startedAt: startedAt, uptime: now.monotonic - startedMonotonic, dataDirectory: settings.dataDirectory,
            cpuSeconds: Double(mr_process_cpu_ns()) / 1e9, residentBytes: mr_resident_bytes(), pipelines: pipelines,
            complaint: pipelines.lazy.compactMap { $0.failure.map { "a pipeline has failed: \($0)" } }.first)
    }

    private func status(_ runner: PipelineRunner, _ wall: EventTime) -> PipelineStatus {
        let stages = runner.plan.stages.map { stage in
            let seats = runner.seats.filter { $0.context.address.stage == stage.index }
            return StageStatus(
                index: stage.index, title: stage.steps.joined(separator: " → "),
                inputs: seats.first?.context.ports.map(\.name) ?? [],
                tasks: seats.map { status($0, runner.lane(of: $0.context.address), wall) })
        }
        let tasks = stages.flatMap(\.tasks)
        return PipelineStatus(
            name: runner.description.name, state: runner.pipelineState, failure: runner.failure.map { "\($0)" },
            stages: stages, outputs: [runner.description.output.name],
            deadLetters: tasks.reduce(0) { $0 + $1.badRecords },
            parkedKeys: runner.seats.reduce(0) { $0 + $1.board.current.parkedKeys })
    }

    private func status(_ seat: PipelineRunner.Seat, _ lane: Int?, _ wall: EventTime) -> TaskStatus {
        let figures = seat.board.current
        let address = seat.context.address
        // A task in a long turn has not looked for a while; the logs say themselves what has come since.
        var unread = figures.unread
        let ends = seat.context.ports.compactMap { $0.end?() }
        if let before = figures.inputsEnd, ends.count == seat.context.ports.count {
            unread += max(0, ends.reduce(0, +) - before)
        }
        var lag = figures.oldestUnread.map { max(.zero, wall - $0) } ?? .zero
        if unread > 0, let last = figures.lastTurn { lag = max(lag, clock.now - last) }
        return TaskStatus(
            stage: address.stage, partition: address.partition, lane: lane ?? figures.lane, state: figures.state,
            position: figures.position, end: figures.position + unread, lag: lag, watermark: figures.watermark,
            watermarkHolder: figures.watermarkHolder,
            watermarkAge: figures.holderSince.map { max(.zero, wall - $0) }, isIdle: figures.isIdle,
            recordsIn: figures.mark.recordsIn,
            recordsOut: figures.mark.recordsOut, lateRecords: figures.mark.lateRecords,
            badRecords: figures.mark.badRecords, busy: figures.busy, idle: max(0, 1 - figures.busy - figures.blocked),
            blocked: figures.blocked, commitAge: figures.lastCommit.map { max(.zero, wall - $0) } ?? .zero,
            commitDuration: figures.commitDuration, commits: figures.mark.commits,
            isSettled: figures.isSettled, stateBytes: figures.stateBytes,
            restarts: figures.restarts, lastFailure: figures.lastFailure, inPerSecond: figures.inPerSecond,
            outPerSecond: figures.outPerSecond)
    }

    /// The answer to one command from the control socket.
    func answer(_ words: [String]) -> ControlAnswer {
        do throws(Failure) { return ControlAnswer(text: try reply(words[0], Array(words.dropFirst()))) } catch {
            let advice = error.advice.isEmpty ? "" : ". \(error.advice)"
            return ControlAnswer(text: error.message + advice, isError: true)
        }
    }

    private func reply(_ verb: String, _ words: [String]) throws(Failure) -> String {
        if verb == "status" { return StatusText.render(status()) }
        guard let name = words.first else {
            let names = runners.map(\.description.name).joined(separator: ", ")
            throw Failure(
                .invalidArgument,
                verb == "explain" ? "explain needs a table and a key" : "\(verb) needs a pipeline's name",
                advice: verb == "explain" ? "As in: explain TABLE KEY" : "There are: \(names)")
        }
        switch verb {
        case "why": return try why(pipeline: name)
        case "explain": return try explanation(table: name, key: Array(words.dropFirst()))
        case "pause":
            try pause(pipeline: name)
            return "\(name) is paused\n"
        case "resume":
            try resume(pipeline: name)
            return "\(name) goes on\n"
        case "dead-letters": return DeadLetterText.render(try letters(of: name, limit: Limits.listedDeadLetters))
        case "parked": return DeadLetterText.render(try parked(of: name, limit: Limits.listedDeadLetters))
        case "redrive": return "\(try sendAgain(pipeline: name, limit: .max)) records were sent again\n"
        default: throw Failure(.invalidArgument, "this node does not know '\(verb)'")
        }
    }
}
