import MillraceCore
import MillraceTables
import Testing

@Suite struct ValueCodecTests {
    /// Bytes as Cassandra's serialisers write them, from the protocol's specification.
    static let known: [(Value, ColumnType, [UInt8])] = [
        (.text("é"), .text, [0xC3, 0xA9]),
        (.boolean(true), .boolean, [1]),
        (.tinyint(-1), .tinyint, [0xFF]),
        (.smallint(-2), .smallint, [0xFF, 0xFE]),
        (.int(1), .int, [0, 0, 0, 1]),
        (.bigint(-1), .bigint, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
        (.varint(BigInteger(0)), .varint, [0]),
        (.varint(BigInteger(127)), .varint, [0x7F]),
        (.varint(BigInteger(128)), .varint, [0x00, 0x80]),
        (.varint(BigInteger(-1)), .varint, [0xFF]),
        (.varint(BigInteger(-128)), .varint, [0x80]),
        (.varint(BigInteger(-129)), .varint, [0xFF, 0x7F]),
        (.decimal(BigDecimal("1.5")!), .decimal, [0, 0, 0, 1, 15]),
        (.float(1), .float, [0x3F, 0x80, 0, 0]),
        (.double(-2), .double, [0xC0, 0, 0, 0, 0, 0, 0, 0]),
        (.date(0), .date, [0x80, 0, 0, 0]),
        (.date(-1), .date, [0x7F, 0xFF, 0xFF, 0xFF]),
        (.time(1), .time, [0, 0, 0, 0, 0, 0, 0, 1]),
        (.inet(InternetAddress(v4: 0x7F00_0001)), .inet, [127, 0, 0, 1]),
        (.duration(CalendarDuration(months: 1, days: 2, nanoseconds: 3)!), .duration, [2, 4, 6]),
        (.duration(CalendarDuration(months: -1, days: -64, nanoseconds: -65)!), .duration, [1, 0x7F, 0x80, 0x81]),
        (
            .list([.int(1), .int(2)]), .list(.int, frozen: false),
            [0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 2]
        ),
        (
            .set([.text("b"), .text("a"), .text("b")]), .set(.text, frozen: false),
            [0, 0, 0, 2, 0, 0, 0, 1, 0x61, 0, 0, 0, 1, 0x62]
        ),
        (
            .map([.init(.text("a"), .tinyint(1)), .init(.text("a"), .tinyint(2))]), .map(.text, .tinyint, frozen: true),
            [0, 0, 0, 1, 0, 0, 0, 1, 0x61, 0, 0, 0, 1, 2]
        ),
        (
            .tuple([nil, .tinyint(3)]), .tuple([.text, .tinyint, .int]),
            [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1, 3, 0xFF, 0xFF, 0xFF, 0xFF]
        ),
    ]

    @Test func knownBytes() throws {
        for (value, type, bytes) in ValueCodecTests.known {
            #expect(try ValueCodec.encode(value, as: type) == bytes, "\(value) as \(type)")
            #expect(
                try ValueCodec.encode(try ValueCodec.decode(bytes, as: type), as: type) == bytes, "\(value) as \(type)")
        }
    }

    @Test func roundTrip() throws {
        var values = RandomValues(random: TestRun.random("codec"))
        for _ in 0..<TestRun.count(15_000) {
            let type = values.anyType()
            let value = values.value(type)
            let bytes = try ValueCodec.encode(value, as: type)
            let back = try ValueCodec.decode(bytes, as: type)
            #expect(try ValueCodec.encode(back, as: type) == bytes, "\(type) \(value); \(TestRun.replay)")
            if type.parts.isEmpty { #expect(back == value, "\(type) \(value); \(TestRun.replay)") }
        }
    }

    /// A wrong type is a clear failure, whatever the pair.
    @Test func wrongTypes() throws {
        var values = RandomValues(random: TestRun.random("wrong"))
        for _ in 0..<TestRun.count(3_000) {
            let (type, other) = (values.anyType(), values.anyType())
            let value = values.value(other)
            do {
                let bytes = try ValueCodec.encode(value, as: type)
                #expect(throws: Never.self) { try ValueCodec.decode(bytes, as: type) }
            } catch {
                #expect(error.code == .wrongType, "\(error)")
            }
        }
        #expect(throws: Failure.self) { try ValueCodec.encode(.int(1), as: .bigint) }
        #expect(throws: Failure.self) { try ValueCodec.encode(.tuple([.int(1), .int(2)]), as: .tuple([.int])) }
    }

    @Test func strangeBytes() {
        var values = RandomValues(random: TestRun.random("strange values"))
        for _ in 0..<TestRun.count(20_000) {
            let type = values.anyType()
            var bytes = (0..<values.random.below(24)).map { _ in
                UInt8(values.random.pick([0, 1, 4, 0xFF, values.random.below(256)]))
            }
            if values.random.oneIn(2), let good = try? ValueCodec.encode(values.value(type), as: type), !good.isEmpty {
                bytes = good
                bytes[values.random.below(bytes.count)] = UInt8(values.random.below(256))
                if values.random.oneIn(3) { bytes.removeLast() }
            }
            // What is read can be written, and reads back the same.
            guard let value = try? ValueCodec.decode(bytes, as: type) else { continue }
            do {
                let written = try ValueCodec.encode(value, as: type)
                let again = try ValueCodec.decode(written, as: type)
                #expect(again == value, "\(type) \(bytes); \(TestRun.replay)")
            } catch {
                Issue.record("\(type) \(bytes) reads as \(value) but: \(error); \(TestRun.replay)")
            }
        }
    }

    @Test func bigNumbersAsText() throws {
        var values = RandomValues(random: TestRun.random("numbers"))
        for _ in 0..<TestRun.count(2_000) {
            let n = values.bigInteger()
            #expect(BigInteger("\(n)") == n, TestRun.replay)
            let scale = values.random.pick([0, 1, -1, 7, -7, 40, Int32.max, Int32.min, 1_000])
            let d = BigDecimal(unscaled: n, scale: scale)
            #expect(BigDecimal("\(d)") == d, "\(d); \(TestRun.replay)")
            let small = values.integer(Int64.self)
            #expect("\(BigInteger(small))" == "\(small)")
            #expect(BigInteger(small).int64 == small)
        }
        // As Java prints them.
        let java: [(Int64, Int32, String)] = [
            (123, 0, "123"), (-123, 0, "-123"), (123, -1, "1.23E+3"), (123, -3, "1.23E+5"), (123, 1, "12.3"),
            (123, 5, "0.00123"), (123, 10, "1.23E-8"), (-123, 12, "-1.23E-10"), (0, 2, "0.00"), (0, -2, "0E+2"),
        ]
        for (unscaled, scale, text) in java {
            #expect(BigDecimal(unscaled: BigInteger(unscaled), scale: scale).description == text)
        }
        for bad in ["", "-", ".", "1e", "1e99999999999", "1_0", " 1", "0x1", "1.2.3", "e5", "1e+"] {
            #expect(BigDecimal(bad) == nil, "\(bad)")
        }
    }
}
