internal import MillraceCore
internal import MillraceRuntime

/// Threads on which commits block: the node's, or a simulation's, which runs them when it likes.
protocol CommitThreads: Sendable {
    /// Returns at once.
    func submit(_ work: @escaping @Sendable () -> Void) throws(Failure)
}

extension BlockingExecutor: CommitThreads {}
