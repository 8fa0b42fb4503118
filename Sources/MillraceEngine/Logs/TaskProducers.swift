internal import MillraceCore
internal import MillraceLog

/// Who tasks are to the logs they write: a number for life, and an epoch that fences their earlier runs. The log gives
/// both out and keeps them.
final class TaskProducers: Sendable {
    private struct State {
        /// Tasks that will ask, and identities that were made for them ahead.
        var expected: [TaskAddress] = []
        var ready: [TaskAddress: ProducerIdentity] = [:]
        /// Who writes under which id, of the tasks that have run since the start.
        var tasks: [Int64: TaskAddress] = [:]
    }
    private let log: LogStore
    private let state = Lock(State())

    init(_ log: LogStore) { self.log = log }

    /// Before `prepare`: the task is going to run.
    func expect(_ task: TaskAddress) { state.withLock { $0.expected.append(task) } }

    /// Makes the first identities of all tasks with one write.
    func prepare() throws(Failure) {
        let tasks = state.withLock { state in
            defer { state.expected = [] }
            return state.expected
        }
        if tasks.isEmpty { return }
        let identities = try log.transactionalIdentities(tasks.map(\.description))
        state.withLock { state in
            for (task, identity) in zip(tasks, identities) { state.ready[task] = identity }
        }
    }

    /// The identity for a new run of the task, fencing those before in the partitions it writes. May block.
    func next(for task: TaskAddress, in partitions: [Partition]) throws(Failure) -> ProducerIdentity {
        var identity = state.withLock { $0.ready.removeValue(forKey: task) }
        if identity == nil { identity = try log.transactionalIdentities([task.description]).first }
        guard let identity else { preconditionFailure("one name gives one identity") }
        state.withLock { $0.tasks[identity.id] = task }
        log.fence(before: identity, in: partitions)
        return identity
    }

    /// A producer in words: which task it is.
    func name(of id: Int64) -> String {
        let task = state.withLock { $0.tasks[id] }
        return task.map { "partition \($0.partition) of stage \($0.stage)" } ?? "upstream producer \(id)"
    }
}
