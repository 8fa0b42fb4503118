public import MillraceCore

/// Something a supervisor runs: one verb, ended by cancellation.
public struct Child: Sendable {
    public var rule: ChildRule
    /// Decides about a failure before the restart kind does.
    public var directive: @Sendable (Failure) -> Directive
    /// Returns when it is done; throws when it failed; ends soon after it was cancelled.
    public var run: @Sendable (ChildContext) async throws -> Void

    public init(
        _ rule: ChildRule, directive: @escaping @Sendable (Failure) -> Directive = { _ in .restart },
        run: @escaping @Sendable (ChildContext) async throws -> Void
    ) {
        (self.rule, self.directive, self.run) = (rule, directive, run)
    }

    public init(
        _ id: String, restart: Restart = .permanent, policy: RestartPolicy = RestartPolicy(),
        run: @escaping @Sendable (ChildContext) async throws -> Void
    ) {
        self.init(ChildRule(id, restart: restart, policy: policy), run: run)
    }
}

/// One start of a child.
public struct ChildContext: Sendable {
    public let id: String
    /// Strictly increasing under one supervisor. Write it where a predecessor that was abandoned must be fenced.
    public let incarnation: UInt64
    let onReady: @Sendable () -> Void
    let isCurrent: @Sendable () -> Bool

    /// Tells the supervisor that the next child may start. For children that announce their readiness.
    public func ready() { onReady() }
    /// False once this start was abandoned or replaced: whatever it still does must have no effect.
    public var isFenced: Bool { !isCurrent() }
}

/// Why a watched child is gone.
public struct Termination: Sendable {
    public enum Reason: Sendable {
        case finished
        case failed(Failure)
        /// It was told to end.
        case stopped
        /// It did not end when told to.
        case abandoned
        /// There was nothing alive under this id when the watch began.
        case notAlive
    }
    public var id: String
    public var incarnation: UInt64
    public var reason: Reason
}
