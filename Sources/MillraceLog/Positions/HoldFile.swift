internal import MillraceCore

/// The holds of one topic on the disk.
final class HoldFile: Sendable {
    static let fileName = "holds"
    private static let file = CheckedFile(magic: "MRHOLDS\n", version: 1)
    private let context: StoreContext
    private let directory: String
    private let isChanged = Lock(false)
    /// The file could not be trusted at the start: nothing is deleted until it was written anew.
    private let damage = Lock(false)
    /// One writer at a time, so that an older list never replaces a newer one.
    private let turn = Monitored(())

    init(context: StoreContext, directory: String) { (self.context, self.directory) = (context, directory) }

    struct Hold {
        var partition: Int
        var name: String
        var offset: Int64
    }

    var isDamaged: Bool { damage.withLock { $0 } }
    func markChanged() { isChanged.withLock { $0 = true } }

    /// Writes the holds when they changed. On failure the old ones stay, which keep more.
    func store(_ partitions: [Partition]) throws(IOFault) {
        try turn.perform { (_) throws(IOFault) in
            let mustStore = isChanged.withLock { changed in
                defer { changed = false }
                return changed
            }
            guard mustStore else { return }
            do throws(IOFault) {
                let bytes = Self.encode(partitions)
                try context.storage.replace(directory + "/" + Self.fileName, with: bytes)
                damage.withLock { $0 = false }
            } catch {
                markChanged()
                throw error
            }
        }
    }

    private static func encode(_ partitions: [Partition]) -> [UInt8] {
        var writer = ByteWriter(capacity: 256)
        let all = partitions.flatMap { partition in
            partition.state.withLock { $0.holds }.sorted { $0.key < $1.key }
                .map { Hold(partition: partition.index, name: $0.key, offset: $0.value) }
        }
        writer.integer(UInt32(all.count))
        for hold in all {
            writer.integer(UInt32(hold.partition))
            writer.integer(hold.offset)
            writer.integer(UInt16(hold.name.utf8.count))
            writer.text(hold.name)
        }
        return file.encode(writer.bytes)
    }

    func read() throws(IOFault) -> [Hold] {
        let path = directory + "/" + Self.fileName
        guard let bytes = try context.storage.contents(of: path, limit: Limits.checkedFileBytes) else { return [] }
        do throws(ByteFault) { return try Self.decode(bytes) } catch {
            damage.withLock { $0 = true }
            return []
        }
    }

    static func decode(_ bytes: [UInt8]) throws(ByteFault) -> [Hold] {
        let payload = try file.decode(bytes)
        return try payload.lending { (raw) throws(ByteFault) in
            var reader = ByteReader(raw)
            let count = try reader.checked(
                count: try reader.integer(UInt32.self), minimumElementBytes: 14,
                limit: Limits.holdsPerPartition * Limits.partitionsPerTopic)
            var all: [Hold] = []
            for _ in 0..<count {
                let index = Int(try reader.integer(UInt32.self))
                let offset: Int64 = try reader.integer()
                let length = Int(try reader.integer(UInt16.self))
                all.append(Hold(partition: index, name: try reader.text(length), offset: offset))
            }
            try reader.expectEnd()
            return all
        }
    }
}
