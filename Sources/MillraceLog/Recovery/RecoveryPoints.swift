internal import MillraceCore

/// Up to where a partition is known to be on the disk.
struct RecoveryPoint: Hashable, Sendable, BitwiseCopyable {
    static let byteCount = 32
    var durableOffset: Int64
    var segmentBase: Int64
    /// Bytes of that segment that are durable.
    var position: UInt32
    var epoch: Int32
    /// There were producers; when false there are none before `durableOffset`.
    var hasState: Bool

    func encode() -> [UInt8] {
        var writer = ByteWriter(capacity: Self.byteCount)
        writer.integer(durableOffset)
        writer.integer(segmentBase)
        writer.integer(position)
        writer.integer(epoch)
        writer.integer(UInt32(hasState ? 1 : 0))
        writer.integer(writer.bytes.lending { CRC32C.of($0) } ^ Self.mask)
        return writer.bytes
    }
    /// So that a slot of zeros is no point.
    private static let mask: UInt32 = 0x4D52_5054

    init(durableOffset: Int64, segmentBase: Int64, position: UInt32, epoch: Int32, hasState: Bool) {
        (self.durableOffset, self.segmentBase, self.position) = (durableOffset, segmentBase, position)
        (self.epoch, self.hasState) = (epoch, hasState)
    }

    /// Nil for anything but a whole point.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Self.byteCount else { return nil }
        let stored = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 28, as: UInt32.self))
        guard CRC32C.of(UnsafeRawBufferPointer(rebasing: bytes[..<28])) ^ Self.mask == stored else { return nil }
        durableOffset = Int64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: Int64.self))
        segmentBase = Int64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: Int64.self))
        position = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self))
        epoch = Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: 20, as: Int32.self))
        hasState = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 24, as: UInt32.self)) & 1 != 0
        guard durableOffset >= segmentBase, segmentBase >= 0, epoch >= 0 else { return nil }
    }
}

/// One file a topic with a slot for each partition: written after each sync, synced itself now and then.
///
/// A hint: exact after the death of the process, up to a second old after a power cut, never ahead of the disk. A slot
/// lies inside one sector, so it is torn only together with its checksum.
final class RecoveryPoints: Sendable {
    static let fileName = "durable.points"
    private let context: StoreContext
    private let directory: String
    private let state = Lock((isDirty: false, isNew: true))
    /// The topic's other small file.
    let holds: HoldFile

    init(context: StoreContext, directory: String) {
        (self.context, self.directory) = (context, directory)
        holds = HoldFile(context: context, directory: directory)
    }

    private var path: String { directory + "/" + Self.fileName }

    func write(_ point: RecoveryPoint, of partition: Int) throws(IOFault) {
        let file = try context.files.file(path, .create)
        try point.encode().lending { (bytes) throws(IOFault) in
            try file.write(bytes, at: Int64(partition * RecoveryPoint.byteCount))
        }
        state.withLock { $0.isDirty = true }
    }

    /// Makes what was written durable; does nothing when nothing was.
    func sync() throws(IOFault) {
        let (isDirty, isNew) = state.withLock { state in
            defer { state.isDirty = false }
            return (state.isDirty, state.isNew)
        }
        guard isDirty else { return }
        let file = try context.files.file(path, .create)
        try file.sync()
        if isNew {
            try context.storage.syncDirectory(directory)
            state.withLock { $0.isNew = false }
        }
    }

    /// The points there are; an unreadable file or slot is no point.
    func readAll(count: Int) -> [RecoveryPoint?] {
        let none = [RecoveryPoint?](repeating: nil, count: count)
        let bytes: [UInt8]?
        do throws(IOFault) { bytes = try context.storage.contents(of: path, limit: Limits.checkedFileBytes) } catch {
            return none
        }
        guard let bytes else { return none }
        return bytes.withUnsafeBytes { raw in
            none.indices.map { index in
                let start = index * RecoveryPoint.byteCount
                guard start + RecoveryPoint.byteCount <= raw.count else { return nil }
                return RecoveryPoint(UnsafeRawBufferPointer(rebasing: raw[start..<start + RecoveryPoint.byteCount]))
            }
        }
    }
}
