public import MillraceCore

/// Runs children, anyone's actors among them, and restarts those that fail.
///
/// ```swift
/// let supervisor = Supervisor("sensors", clock: clock, random: random)
/// try supervisor.add(Child("reader") { _ in try await reader.run() })
/// try supervisor.add(Child("writer", restart: .transient) { _ in try await writer.run() })
/// try await supervisor.run()      // until cancelled, or until it escalates
/// ```
///
/// A supervisor is itself a good child: make a new one in the `run` of a `Child`, and what it throws is what it
/// escalates. Safe from any thread; nothing here blocks.
public final class Supervisor: Sendable {
    public let name: String
    let clock: any RuntimeClock
    private let core: Lock<Core>
    private let end = Once<Failure?>()

    struct Core {
        var state: SupervisorState
        var children: [String: Child] = [:]
        /// By incarnation, until the end of the task is noted or the incarnation was abandoned.
        var tasks: [UInt64: Task<Void, Never>] = [:]
        /// Ended before their task was stored.
        var endedEarly: Set<UInt64> = []
        var timers: [Int: ClockTimer] = [:]
        var inputs: [SupervisorState.Input] = []
        var isDraining = false
        var listeners: [Int: @Sendable (SupervisorEvent) -> Void] = [:]
        var watchers: [String: [Int: @Sendable (Termination) -> Void]] = [:]
        var nextObserver = 0
        var hasRun = false

        mutating func take(_ input: SupervisorState.Input, now: MonotonicTime) -> [SupervisorState.Action] {
            let actions = state.step(input, now: now)
            switch input {
            case .timer(let token): timers[token] = nil
            case .remove(let id) where !state.contains(id): children[id] = nil
            default: break
            }
            return actions
        }
    }

    public init(
        _ name: String, _ options: SupervisorState.Options = .init(), clock: any RuntimeClock, random: SeededRandom
    ) {
        (self.name, self.clock) = (name, clock)
        core = Lock(Core(state: SupervisorState(name: name, options: options, random: random)))
    }

    // MARK: For the owner

    /// Adds a child: it starts in its turn, at once when the supervisor runs already.
    public func add(_ child: Child) throws(Failure) {
        let id = child.rule.id
        let problem: Failure? = core.withLock { core in
            if core.state.contains(id) || core.children[id] != nil {
                return Failure(.alreadyExists, "\(name) has a child \(id) already", place: "\(name)/\(id)")
            }
            if core.state.isEnded { return Failure(.closed, "the supervisor has ended", place: name) }
            if core.state.count >= Limits.children {
                return Failure(.limitReached, "a supervisor has at most \(Limits.children) children", place: name)
            }
            core.children[id] = child
            return nil
        }
        if let problem { throw problem }
        step(.add(child.rule))
    }

    /// Stops a child (within its deadline) and forgets it.
    public func remove(_ id: String) { step(.remove(id)) }

    /// Cancels a child that does not get on and treats it as failed. Starts one afresh that was given up.
    ///
    /// - Parameter directive: what becomes of it once it has ended or was abandoned.
    public func restart(_ id: String, because failure: Failure, _ directive: Directive = .restart) {
        step(.restart(id, failure, directive))
    }

    /// Starts the children and returns when all are done (if the options say so) or the calling task is cancelled,
    /// after every child has ended or its deadline passed. Throws what it escalates. Once.
    public func run() async throws(Failure) {
        let isFirst = core.withLock { core in
            defer { core.hasRun = true }
            return !core.hasRun
        }
        precondition(isFirst, "a supervisor runs once: make a new one to start again")
        let failure = await withTaskCancellationHandler {
            step(.begin)
            return await end.value
        } onCancel: {
            step(.shutdown)
        }
        if let failure { throw failure }
    }

    /// Begins the ordered shutdown; `run` returns when it is over.
    public func stop() { step(.shutdown) }

    // MARK: For who wants to know

    /// In order of adding.
    public var children: [ChildStatus] {
        let now = clock.now
        return core.withLock { $0.state.status(at: now) }
    }

    /// Calls `listener` for every event, in order, on whatever thread it happens; it must be short and not block.
    public func listen(_ listener: @escaping @Sendable (SupervisorEvent) -> Void) throws(Failure) -> Observation {
        let id: Int? = core.withLock { core in
            guard core.listeners.count < Limits.watchers else { return nil }
            core.nextObserver += 1
            core.listeners[core.nextObserver] = listener
            return core.nextObserver
        }
        guard let id else { throw Failure(.limitReached, "too many listen to one supervisor", place: name) }
        return Observation { [core] in core.withLock { _ = $0.listeners.removeValue(forKey: id) } }
    }

    /// Calls `observer` exactly once: when the present incarnation of the child ends, or at once when none is alive.
    @discardableResult public func watch(
        _ id: String, _ observer: @escaping @Sendable (Termination) -> Void
    ) throws(Failure) -> Observation {
        enum Verdict: Sendable { case watching(Int), gone, full }
        let verdict: Verdict = core.withLock { core in
            guard core.state.isAlive(id) else { return .gone }
            guard core.watchers[id, default: [:]].count < Limits.watchers else { return .full }
            core.nextObserver += 1
            core.watchers[id, default: [:]][core.nextObserver] = observer
            return .watching(core.nextObserver)
        }
        switch verdict {
        case .watching(let token):
            return Observation { [core] in core.withLock { _ = $0.watchers[id]?.removeValue(forKey: token) } }
        case .gone:
            observer(Termination(id: id, incarnation: 0, reason: .notAlive))
            return Observation {}
        case .full: throw Failure(.limitReached, "too many watch one child", place: "\(name)/\(id)")
        }
    }

    /// What is still kept about children, tasks and timers, for the test that nothing leaks.
    var leftovers: Int {
        core.withLock { $0.children.count + $0.tasks.count + $0.timers.count + $0.endedEarly.count + $0.watchers.count }
    }

    // MARK: The shell around the state

    /// Inputs are taken one at a time and their actions carried out before the next: who finds the supervisor at work
    /// leaves the input for it.
    func step(_ input: SupervisorState.Input) {
        let isMine = core.withLock { core in
            core.inputs.append(input)
            defer { core.isDraining = true }
            return !core.isDraining
        }
        guard isMine else { return }
        while true {
            let now = clock.now
            let actions: [SupervisorState.Action]? = core.withLock { core in
                guard !core.inputs.isEmpty else {
                    core.isDraining = false
                    return nil
                }
                let next = core.inputs
                core.inputs = []
                return next.flatMap { core.take($0, now: now) }
            }
            guard let actions else { return }
            for action in actions { perform(action) }
        }
    }

    private func perform(_ action: SupervisorState.Action) {
        switch action {
        case .start(let id, let incarnation): start(id, incarnation)
        case .cancel(_, let incarnation):
            let task = core.withLock { $0.tasks[incarnation] }
            task?.cancel()
        case .wake(let token, let span):
            let timer = clock.schedule(at: clock.now + span) { [weak self] in self?.step(.timer(token)) }
            core.withLock { $0.timers[token] = timer }
        case .forget(let token):
            let timer = core.withLock { $0.timers.removeValue(forKey: token) }
            timer?.cancel()
        case .event(let event): tell(event)
        case .end(let failure):
            core.withLock { $0.children = [:] }
            end.resume(returning: failure)
        }
    }

    private func start(_ id: String, _ incarnation: UInt64) {
        guard let child = core.withLock({ $0.children[id] }) else { return }
        let context = ChildContext(
            id: id, incarnation: incarnation, onReady: { [weak self] in self?.step(.ready(id, incarnation)) },
            isCurrent: { [weak self] in self?.core.withLock { $0.state.isCurrent(id, incarnation) } ?? false })
        let task = Task { [weak self] in
            var outcome = SupervisorState.Outcome.finished
            do {
                try await child.run(context)
            } catch {
                let failure =
                    error as? Failure
                    ?? Failure(.childFailed, "\(id) threw \(error)", place: id, cause: error)
                outcome = .failed(failure, child.directive(failure))
            }
            self?.ended(id, incarnation, outcome)
        }
        core.withLock { core in
            if core.endedEarly.remove(incarnation) == nil { core.tasks[incarnation] = task }
        }
    }

    private func ended(_ id: String, _ incarnation: UInt64, _ outcome: SupervisorState.Outcome) {
        step(.ended(id, incarnation, outcome))
        core.withLock { core in
            if core.tasks.removeValue(forKey: incarnation) == nil { core.endedEarly.insert(incarnation) }
        }
    }

    private func tell(_ event: SupervisorEvent) {
        let reason: Termination.Reason? =
            switch event.kind {
            case .finished: .finished
            case .failed(let failure, _): .failed(failure)
            case .stopped: .stopped
            case .abandoned: .abandoned
            case .started, .ready, .slowStart, .gaveUp, .escalated: nil
            }
        let (listeners, watchers) = core.withLock { core in
            // A temporary child is forgotten by the state when it has ended; forget what runs it, too.
            if !core.state.contains(event.child) { core.children[event.child] = nil }
            let watchers = reason == nil ? nil : core.watchers.removeValue(forKey: event.child)
            let order = core.listeners.keys.sorted()
            return (order.compactMap { core.listeners[$0] }, watchers)
        }
        for listener in listeners { listener(event) }
        guard let reason, let watchers else { return }
        for token in watchers.keys.sorted() {
            watchers[token]?(Termination(id: event.child, incarnation: event.incarnation, reason: reason))
        }
    }
}

/// Ends a subscription. Cancelling twice does nothing.
public struct Observation: Sendable {
    private let onCancel: @Sendable () -> Void
    public init(onCancel: @escaping @Sendable () -> Void) { self.onCancel = onCancel }
    public func cancel() { onCancel() }
}
