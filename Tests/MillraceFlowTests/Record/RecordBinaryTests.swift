import MillraceCore
import MillraceFlow
import Testing

private struct Trade: BinaryRecord, Equatable {
    var symbol: UInt32, price: Double, at: EventTime, note: String, id: ID128, isBuy: Bool, delta: Int16
    static let schemaVersion: UInt32 = 3
    static let oldestVersion: UInt32 = 2

    init(symbol: UInt32, price: Double, at: EventTime, note: String, id: ID128, isBuy: Bool, delta: Int16) {
        (self.symbol, self.price, self.at, self.note) = (symbol, price, at, note)
        (self.id, self.isBuy, self.delta) = (id, isBuy, delta)
    }
    func write(to writer: inout ByteWriter) {
        writer.unsignedVarint(UInt64(symbol))
        writer.double(price)
        writer.varint(at.microseconds)
        writer.unsignedVarint(UInt64(note.utf8.count))
        writer.text(note)
        writer.integer(id.high)
        writer.integer(id.low)
        writer.byte(isBuy ? 1 : 0)
        writer.varint(Int64(delta))
    }
    init(from reader: inout BinaryReader, version: UInt32) throws(RecordFault) {
        symbol = try reader.unsigned()
        price = try reader.double()
        at = try reader.time()
        note = try reader.string()
        id = try reader.id()
        isBuy = try reader.bool()
        delta = version >= 3 ? try reader.signed() : 0
    }
}

@Suite struct RecordBinaryTests {
    private static let trade = Trade(
        symbol: .max, price: -0.1, at: .microseconds(.min), note: "é", id: ID128(high: 1, low: .max), isBuy: true,
        delta: -300)

    @Test func comesBackAsItWent() throws {
        var writer = ByteWriter()
        Self.trade.encode(into: &writer)
        #expect(try read(record: Trade.self, writer.bytes) == Self.trade)
        // As state: several after one another, short and long.
        var long = Self.trade
        long.note = String(repeating: "x", count: 40_000)
        var stored = ByteWriter()
        for trade in [Self.trade, long, Self.trade] { trade.store(into: &stored) }
        try stored.bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            for trade in [Self.trade, long, Self.trade] {
                let loaded = try Trade.load(from: &reader)
                #expect(loaded == trade)
            }
            #expect(reader.isAtEnd)
        }
    }

    @Test func olderVersionsAreReadAndOthersRefused() throws {
        var writer = ByteWriter()
        Self.trade.encode(into: &writer)
        var old = writer.bytes.dropLast(2)  // without delta
        old[old.startIndex] = 2
        #expect(try read(record: Trade.self, Array(old)).delta == 0)
        for version in [0, 1, 4, 127] as [UInt8] {
            var other = writer.bytes
            other[0] = version
            #expect(throws: RecordFault.self) { try read(record: Trade.self, other) }
        }
    }

    @Test func everyCutAndEveryExcessIsAFault() throws {
        var writer = ByteWriter()
        Self.trade.encode(into: &writer)
        for count in 0..<writer.count {
            let cut = Array(writer.bytes.prefix(count))
            #expect(throws: RecordFault.self) { try read(record: Trade.self, cut) }
        }
        let longer = writer.bytes + [0]
        #expect(throws: RecordFault(.trailingBytes, at: writer.count)) { try read(record: Trade.self, longer) }
        // Any bytes are read or refused, and never trap.
        var random = SeededRandom(seed: 3)
        for _ in 0..<3_000 {
            var bytes = writer.bytes
            for _ in 0...random.next(upperBound: 3 as UInt64) {
                bytes[Int(random.next(upperBound: UInt64(bytes.count)))] = UInt8(truncatingIfNeeded: random.next())
            }
            _ = try? read(record: Trade.self, bytes)
        }
    }

    @Test func bytesAreARecord() throws {
        let record = try [1, 2, 3].withUnsafeBytesOfBytes { value in
            try [9].withUnsafeBytesOfBytes { key in try BytesRecord.decode(key: key, value: value) }
        }
        #expect(record == BytesRecord(value: [1, 2, 3], key: [9]))
        var writer = ByteWriter()
        record.encode(into: &writer)
        #expect(writer.bytes == [1, 2, 3])
    }

    @Test func identifiersAreWrittenAsUUIDs() {
        let text = "123e4567-e89b-12d3-a456-426614174000"
        #expect(ID128(text)?.description == text)
        #expect(ID128(text.uppercased())?.description == text)
        var random = SeededRandom(seed: 4)
        for _ in 0..<1_000 {
            let id = ID128(high: random.next(), low: random.next())
            #expect(ID128(id.description) == id)
        }
        // Every other byte at every place is refused.
        let bytes = Array(text.utf8)
        for place in bytes.indices {
            for byte in 0...255 as ClosedRange<UInt8> {
                var other = bytes
                other[place] = byte
                let isDash = [8, 13, 18, 23].contains(place)
                let isHex = Character(UnicodeScalar(byte)).isHexDigit && byte < 0x80
                let found = other.withUnsafeBytes { ID128(text: $0) }
                #expect((found != nil) == (isDash ? byte == 0x2D : isHex))
            }
        }
        #expect(ID128(text + "0") == nil)
        #expect(ID128("") == nil)
    }
}

extension Array where Element == UInt8 {
    fileprivate func withUnsafeBytesOfBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try withUnsafeBytes(body)
    }
}
