internal import MillraceCore
internal import MillraceFlow
internal import MillraceRuntime

/// One commit on its way to the disk, while its task goes on with the next records.
///
/// The order is what makes it exact: records and rows are made durable first, the store's write decides, and only then
/// do they become visible. A crash between any two steps is settled by `OutboundLogs.recover` and the mark.
final class CommitJob: Sendable {
    struct Success: Sendable {
        var mark: TaskMark
        var duration: TimeSpan
        /// What was committed; its storage may be used again.
        var spent: Outbox
    }
    private let outcome = Lock<Result<Success, Failure>?>(nil)

    /// Starts it on a blocking thread; `wake` is called when `result` is there.
    init(
        _ commit: TaskCommit, _ outbox: Outbox, as run: UInt64, context: TaskContext,
        wake: @escaping @Sendable () -> Void
    ) throws(Failure) {
        let outcome = outcome
        // Taken out by the thread that works on it, so that nobody else holds its storage when it is done.
        let parcel = Lock<(commit: TaskCommit, outbox: Outbox)?>((commit, outbox))
        try context.commits.submit {
            guard let (commit, outbox) = parcel.withLock({ $0.take() }) else { return }
            let start = context.clock.now
            do throws(Failure) {
                let mark = try context.fence.commit(as: run) { () throws(Failure) in
                    try Self.perform(commit, outbox, context)
                }
                let success = Success(mark: mark, duration: context.clock.now - start, spent: outbox)
                outcome.withLock { $0 = .success(success) }
            } catch {
                outcome.withLock { $0 = .failure(error) }
            }
            wake()
        }
    }

    /// While it is under way there is no result.
    var isDone: Bool { outcome.withLock { $0 != nil } }
    /// `nil` while it is under way, and once it was taken.
    func takeResult() -> Result<Success, Failure>? { outcome.withLock { $0.take() } }

    private static func perform(_ commit: TaskCommit, _ outbox: Outbox, _ context: TaskContext) throws(Failure)
        -> TaskMark
    {
        var commit = commit
        commit.mark.transaction = try context.outbound.prepare(outbox)
        commit.shuffled = context.outbound.shuffled
        if let sink = context.sink { try sink.prepare(outbox.rows, commit: commit.mark.commits) }
        CrashPoint.reached("commit.prepared")
        try context.store.commit(commit)
        CrashPoint.reached("commit.decided")
        try context.outbound.publish()
        CrashPoint.reached("commit.published")
        if let sink = context.sink { try sink.publish(commit: commit.mark.commits) }
        return commit.mark
    }
}
