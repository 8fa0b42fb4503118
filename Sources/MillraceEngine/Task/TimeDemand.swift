internal import MillraceCore

/// Which tasks behind a shuffle have something that comes of time alone: windows to fire, timers to run.
///
/// While their producers are idle and nobody waits for time, nobody needs to be told it: an idle node writes nothing.
/// Only a hint, and in doubt it says yes: what is told, is told behind the records, in the shuffle's own order.
final class TimeDemand: Sendable {
    private let isWaiting: Lock<[Bool]>

    /// Until a task has said otherwise, it waits.
    init(tasks: Int) { isWaiting = Lock(Array(repeating: true, count: tasks)) }

    func tell(task: Int, isWaiting: Bool) { self.isWaiting.withLock { $0[task] = isWaiting } }
    var isThere: Bool { isWaiting.withLock { $0.contains(true) } }
}
