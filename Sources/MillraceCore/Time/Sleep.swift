internal import Synchronization

extension RuntimeClock {
    /// `sleep(until:)` built from `schedule(at:)`, for implementations of the clock.
    func suspend(until deadline: MonotonicTime) async throws {
        try Task.checkCancellation()
        if deadline <= now { return }
        let sleeper = Sleeper()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                guard sleeper.park(continuation) else { return }
                sleeper.attach(schedule(at: deadline) { sleeper.finish(.success(())) })
            }
        } onCancel: {
            sleeper.finish(.failure(CancellationError()))
        }
    }
}

/// One sleep: its timer and its cancellation race for the continuation, and the first takes it.
private final class Sleeper: Sendable {
    private enum State {
        case starting
        case parked(CheckedContinuation<Void, any Error>)
        case finished
    }
    private struct Contents {
        var state = State.starting
        var timer: ClockTimer?
    }
    private let contents = Lock(Contents())

    /// False when the sleep was cancelled before it began; the continuation is then resumed already.
    func park(_ continuation: CheckedContinuation<Void, any Error>) -> Bool {
        let isParked = contents.withLock { contents in
            if case .finished = contents.state { return false }
            contents.state = .parked(continuation)
            return true
        }
        if !isParked { continuation.resume(throwing: CancellationError()) }
        return isParked
    }

    func attach(_ timer: ClockTimer) {
        let isFinished = contents.withLock { contents in
            if case .finished = contents.state { return true }
            contents.timer = timer
            return false
        }
        if isFinished { timer.cancel() }
    }

    func finish(_ outcome: Result<Void, any Error>) {
        let (continuation, timer) = contents.withLock {
            contents -> (CheckedContinuation<Void, any Error>?, ClockTimer?) in
            defer { contents = Contents(state: .finished, timer: nil) }
            guard case .parked(let continuation) = contents.state else { return (nil, nil) }
            return (continuation, contents.timer)
        }
        timer?.cancel()
        continuation?.resume(with: outcome)
    }
}
