internal import MillraceCore

/// Our own small files: magic, version, length, payload, CRC-32C of all of it. Replaced atomically, read whole.
struct CheckedFile {
    /// Eight ASCII bytes that say what the file is.
    let magic: String
    let version: UInt16

    private static let overhead = 8 + 2 + 4 + 4

    func encode(_ payload: [UInt8]) -> [UInt8] {
        precondition(magic.utf8.count == 8, "a magic has eight bytes")
        var writer = ByteWriter(capacity: payload.count + Self.overhead)
        writer.text(magic)
        writer.integer(version)
        writer.integer(UInt32(payload.count))
        writer.raw(payload)
        writer.integer(writer.bytes.lending { CRC32C.of($0) })
        return writer.bytes
    }

    /// The payload, or why it cannot be trusted.
    func decode(_ bytes: [UInt8]) throws(ByteFault) -> [UInt8] {
        try bytes.lending { (raw) throws(ByteFault) in
            guard raw.count >= Self.overhead else { throw ByteFault(.truncated, at: raw.count) }
            let end = raw.count - 4
            let stored = UInt32(bigEndian: raw.loadUnaligned(fromByteOffset: end, as: UInt32.self))
            let covered = UnsafeRawBufferPointer(rebasing: raw[..<end])
            guard CRC32C.of(covered) == stored else { throw ByteFault(.checksum, at: end) }
            var reader = ByteReader(covered)
            guard try reader.take(8).elementsEqual(magic.utf8) else { throw ByteFault(.unknownValue, at: 0) }
            guard try reader.integer(UInt16.self) == version else { throw ByteFault(.unknownValue, at: 8) }
            let count = try reader.integer(UInt32.self)
            guard Int(count) == reader.remaining else { throw ByteFault(.impossibleCount, at: 10) }
            return Array(try reader.take(Int(count)))
        }
    }
}
