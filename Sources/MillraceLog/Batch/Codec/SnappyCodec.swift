internal import CCodecs
internal import MillraceCore

/// Snappy as Kafka's Java clients write it (xerial's framing: a magic, two versions, sized blocks), and on reading
/// raw snappy too, which librdkafka writes.
enum SnappyCodec {
    /// 0x82 "SNAPPY" 0x00, then version 1 and "readable since" 1.
    static let magic: [UInt8] = [0x82, 0x53, 0x4E, 0x41, 0x50, 0x50, 0x59, 0x00]
    private static let headerBytes = 16
    /// What snappy-java and kafka-python cut the input into.
    private static let blockBytes = 32 << 10

    static func decode(_ bytes: UnsafeRawBufferPointer, into output: inout OutputBuffer) throws(ByteFault) {
        guard bytes.count >= headerBytes, bytes.prefix(magic.count).elementsEqual(magic) else {
            return try decodeBlock(bytes, into: &output, at: 0)
        }
        var reader = ByteReader(bytes)
        while !reader.isAtEnd {
            let position = reader.position
            let size = try reader.integer(Int32.self)
            // Streams behind each other: the next one's magic stands where a size would.
            if UInt32(bitPattern: size) == 0x8253_4E41 {
                guard try reader.take(4).elementsEqual(magic[4...]) else {
                    throw ByteFault(.unknownValue, at: position)
                }
                guard try reader.integer(Int32.self) >= 1, try reader.integer(Int32.self) == 1 else {
                    throw ByteFault(.unknownValue, at: position)
                }
                continue
            }
            try decodeBlock(try reader.take(Int(size)), into: &output, at: position)
        }
    }

    private static func decodeBlock(
        _ block: UnsafeRawBufferPointer, into output: inout OutputBuffer, at position: Int
    ) throws(ByteFault) {
        let source = block.bindMemory(to: CChar.self).baseAddress
        var length = 0
        guard block.count > 0, snappy_uncompressed_length(source, block.count, &length) == SNAPPY_OK else {
            throw ByteFault(.malformedCompression, at: position)
        }
        // Three bytes of snappy give at most 64: a larger claim is refused before it costs memory.
        guard length <= block.count * 64 else { throw ByteFault(.malformedCompression, at: position) }
        let room = try output.room(for: length)
        guard
            snappy_uncompress(source, block.count, room.bindMemory(to: CChar.self).baseAddress, &length) == SNAPPY_OK
        else { throw ByteFault(.malformedCompression, at: position) }
        output.wrote(length)
    }

    static func encode(_ bytes: UnsafeRawBufferPointer, into output: inout PackedBuffer) {
        output.room(for: magic.count).copyBytes(from: magic)
        output.wrote(magic.count)
        output.append(bigEndian: 1)
        output.append(bigEndian: 1)
        var position = 0
        while position < bytes.count {
            let block = UnsafeRawBufferPointer(rebasing: bytes[position..<min(position + blockBytes, bytes.count)])
            var length = snappy_max_compressed_length(block.count)
            let room = output.room(for: 4 + length)
            let target = UnsafeMutableRawBufferPointer(rebasing: room[4...])
            let status = snappy_compress(
                block.bindMemory(to: CChar.self).baseAddress, block.count,
                target.bindMemory(to: CChar.self).baseAddress, &length)
            precondition(status == SNAPPY_OK, "snappy_compress into its own bound failed")
            room.storeBytes(of: UInt32(length).bigEndian, as: UInt32.self)
            output.wrote(4 + length)
            position += block.count
        }
    }
}
