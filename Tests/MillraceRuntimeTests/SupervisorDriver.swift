import MillraceCore

@testable import MillraceRuntime

/// Carries out a supervisor's actions on virtual time, with children that are names only.
struct SupervisorDriver {
    var state: SupervisorState
    var now = MonotonicTime(nanoseconds: 1_000_000_000)
    /// Of the children that run: their incarnation.
    var running: [String: UInt64] = [:]
    /// Children that do not end when they are cancelled.
    var stubborn: Set<String> = []
    /// What happened: `+a` started, `-a` told to stop, `!a` abandoned.
    var log: [String] = []
    var events: [SupervisorEvent] = []
    var timers: [Int: MonotonicTime] = [:]
    var isEnded = false
    var failure: Failure?
    var endedWell: Bool { isEnded && failure == nil }

    init(_ options: SupervisorState.Options = .init(), seed: UInt64 = 7) {
        state = SupervisorState(name: "s", options: options, random: SeededRandom(seed: seed))
    }

    init(_ strategy: SupervisionStrategy, _ ids: String, policy: RestartPolicy = RestartPolicy()) {
        self.init(.init(strategy: strategy, groupPolicy: policy))
        for id in ids { send(.add(ChildRule(String(id), policy: policy))) }
        send(.begin)
        log = []
    }

    mutating func send(_ input: SupervisorState.Input) {
        var inputs = [input]
        while !inputs.isEmpty {
            for action in state.step(inputs.removeFirst(), now: now) {
                switch action {
                case .start(let id, let incarnation):
                    log.append("+" + id)
                    running[id] = incarnation
                case .cancel(let id, let incarnation):
                    log.append("-" + id)
                    guard !stubborn.contains(id) else { break }
                    running[id] = nil
                    inputs.append(.ended(id, incarnation, .finished))
                case .wake(let token, let span): timers[token] = now + span
                case .forget(let token): timers[token] = nil
                case .event(let event):
                    events.append(event)
                    if case .abandoned = event.kind { log.append("!" + event.child) }
                case .end(let failure): (isEnded, self.failure) = (true, failure)
                }
            }
        }
    }

    mutating func fail(_ id: String, _ directive: Directive = .restart, code: Failure.Code = .io) {
        guard let incarnation = running.removeValue(forKey: id) else { return }
        send(.ended(id, incarnation, .failed(Failure(code, "test"), directive)))
    }

    mutating func finish(_ id: String) {
        guard let incarnation = running.removeValue(forKey: id) else { return }
        send(.ended(id, incarnation, .finished))
    }

    /// Lets time pass, firing timers in their order.
    mutating func pass(_ span: TimeSpan) {
        let target = now + span
        // Sorted anew whenever a timer was set that is due in this span, too.
        while true {
            let due = timers.filter { $0.value <= target }.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
            if due.isEmpty { break }
            for (index, timer) in due.enumerated() where timers.removeValue(forKey: timer.key) != nil {
                now = max(now, timer.value)
                let before = timers.count
                send(.timer(timer.key))
                guard timers.count > before, index + 1 < due.count else { continue }
                if timers.values.contains(where: { $0 < due[index + 1].value }) { break }
            }
        }
        now = target
    }

    /// When the earliest timer fires, from now.
    var nextTimer: TimeSpan? { timers.values.min().map { $0 - now } }
    func phase(_ id: String) -> ChildStatus.Phase? { state.status(at: now).first { $0.id == id }?.phase }
    mutating func takeLog() -> String {
        defer { log = [] }
        return log.joined()
    }
}
