public import MillraceCore

/// What a subscriber wants to hear about.
public enum ChangeScope: Sendable {
    case table(StoredTable)
    case partition(StoredTable, [Value])
    /// Rows of one partition within bounds.
    case range(StoredTable, partition: [Value], ClusteringRange)
}

extension TableStore {
    /// Follows a table, a partition or a range of rows.
    ///
    /// - Parameter after: the last commit already known; nil begins now. One that is no longer at hand gives a gap.
    public func subscribe(_ scope: ChangeScope, after: CommitID? = nil) throws(Failure) -> ChangeSubscription {
        let table: StoredTable
        let range: KeyRange
        switch scope {
        case .table(let named): (table, range) = (named, named.rows)
        case .partition(let named, let key):
            table = named
            var writer = ByteWriter()
            try RowKey.partition(table, key[...], into: &writer)
            range = KeyRange(prefix: writer.bytes)
        case .range(let named, let partition, let bounds):
            table = named
            var writer = ByteWriter()
            try RowKey.partition(table, partition[...], into: &writer)
            let (lower, upper) = try bounds.suffixes(table)
            range = KeyRange(writer.bytes + lower, writer.bytes + upper)
        }
        return ChangeSubscription(
            feed: feed, table: table, range: range, position: after?.microseconds ?? feed.lastCommit)
    }
}

/// A place in the order of commits. It holds no memory of its own: a subscriber that does not read costs nothing, and
/// gets a gap when what it missed is no longer kept.
public final class ChangeSubscription: Sendable {
    private struct State {
        var position: Int64
        var sleeper: Int?
    }
    private let feed: ChangeFeed
    private let decoder: ChangeDecoder
    private let state: Lock<State>

    init(feed: ChangeFeed, table: StoredTable, range: KeyRange, position: Int64) {
        self.feed = feed
        decoder = ChangeDecoder(table: table, range: range)
        state = Lock(State(position: position))
    }

    deinit { cancel() }

    /// The last commit that was handed out or stepped over. Subscribing after it later goes on from here.
    public var position: CommitID { CommitID(microseconds: state.withLock { $0.position }) }

    /// The next changes, without blocking. One thread at a time.
    public func next() throws(Failure) -> ChangeStep {
        while true {
            let position = self.position.microseconds
            switch feed.take(after: position, count: Limits.feedStep) {
            case .nothing: return .nothing
            case .closed: return .closed
            case .gap(let floor):
                move(to: floor)
                return .gap(resumesAfter: CommitID(microseconds: floor))
            case .entries(let entries):
                var changes: [RowChange] = []
                var last = position
                for entry in entries {
                    for member in entry.members where member.id > position {
                        try decoder.decode(entry.bytes, member, into: &changes)
                        last = member.id
                    }
                    if changes.count >= Limits.feedStep { break }
                }
                move(to: last)
                if !changes.isEmpty { return .changes(changes) }
            }
        }
    }

    /// Calls `wake` once when `next` has something to look at, at once if it has already. It must not block.
    public func whenReady(_ wake: @escaping @Sendable () -> Void) {
        cancel()
        let sleeper = feed.whenBehind(position.microseconds, wake)
        state.withLock { $0.sleeper = sleeper }
    }

    /// Forgets the last `whenReady`.
    public func cancel() {
        let sleeper = state.withLock { state in
            defer { state.sleeper = nil }
            return state.sleeper
        }
        if let sleeper { feed.forget(sleeper) }
    }

    private func move(to position: Int64) { state.withLock { $0.position = position } }
}
