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
        var batch = Batch()
        while position < size {
            let count = try block.reading { (buffer) throws(IOFault) in try file.read(into: buffer, at: position) }
            let bad = block.withUnsafeBytes { scan($0, count, &batch, &reach.lastSequence) }
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
        if batch.isOpen { reach.damage = Damage(file: path, position: size) }
    }

    /// The head of a batch that is being read. A block that ends soon after a record's header takes only the first
    /// bytes of a batch, even none, so the head may come in pieces.
    private struct Batch {
        var isOpen = false
        private var head: [UInt8] = []

        mutating func begin() { (isOpen, head) = (true, []) }
        mutating func add(_ payload: UnsafeRawBufferPointer) {
            head.append(contentsOf: payload.prefix(RawBatch.headerBytes - head.count))
        }
        /// The sequence of the batch's last operation; `nil` when it is shorter than its own head.
        mutating func end() -> UInt64? {
            isOpen = false
            return head.lending { head -> UInt64? in
                guard head.count == RawBatch.headerBytes else { return nil }
                let sequence = UInt64(littleEndian: head.loadUnaligned(as: UInt64.self))
                let operations = UInt32(littleEndian: head.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
                return sequence &+ UInt64(operations) &- (operations > 0 ? 1 : 0)
            }
        }
    }

    /// Walks one block; gives the position of the first record that is not whole and good.
    private static func scan(
        _ block: UnsafeRawBufferPointer, _ count: Int, _ batch: inout Batch, _ last: inout UInt64
    ) -> Int? {
        var at = 0
        while count - at >= headerBytes {
            let crc = UInt32(littleEndian: block.loadUnaligned(fromByteOffset: at, as: UInt32.self))
            let length = Int(UInt16(littleEndian: block.loadUnaligned(fromByteOffset: at + 4, as: UInt16.self)))
            let kind = block[at + 6]
            guard kind >= Kind.full, kind <= Kind.last, at + headerBytes + length <= count else { return at }
            let covered = UnsafeRawBufferPointer(rebasing: block[(at + 6)..<(at + headerBytes + length)])
            guard mask(CRC32C.of(covered)) == crc else { return at }
            let begins = kind == Kind.full || kind == Kind.first
            // A piece in the middle needs a beginning, and a beginning an end before it.
            guard begins != batch.isOpen else { return at }
            if begins { batch.begin() }
            batch.add(UnsafeRawBufferPointer(rebasing: covered.dropFirst()))
            if kind == Kind.full || kind == Kind.last {
                guard let end = batch.end() else { return at }
                last = max(last, end)
            }
            at += headerBytes + length
        }
        return nil
    }

    /// RocksDB stores checksums turned, since a checksum of data with checksums in it is weak.
    private static func mask(_ crc: UInt32) -> UInt32 { ((crc >> 15) | (crc << 17)) &+ 0xA282_EAD8 }
}
