import MillraceCore
import Testing

@testable import MillraceTables

/// Logs written here by RocksDB's published format, batch after batch, with a first piece of every possible length.
@Suite struct WriteAheadLogTests {
    /// The bytes of a log of batches of these sizes, the n-th with one operation numbered n from 1.
    private func log(of sizes: [Int]) -> [UInt8] {
        var writer = ByteWriter()
        for (index, size) in sizes.enumerated() {
            var batch = ByteWriter()
            batch.littleEndian(UInt64(index + 1))
            batch.littleEndian(UInt32(1))
            batch.raw([UInt8](repeating: UInt8(truncatingIfNeeded: index), count: size - 12))
            var rest = batch.bytes[...]
            var isFirst = true
            repeat {
                let left = 32_768 - writer.count % 32_768
                if left < 7 {
                    writer.raw([UInt8](repeating: 0, count: left))
                    continue
                }
                let piece = rest.prefix(left - 7)
                rest = rest.dropFirst(piece.count)
                let kind: UInt8 = isFirst ? (rest.isEmpty ? 1 : 2) : (rest.isEmpty ? 4 : 3)
                isFirst = false
                let crc = ([kind] + piece).lending { CRC32C.of($0) }
                writer.littleEndian((crc >> 15 | crc << 17) &+ 0xA282_EAD8)
                writer.littleEndian(UInt16(piece.count))
                writer.byte(kind)
                writer.raw(piece)
            } while !rest.isEmpty || isFirst
        }
        return writer.bytes
    }

    private func scan(_ bytes: [UInt8]) throws -> WriteAheadLog.Reach {
        let storage = SimulatedStorage()
        try storage.makeDirectory("/db")
        let file = try storage.open("/db/000007.log", .create)
        try bytes.lending { (bytes) throws(IOFault) in try file.write(bytes, at: 0) }
        return try WriteAheadLog.scan("/db", storage)
    }

    @Test func `a batch may begin anywhere before the end of a block`() throws {
        // What is left of the block after the first batch goes from nothing to more than a header and a batch's head.
        for left in 0...24 {
            let reach = try scan(log(of: [32_768 - 7 - left, 300, 40_000, 12]))
            #expect(reach.damage == nil, "\(left) bytes left")
            #expect(reach.lastSequence == 4, "\(left) bytes left")
        }
    }

    @Test func `what is cut or changed is damage at its record`() throws {
        let good = log(of: [32_768 - 7 - 13, 300])
        #expect(try scan(Array(good.dropLast())).damage?.position == 32_768)
        #expect(try scan(Array(good[..<32_768])).damage != nil, "a batch that only begins")
        var changed = good
        changed[32_760] ^= 1
        #expect(try scan(changed).damage?.position == 32_755)
        #expect(try scan(changed).lastSequence == 1)
    }

    @Test func `room that was never written is the end`() throws {
        let reach = try scan(log(of: [100]) + [UInt8](repeating: 0, count: 70_000))
        #expect(reach.damage == nil)
        #expect(reach.lastSequence == 1)
    }
}
