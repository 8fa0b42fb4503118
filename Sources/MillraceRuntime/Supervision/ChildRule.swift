public import MillraceCore

/// What a supervisor knows about a child besides how to run it.
public struct ChildRule: Sendable, Hashable {
    public var id: String
    public var restart: Restart
    public var policy: RestartPolicy
    /// How long it may take to end once it was cancelled; then it is abandoned and reported.
    public var shutdown: TimeSpan
    /// It calls `ChildContext.ready()`, and the children after it start only then (or after `start`).
    public var announcesReadiness: Bool
    public var start: TimeSpan

    public init(
        _ id: String, restart: Restart = .permanent, policy: RestartPolicy = RestartPolicy(),
        shutdown: TimeSpan = Limits.childShutdown, announcesReadiness: Bool = false,
        start: TimeSpan = Limits.childStart
    ) {
        (self.id, self.restart, self.policy, self.shutdown) = (id, restart, policy, shutdown)
        (self.announcesReadiness, self.start) = (announcesReadiness, start)
    }
}

/// Who is restarted when one child fails.
public enum SupervisionStrategy: Sendable, Hashable {
    /// The child alone.
    case oneForOne
    /// All children: they are stopped in reverse order and started in order.
    case oneForAll
    /// The child and those that were added after it, in the same way.
    case restForOne
}

/// What a supervisor does with a child that used up its restarts.
public enum GivingUp: Sendable, Hashable {
    /// It stops all children and fails itself: its own supervisor decides.
    case escalate
    /// It leaves the child as failed and the others running. One-for-one only.
    case leaveFailed
}

/// What to do about a failure.
public enum Directive: Sendable, Hashable {
    /// As the child's restart kind and policy say.
    case restart
    /// Leave it failed.
    case stop
    /// Stop all and fail.
    case escalate
}

public struct ChildStatus: Sendable {
    public enum Phase: String, Sendable, Hashable {
        /// Not started yet: it is not its turn.
        case waiting
        /// Started, and not ready yet.
        case starting
        case running
        /// Cancelled, and not ended yet.
        case stopping
        /// Waits for its restart.
        case backingOff
        /// Ended by itself, without a failure.
        case finished
        /// Used up its restarts.
        case failed
        /// Was told to end and did.
        case stopped

        var isAlive: Bool { self == .starting || self == .running || self == .stopping }
        /// Nothing more is going to happen by itself.
        var isOver: Bool { self == .finished || self == .failed || self == .stopped }
    }

    public var id: String
    public var phase: Phase
    /// Number of this start among all of the supervisor's; fences what an abandoned predecessor still does.
    public var incarnation: UInt64
    public var restarts: Int
    /// Restarts left before the supervisor gives up on it.
    public var restartsLeft: Int?
    public var startedAt: MonotonicTime
    public var lastFailure: Failure?
}

/// What happened under a supervisor, in order.
public struct SupervisorEvent: Sendable {
    public enum Kind: Sendable {
        case started
        case ready
        /// It took too long to become ready; the next child is started all the same.
        case slowStart
        case finished
        case failed(Failure, restartIn: TimeSpan?)
        case stopped
        /// It did not end in time after it was cancelled. It may still run; its incarnation is fenced.
        case abandoned
        case gaveUp(Failure)
        case escalated(Failure)
    }
    public var supervisor: String
    public var child: String
    public var incarnation: UInt64
    public var kind: Kind
}

extension Failure.Code {
    /// A child used up its restarts.
    public static let restartIntensity = Failure.Code("restart-intensity")
    /// A child threw something that is not a `Failure`, or ended though it is permanent.
    public static let childFailed = Failure.Code("child-failed")
}
