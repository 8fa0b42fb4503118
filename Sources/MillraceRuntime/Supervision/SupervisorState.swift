public import MillraceCore

/// The logic of a supervisor as a value: inputs in, actions out, no clock, thread or task of its own.
public struct SupervisorState: Sendable {
    public enum Outcome: Sendable {
        case finished
        case failed(Failure, Directive = .restart)
    }

    public enum Input: Sendable {
        /// Start the children in order.
        case begin
        case add(ChildRule)
        /// Stop one child and forget it.
        case remove(String)
        /// It does not get on: cancel it and treat it as failed. One that is over is started afresh.
        case restart(String, Failure, Directive = .restart)
        case ready(String, UInt64)
        case ended(String, UInt64, Outcome)
        case timer(Int)
        /// Stop all children in reverse order, then end.
        case shutdown
    }

    public enum Action: Sendable {
        case start(String, UInt64)
        case cancel(String, UInt64)
        /// Give `timer(token)` after the span.
        case wake(Int, after: TimeSpan)
        case forget(Int)
        case event(SupervisorEvent)
        /// Nothing runs any more (but what was abandoned). With a failure when it escalates.
        case end(Failure?)
    }

    public struct Options: Sendable, Hashable {
        public var strategy: SupervisionStrategy
        public var givingUp: GivingUp
        /// For the strategies that restart several children: their common count.
        public var groupPolicy: RestartPolicy
        /// Whether the supervisor ends when every child is finished or failed.
        public var endsWhenDone: Bool
        /// Whether shutdown cancels all children at once instead of one after the other in reverse order.
        public var stopsTogether: Bool
        /// For the whole shutdown; what still runs then is abandoned.
        public var shutdown: TimeSpan

        public init(
            strategy: SupervisionStrategy = .oneForOne, givingUp: GivingUp = .escalate,
            groupPolicy: RestartPolicy = RestartPolicy(), endsWhenDone: Bool = false, stopsTogether: Bool = false,
            shutdown: TimeSpan = .seconds(60)
        ) {
            precondition(givingUp == .escalate || strategy == .oneForOne, "a group cannot leave one child failed")
            (self.strategy, self.givingUp, self.groupPolicy) = (strategy, givingUp, groupPolicy)
            (self.endsWhenDone, self.stopsTogether, self.shutdown) = (endsWhenDone, stopsTogether, shutdown)
        }
    }

    struct Child: Sendable {
        var rule: ChildRule
        /// Order of adding: order of starting.
        let sequence: Int
        var phase = ChildStatus.Phase.waiting
        var incarnation: UInt64 = 0
        var count = RestartCount()
        var startedAt = MonotonicTime(nanoseconds: 0)
        var lastFailure: Failure?
        /// The timer that concerns it: restart, start deadline or stop deadline.
        var timer: Int?
        var isToBeForgotten = false
        /// Cancelled because it failed in a way it does not know itself.
        var verdict: (failure: Failure, directive: Directive)?
    }

    enum Mode: Sendable, Hashable { case fresh, running, stopping, ended }
    enum Purpose: Sendable, Hashable {
        case restart(String), startDeadline(String), stopDeadline(String), group, shutdown
    }

    public let name: String
    public let options: Options
    var random: SeededRandom
    var children: [String: Child] = [:]
    var mode = Mode.fresh
    var nextSequence = 0, nextIncarnation: UInt64 = 0, nextToken = 0
    /// Children that are neither finished, failed nor stopped.
    var open = 0
    /// Ids that wait for their turn to start, in order.
    var startQueue: [String] = []
    var awaitedReady: String?
    var timers: [Int: Purpose] = [:]
    /// Ids that restart together, and the ones among them (or among all) still to be stopped, first to start first.
    var group: Set<String> = []
    var groupCount = RestartCount(), groupDelay = TimeSpan.zero, groupTimer: Int?
    var stopStack: [String] = []
    var endsWith: Failure?

    public init(name: String, options: Options = Options(), random: SeededRandom) {
        (self.name, self.options, self.random) = (name, options, random)
    }

    public var isEnded: Bool { mode == .ended }

    /// In order of adding.
    public func status(at now: MonotonicTime) -> [ChildStatus] {
        children.values.sorted { $0.sequence < $1.sequence }.map { child in
            let isGroup = options.strategy != .oneForOne
            let (count, policy) = isGroup ? (groupCount, options.groupPolicy) : (child.count, child.rule.policy)
            return ChildStatus(
                id: child.rule.id, phase: child.phase, incarnation: child.incarnation, restarts: child.count.total,
                restartsLeft: count.left(at: now, policy: policy), startedAt: child.startedAt,
                lastFailure: child.lastFailure)
        }
    }

    public func isCurrent(_ id: String, _ incarnation: UInt64) -> Bool {
        children[id].map { $0.incarnation == incarnation && $0.phase.isAlive } ?? false
    }
    public func isAlive(_ id: String) -> Bool { children[id]?.phase.isAlive ?? false }
    public func contains(_ id: String) -> Bool { children[id] != nil }
    public var count: Int { children.count }

    public mutating func step(_ input: Input, now: MonotonicTime) -> [Action] {
        var actions: [Action] = []
        guard mode != .ended else { return actions }
        switch input {
        case .begin:
            guard mode == .fresh else { break }
            mode = .running
            startQueue = sortedIDs()
            startNext(now, &actions)
            endIfDone(&actions)
        case .add(let rule): add(rule, now, &actions)
        case .remove(let id): remove(id, now, &actions)
        case .restart(let id, let failure, let directive): restart(id, failure, directive, now, &actions)
        case .ready(let id, let incarnation): ready(id, incarnation, now, &actions)
        case .ended(let id, let incarnation, let outcome): ended(id, incarnation, outcome, now, &actions)
        case .timer(let token): fired(token, now, &actions)
        case .shutdown: shutdown(nil, now, &actions)
        }
        return actions
    }

    // MARK: Small parts

    func sortedIDs() -> [String] { children.values.sorted { $0.sequence < $1.sequence }.map(\.rule.id) }

    mutating func setPhase(_ id: String, _ phase: ChildStatus.Phase) {
        guard let before = children[id]?.phase else { return }
        open += (phase.isOver ? 0 : 1) - (before.isOver ? 0 : 1)
        children[id]?.phase = phase
    }

    mutating func arm(_ purpose: Purpose, after span: TimeSpan, _ actions: inout [Action]) -> Int {
        nextToken += 1
        timers[nextToken] = purpose
        actions.append(.wake(nextToken, after: span))
        return nextToken
    }

    mutating func arm(_ id: String, _ purpose: Purpose, after span: TimeSpan, _ actions: inout [Action]) {
        let token = arm(purpose, after: span, &actions)
        children[id]?.timer = token
    }

    mutating func disarm(_ id: String, _ actions: inout [Action]) {
        guard let token = children[id]?.timer else { return }
        children[id]?.timer = nil
        disarm(token: token, &actions)
    }

    mutating func disarm(token: Int, _ actions: inout [Action]) {
        if timers.removeValue(forKey: token) != nil { actions.append(.forget(token)) }
    }

    func tell(_ id: String, _ kind: SupervisorEvent.Kind, _ actions: inout [Action]) {
        let incarnation = children[id]?.incarnation ?? 0
        actions.append(
            .event(SupervisorEvent(supervisor: name, child: id, incarnation: incarnation, kind: kind)))
    }

    mutating func forget(_ id: String) {
        if let child = children.removeValue(forKey: id), !child.phase.isOver { open -= 1 }
        group.remove(id)
        if awaitedReady == id { awaitedReady = nil }
    }

    mutating func endIfDone(_ actions: inout [Action]) {
        guard options.endsWhenDone, mode == .running, open == 0, group.isEmpty else { return }
        mode = .ended
        let failed = children.values.filter { $0.phase == .failed }.min { $0.sequence < $1.sequence }
        actions.append(.end(failed?.lastFailure))
    }
}
