public import MillraceCore

/// Positions by group name, each group a file that is replaced atomically: a commit is durable on return.
///
/// Calls that change something block on the disk. A damaged file fails its group only, and is kept.
public final class ConsumerPositions: Sendable {
    typealias Group = [TopicPartition: ConsumerPosition]
    private struct State: Sendable {
        var groups: [String: Group] = [:]
        var damaged: [String: Failure] = [:]
    }
    private let context: StoreContext
    private let state: Monitored<State>
    private static let file = CheckedFile(magic: "MRPOSIT\n", version: 1)
    private static let suffix = ".positions"

    init(context: StoreContext) throws(Failure) {
        self.context = context
        let directory = context.directory + "/positions"
        var state = State()
        let files = try attempting("The positions could not be listed", place: directory) { () throws(IOFault) in
            try context.storage.makeDirectory(directory)
            try context.storage.syncDirectory(context.directory)
            try context.storage.syncDirectory(directory)
            return try context.storage.list(directory)
        }
        for name in files where name.hasSuffix(Self.suffix) {
            let group = String(name.dropLast(Self.suffix.utf8.count))
            let path = directory + "/" + name
            let bytes = try attempting("Positions could not be read", place: path) { () throws(IOFault) in
                try context.storage.contents(of: path, limit: Limits.checkedFileBytes)
            }
            do throws(ByteFault) { state.groups[group] = try Self.decode(bytes ?? []) } catch {
                state.damaged[group] = Failure(
                    .corrupt, "The positions of the group \(group) are damaged: \(error)",
                    advice: "Reset the group to known offsets; the file stays where it is until then", place: path)
            }
        }
        self.state = Monitored(state)
    }

    private func path(_ group: String) -> String { context.directory + "/positions/" + group + Self.suffix }

    /// The names of all groups.
    public var groups: [String] { state.read { Set($0.groups.keys).union($0.damaged.keys).sorted() } }

    /// A group's positions; empty for an unknown one.
    public func list(group: String) throws(Failure) -> [TopicPartition: ConsumerPosition] {
        let outcome: Result<Group, Failure> = state.read { state in
            state.damaged[group].map { .failure($0) } ?? .success(state.groups[group] ?? [:])
        }
        return try outcome.get()
    }
    public func position(group: String, topic: String, partition: Int) throws(Failure) -> ConsumerPosition? {
        try list(group: group)[TopicPartition(topic, partition)]
    }

    /// Commits positions of one group together: after a crash all of them hold or none.
    public func commit(group: String, _ positions: [TopicPartition: ConsumerPosition]) throws(Failure) {
        try change(group, isReset: false) { known in for (key, position) in positions { known[key] = position } }
    }
    public func commit(
        group: String, topic: String, partition: Int, offset: Int64, epoch: Int32 = 0, metadata: String = ""
    ) throws(Failure) {
        let position = ConsumerPosition(
            offset: offset, epoch: epoch, committed: context.clock.wall, metadata: metadata)
        try commit(group: group, [TopicPartition(topic, partition): position])
    }

    /// Sets a group to exactly these positions, also when its file was damaged (which is kept in the quarantine).
    public func reset(group: String, to positions: [TopicPartition: ConsumerPosition]) throws(Failure) {
        try change(group, isReset: true) { $0 = positions }
    }

    /// Forgets a group.
    public func delete(group: String) throws(Failure) {
        try state.perform { (state) throws(Failure) in
            guard state.groups[group] != nil || state.damaged[group] != nil else { return }
            try attempting("The group \(group) could not be deleted") { () throws(IOFault) in
                if try context.storage.status(of: path(group)) != nil { try context.storage.unlink(path(group)) }
                try context.storage.syncDirectory(context.directory + "/positions")
            }
            state.groups[group] = nil
            state.damaged[group] = nil
        }
    }

    private func change(_ group: String, isReset: Bool, _ body: (inout Group) -> Void) throws(Failure) {
        try TopicName.validate(group, what: "group")
        if context.isClosing.withLock({ $0 }) { throw context.closedFailure }
        try state.perform { (state) throws(Failure) in
            if let damaged = state.damaged[group] {
                guard isReset else { throw damaged }
                try attempting("The damaged positions could not be kept") { () throws(IOFault) in
                    try context.storage.makeDirectory(context.quarantine)
                    try context.storage.rename(path(group), to: "\(context.quarantine)/\(group)\(Self.suffix)")
                    try context.storage.syncDirectory(context.quarantine)
                }
            }
            var changed = state.groups[group] ?? [:]
            body(&changed)
            let others = state.groups.reduce(0) { $0 + ($1.key == group ? 0 : $1.value.count) }
            guard others + changed.count <= Limits.positions else {
                throw Failure(
                    .limitReached, "There are \(Limits.positions) positions", advice: "Delete groups that are gone")
            }
            let bytes = Self.encode(changed)
            try attempting("The positions of \(group) could not be stored", place: path(group)) {
                () throws(IOFault) in
                try context.storage.replace(path(group), with: bytes)
            }
            state.groups[group] = changed
            state.damaged[group] = nil
        }
    }

    static func encode(_ group: Group) -> [UInt8] {
        var writer = ByteWriter(capacity: 64 * group.count)
        writer.integer(UInt32(group.count))
        for (key, position) in group.sorted(by: { $0.key < $1.key }) {
            writer.integer(UInt16(key.topic.utf8.count))
            writer.text(key.topic)
            writer.integer(UInt32(key.partition))
            writer.integer(position.offset)
            writer.integer(position.epoch)
            writer.integer(position.committed.microseconds)
            let metadata = position.metadata.utf8.prefix(4_096)
            writer.integer(UInt16(metadata.count))
            writer.raw(metadata)
        }
        return file.encode(writer.bytes)
    }

    static func decode(_ bytes: [UInt8]) throws(ByteFault) -> Group {
        let payload = try file.decode(bytes)
        return try payload.lending { (raw) throws(ByteFault) in
            var reader = ByteReader(raw)
            let count = try reader.checked(
                count: try reader.integer(UInt32.self), minimumElementBytes: 28, limit: Limits.positions)
            var group: Group = [:]
            for _ in 0..<count {
                let length = Int(try reader.integer(UInt16.self))
                let topic = try reader.text(length)
                let key = TopicPartition(topic, Int(try reader.integer(UInt32.self)))
                var position = ConsumerPosition(offset: try reader.integer(), epoch: try reader.integer())
                position.committed = EventTime(microseconds: try reader.integer())
                let metadata = Int(try reader.integer(UInt16.self))
                // Cut in the middle of a character perhaps: decoded leniently.
                position.metadata = String(decoding: try reader.take(metadata), as: UTF8.self)
                group[key] = position
            }
            try reader.expectEnd()
            return group
        }
    }
}
