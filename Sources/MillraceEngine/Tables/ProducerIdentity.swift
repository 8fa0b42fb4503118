internal import MillraceCore
internal import MillraceTables

/// Who a task is to the logs it writes: a number for life, and an epoch that fences its earlier runs.
struct ProducerIdentity: Equatable, Sendable {
    var id: Int64
    var epoch: Int16

    var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 10)
        writer.integer(id)
        writer.integer(epoch)
        return writer.bytes
    }

    init(id: Int64, epoch: Int16) { (self.id, self.epoch) = (id, epoch) }
    init?(_ bytes: [UInt8]) {
        let read: ProducerIdentity? = try? bytes.lending { (raw) throws(ByteFault) in
            var reader = ByteReader(raw)
            let identity = ProducerIdentity(id: try reader.integer(), epoch: try reader.integer())
            try reader.expectEnd()
            return identity
        }
        guard let read else { return nil }
        self = read
    }
}

/// Gives tasks their identities. Kept in the store, so that a task is the same producer after a restart of the node.
final class ProducerIdentities: Sendable {
    private let store: TableStore
    /// One allocation at a time: true while one is under way.
    private let turn = ThreadMonitor(false)

    /// Our numbers begin where no client's will: the log hands out small ones.
    private static let first: Int64 = 1 << 40
    private static let counterKey = Array("\u{0}producers".utf8)

    init(_ store: TableStore) { self.store = store }

    /// The identity for a new run of the task. May block.
    ///
    /// Not synced by itself: a crash that loses it loses every later commit with it, and a run that died with its
    /// process needs no fence.
    func next(for task: TaskAddress) throws(Failure) -> ProducerIdentity {
        turn.wait { (isTaken) -> ThreadMonitor<Bool>.Step<Void> in
            if isTaken { return .wait(until: nil) }
            isTaken = true
            return .done(())
        }
        defer {
            turn.withLock { $0 = false }
            turn.signal()
        }
        let key = task.producerKey
        var commit = store.begin(ties: .byOrder)
        let identity: ProducerIdentity
        if let known = try store.state(key).flatMap({ ProducerIdentity($0) }), known.epoch < .max {
            identity = ProducerIdentity(id: known.id, epoch: known.epoch + 1)
        } else {
            let last = try store.state(Self.counterKey).flatMap { ProducerIdentity($0) }?.id ?? Self.first
            identity = ProducerIdentity(id: last + 1, epoch: 0)
            commit.setState(Self.counterKey, identity.bytes)
        }
        commit.setState(key, identity.bytes)
        try store.commit(commit, synced: false)
        return identity
    }
}
