public import MillraceCore

/// What a guard does about the death of its process. Pure.
public struct GuardState: Sendable {
    public enum Death: Sendable, Hashable {
        case exited(Int32)
        case signalled(Int32)
        /// It did not count its heart beat; the guard killed it.
        case hung
    }

    public enum Verdict: Sendable {
        /// The guard ends with this code, too.
        case end(Int32)
        case restart(after: TimeSpan)
        case giveUp(Failure)
    }

    /// Deaths that nobody can be blamed for.
    public var policy: RestartPolicy
    /// Deaths on a known record: each pair ends one record, so many are allowed, and the wait stays short.
    public var blamedPolicy: RestartPolicy
    private var random: SeededRandom
    private var count = RestartCount(), blamedCount = RestartCount()
    private var isTerminating = false

    public init(
        policy: RestartPolicy = RestartPolicy(),
        blamedPolicy: RestartPolicy = RestartPolicy(
            intensity: 60, backoff: Backoff(last: Limits.restartBackoffFirst * 2)), random: SeededRandom
    ) {
        (self.policy, self.blamedPolicy, self.random) = (policy, blamedPolicy, random)
    }

    /// The guard was told to end and passed it on: whatever the process does now, it is not started again.
    public mutating func terminate() { isTerminating = true }

    public mutating func died(
        _ death: Death, isBlamed: Bool, startedAt: MonotonicTime, now: MonotonicTime
    ) -> Verdict {
        switch death {
        case .exited(let code) where code == ProcessExit.success || isTerminating: return .end(code)
        // Starting again with the same arguments, or while another node runs, ends the same way.
        case .exited(ProcessExit.usage), .exited(ProcessExit.inUse): return .end(death.code)
        case .exited, .signalled, .hung: break
        }
        if isTerminating { return .end(death.code) }
        let attempt =
            isBlamed
            ? blamedCount.failed(at: now, startedAt: startedAt, policy: blamedPolicy)
            : count.failed(at: now, startedAt: startedAt, policy: policy)
        guard let attempt else {
            let policy = isBlamed ? blamedPolicy : policy
            return .giveUp(
                Failure(
                    .restartIntensity,
                    "the node died more than \(policy.intensity ?? 0) times within \(policy.period.seconds) s, "
                        + "the last time \(death)", advice: "Look at its log; `dead-letters` shows what was blamed",
                    isFatal: true))
        }
        let backoff = isBlamed ? blamedPolicy.backoff : policy.backoff
        return .restart(after: backoff.delay(attempt: attempt, random: &random))
    }
}

extension GuardState.Death: CustomStringConvertible {
    /// The exit code a shell would show.
    public var code: Int32 {
        switch self {
        case .exited(let code): code
        case .signalled(let signal): 128 + signal
        case .hung: 128 + 9
        }
    }

    public var description: String {
        switch self {
        case .exited(let code): "with exit code \(code)"
        case .signalled(let signal): "by signal \(signal)"
        case .hung: "without a heart beat"
        }
    }
}
