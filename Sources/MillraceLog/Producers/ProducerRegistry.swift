internal import MillraceCore

/// Who a producer is to the log.
public struct ProducerIdentity: Hashable, Sendable {
    public var id: Int64
    /// Rises with each instance of a transactional name; older instances are refused.
    public var epoch: Int16
    public init(id: Int64, epoch: Int16) { (self.id, self.epoch) = (id, epoch) }
}

/// Gives out producer ids, never one twice, and the epochs of transactional names.
final class ProducerRegistry: Sendable {
    private static let file = CheckedFile(magic: "MRPRODS\n", version: 1)
    /// Ids reserved with one write of the file.
    private static let blockSize: Int64 = 1_000

    struct State: Sendable {
        var next: Int64 = 0
        /// Ids below it are ours to give without a write.
        var reserved: Int64 = 0
        var names: [String: ProducerIdentity] = [:]

        mutating func nextInstance(of name: String) throws(Failure) -> ProducerIdentity {
            var identity: ProducerIdentity
            if let known = names[name], known.epoch < .max - 1 {
                identity = known
                identity.epoch += 1
            } else {
                guard names[name] != nil || names.count < Limits.transactionalNames else {
                    throw Failure(
                        .limitReached, "There are \(Limits.transactionalNames) transactional names",
                        advice: "Use stable names: one per stage and partition")
                }
                identity = ProducerIdentity(id: next, epoch: 0)
                next += 1
                reserved = max(reserved, next)
            }
            names[name] = identity
            return identity
        }
    }
    private let context: StoreContext
    /// Holds the state and serialises the writes of the file: used from threads that may block.
    private let state: Monitored<State>

    init(context: StoreContext) throws(Failure) {
        self.context = context
        var state = State()
        let path = context.directory + "/producers"
        let bytes = try attempting("The producers' file could not be read") { () throws(IOFault) in
            try context.storage.contents(of: path, limit: Limits.checkedFileBytes)
        }
        if let bytes {
            do throws(ByteFault) { state = try Self.decode(bytes) } catch {
                throw Failure(
                    .corrupt, "The producers' file is damaged: \(error)",
                    advice: "Restore it from a backup: with a wrong one, ids could be given out twice", place: path)
            }
        }
        self.state = Monitored(state)
    }

    /// A new id for an idempotent producer that lives as long as the process.
    func newIdentity() throws(Failure) -> ProducerIdentity {
        try state.perform { (state) throws(Failure) in
            if state.next == state.reserved {
                var grown = state
                grown.reserved += Self.blockSize
                try store(grown)
                state = grown
            }
            defer { state.next += 1 }
            return ProducerIdentity(id: state.next, epoch: 0)
        }
    }

    /// The next instances of transactional names, for one write. Durable on return.
    func nextInstances(of names: [String]) throws(Failure) -> [ProducerIdentity] {
        try state.perform { (state) throws(Failure) in
            var changed = state
            let identities = try names.map { (name) throws(Failure) in try changed.nextInstance(of: name) }
            try store(changed)
            state = changed
            return identities
        }
    }

    func identity(of name: String) -> ProducerIdentity? { state.read { $0.names[name] } }
    var names: [String: ProducerIdentity] { state.read { $0.names } }

    private func store(_ state: State) throws(Failure) {
        var writer = ByteWriter(capacity: 64)
        writer.integer(state.reserved)
        writer.integer(UInt32(state.names.count))
        for (name, identity) in state.names.sorted(by: { $0.key < $1.key }) {
            writer.integer(UInt16(name.utf8.count))
            writer.text(name)
            writer.integer(identity.id)
            writer.integer(identity.epoch)
        }
        let bytes = Self.file.encode(writer.bytes)
        try attempting("The producers' file could not be written") { () throws(IOFault) in
            try context.storage.replace(context.directory + "/producers", with: bytes)
        }
    }

    static func decode(_ bytes: [UInt8]) throws(ByteFault) -> State {
        let payload = try file.decode(bytes)
        return try payload.lending { (raw) throws(ByteFault) in
            var reader = ByteReader(raw)
            var state = State()
            state.reserved = try reader.integer()
            guard state.reserved >= 0 else { throw ByteFault(.impossibleCount, at: 0) }
            // Ids of the last block that were not used stay unused.
            state.next = state.reserved
            let count = try reader.checked(
                count: try reader.integer(UInt32.self), minimumElementBytes: 12, limit: Limits.transactionalNames)
            for _ in 0..<count {
                let length = Int(try reader.integer(UInt16.self))
                let name = try reader.text(length)
                let id: Int64 = try reader.integer()
                let identity = ProducerIdentity(id: id, epoch: try reader.integer())
                guard id >= 0, id < state.reserved, state.names.updateValue(identity, forKey: name) == nil else {
                    throw ByteFault(.unknownValue, at: reader.position)
                }
            }
            try reader.expectEnd()
            return state
        }
    }
}

/// A value whose changes may block on the disk: one change at a time, readers do not wait for it.
final class Monitored<Value: Sendable>: Sendable {
    private let turn = ThreadMonitor(false)
    private let value: Lock<Value>
    init(_ value: Value) { self.value = Lock(value) }

    func read<R: Sendable>(_ body: (Value) -> R) -> R { value.withLock { body($0) } }

    /// Runs `body` on a copy, alone among the changes; the copy becomes the value when it returns.
    func perform<R: Sendable, E: Error>(_ body: (inout Value) throws(E) -> R) throws(E) -> R {
        let _: Bool = turn.wait { isBusy in
            if isBusy { return .wait(until: nil) }
            isBusy = true
            return .done(true)
        }
        defer {
            turn.withLock { $0 = false }
            turn.signal()
        }
        var copy = value.withLock { $0 }
        let result = try body(&copy)
        value.withLock { $0 = copy }
        return result
    }
}
