internal import MillraceCore

/// The first offset that a partition serves, when retention or an operator has moved it: durable before any segment
/// goes, so that segments may then go in any order.
enum StartFile {
    static let name = "partition.start"
    private static let file = CheckedFile(magic: "MRSTART\n", version: 1)

    static func encode(_ offset: Int64) -> [UInt8] {
        var writer = ByteWriter(capacity: 8)
        writer.integer(offset)
        return file.encode(writer.bytes)
    }
    static func decode(_ bytes: [UInt8]) throws(ByteFault) -> Int64 {
        let payload = try file.decode(bytes)
        return try payload.lending { (raw) throws(ByteFault) in
            var reader = ByteReader(raw)
            let offset: Int64 = try reader.integer()
            try reader.expectEnd()
            guard offset >= 0 else { throw ByteFault(.impossibleCount, at: 0) }
            return offset
        }
    }
}
