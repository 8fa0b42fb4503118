import MillraceCore

/// A small file beside RocksDB that says how far acknowledged commits reach.
///
/// RocksDB's recovery ends silently at the first bad record of its log. The mark, written after each synced commit,
/// tells a torn tail that nobody was promised from acknowledged data that is gone. It is not synced with every commit:
/// a kill leaves it exact, and after a power cut it can only be behind, never ahead.
struct DurableMark {
    struct Position: Hashable, Sendable {
        /// RocksDB's sequence number of the last acknowledged operation.
        var sequence: UInt64
        /// The last acknowledged commit.
        var commit: Int64
    }

    /// Two slots written in turn: a torn write leaves the other.
    private static let slotBytes = 64
    private static let magic: UInt64 = 0x4D52_4D41_524B_3031
    /// How far the mark on disk may be behind the one in memory.
    private static let syncInterval = TimeSpan.seconds(1)

    private let file: any StorageFile
    private var turn = 0
    private var syncedAt: MonotonicTime
    private(set) var position: Position

    static func open(_ path: String, _ storage: any Storage, now: MonotonicTime) throws(IOFault) -> DurableMark {
        let isNew = try storage.status(of: path) == nil
        let file = try storage.open(path, .create)
        if isNew { try storage.syncDirectory(String.parent(of: path)) }
        var found = Position(sequence: 0, commit: 0)
        var turn = 0
        for slot in 0..<2 {
            var bytes = [UInt8](repeating: 0, count: slotBytes)
            let count = try bytes.reading { (buffer) throws(IOFault) in
                try file.read(into: buffer, at: Int64(slot * slotBytes))
            }
            if count == slotBytes, let position = decode(bytes), position.sequence >= found.sequence {
                (found, turn) = (position, 1 - slot)
            }
        }
        return DurableMark(file: file, turn: turn, syncedAt: now, position: found)
    }

    private init(file: any StorageFile, turn: Int, syncedAt: MonotonicTime, position: Position) {
        (self.file, self.turn, self.syncedAt, self.position) = (file, turn, syncedAt, position)
    }

    /// Notes a position that is on the disk.
    mutating func note(_ position: Position, now: MonotonicTime) throws(IOFault) {
        let bytes = DurableMark.encode(position)
        try bytes.lending { (bytes) throws(IOFault) in
            try file.write(bytes, at: Int64(turn * DurableMark.slotBytes))
        }
        self.position = position
        turn = 1 - turn
        if now - syncedAt >= DurableMark.syncInterval {
            try file.sync()
            syncedAt = now
        }
    }

    func close() { file.close() }

    private static func encode(_ position: Position) -> [UInt8] {
        var writer = ByteWriter(capacity: slotBytes)
        writer.integer(magic)
        writer.integer(position.sequence)
        writer.integer(position.commit)
        writer.raw([UInt8](repeating: 0, count: slotBytes - 4 - writer.count))
        writer.integer(writer.bytes.withUnsafeBytes { CRC32C.of($0) })
        return writer.bytes
    }

    private static func decode(_ bytes: [UInt8]) -> Position? {
        bytes.withUnsafeBytes { raw in
            let crc = UInt32(bigEndian: raw.loadUnaligned(fromByteOffset: slotBytes - 4, as: UInt32.self))
            guard CRC32C.of(UnsafeRawBufferPointer(rebasing: raw[..<(slotBytes - 4)])) == crc,
                UInt64(bigEndian: raw.loadUnaligned(as: UInt64.self)) == magic
            else { return nil }
            return Position(
                sequence: UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
                commit: Int64(bigEndian: raw.loadUnaligned(fromByteOffset: 16, as: Int64.self)))
        }
    }
}
