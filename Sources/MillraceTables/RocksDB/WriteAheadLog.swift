import MillraceCore

/// Reads RocksDB's write-ahead logs before RocksDB does, to learn where they end and whether they end in damage.
///
/// Opening the database replays them up to the first bad record and then deletes them, so afterwards nobody can tell
/// what was lost. Format: blocks of 32 KiB; records of masked CRC-32C 4, length 2, type 1, all little-endian; the
/// payload of a whole record begins with sequence 8 and count 4.
enum WriteAheadLog {
    struct Damage: Hashable, Sendable {
        var file: String
        /// Byte position of the record that cannot be read.
        var position: Int64
    }
    struct Reach: Hashable, Sendable {
        /// Of the last operation in an unbroken row of good records; 0 when there are none.
        var lastSequence: UInt64 = 0
        var damage: Damage?
        var files: [String] = []
    }

    private static let blockBytes = 32 << 10
    private static let headerBytes = 7
    private enum Kind {
        static let zero: UInt8 = 0, full: UInt8 = 1, first: UInt8 = 2, middle: UInt8 = 3, last: UInt8 = 4
    }

    static func scan(_ directory: String, _ storage: any Storage) throws(IOFault) -> Reach {
        var reach = Reach()
        let names = try storage.list(directory).filter { $0.hasSuffix(".log") }
        for name in names.sorted(by: { (Int($0.dropLast(4)) ?? 0) < (Int($1.dropLast(4)) ?? 0) }) {
            let path = directory + "/" + name
            reach.files.append(path)
            guard reach.damage == nil else { continue }
            try scan(path, storage, &reach)
        }
        return reach
    }

    private static func scan(_ path: String, _ storage: any Storage, _ reach: inout Reach) throws(IOFault) {
        let file = try storage.open(path, .read)
        defer { file.close() }
        let size = try file.size()
        var block = [UInt8](repeating: 0, count: blockBytes)
        var position: Int64 = 0
        var pending: UInt64?
        while position < size {
            let count = try block.reading { (buffer) throws(IOFault) in try file.read(into: buffer, at: position) }
            let bad = block.withUnsafeBytes { scan($0, count, &pending, &reach.lastSequence) }
            if let bad {
                // Zeros are room that was reserved and never written: the end, unless something follows.
                let isPadding = block[bad..<count].allSatisfy { $0 == 0 }
                if !isPadding {
                    reach.damage = Damage(file: path, position: position + Int64(bad))
                    return
                }
            }
            position += Int64(count)
            if count == 0 { break }
        }
        if pending != nil { reach.damage = Damage(file: path, position: size) }
    }

    /// Walks one block; gives the position of the first record that is not whole and good.
    private static func scan(
        _ block: UnsafeRawBufferPointer, _ count: Int, _ pending: inout UInt64?, _ last: inout UInt64
    ) -> Int? {
        var at = 0
        while count - at >= headerBytes {
            let crc = UInt32(littleEndian: block.loadUnaligned(fromByteOffset: at, as: UInt32.self))
            let length = Int(UInt16(littleEndian: block.loadUnaligned(fromByteOffset: at + 4, as: UInt16.self)))
            let kind = block[at + 6]
            guard kind >= Kind.full, kind <= Kind.last, at + headerBytes + length <= count else { return at }
            let covered = UnsafeRawBufferPointer(rebasing: block[(at + 6)..<(at + headerBytes + length)])
            guard mask(CRC32C.of(covered)) == crc else { return at }
            if kind == Kind.full || kind == Kind.first {
                guard length >= RawBatch.headerBytes else { return at }
                let sequence = UInt64(
                    littleEndian: block.loadUnaligned(fromByteOffset: at + headerBytes, as: UInt64.self))
                let operations = UInt32(
                    littleEndian: block.loadUnaligned(fromByteOffset: at + headerBytes + 8, as: UInt32.self))
                pending = sequence + UInt64(operations) - (operations > 0 ? 1 : 0)
            }
            if kind == Kind.full || kind == Kind.last, let end = pending {
                last = max(last, end)
                pending = nil
            }
            at += headerBytes + length
        }
        return nil
    }

    /// RocksDB stores checksums turned, since a checksum of data with checksums in it is weak.
    private static func mask(_ crc: UInt32) -> UInt32 { ((crc >> 15) | (crc << 17)) &+ 0xA282_EAD8 }
}
