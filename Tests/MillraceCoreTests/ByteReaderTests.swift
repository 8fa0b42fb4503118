import MillraceCore
import Testing

@Suite struct ByteReaderTests {
    private func read<R>(_ bytes: [UInt8], _ body: (inout ByteReader) throws(ByteFault) -> R) -> Result<R, ByteFault> {
        bytes.lending { buffer in
            var reader = ByteReader(buffer)
            do throws(ByteFault) { return .success(try body(&reader)) } catch { return .failure(error) }
        }
    }

    @Test func integersInBothOrders() throws {
        var writer = ByteWriter()
        writer.integer(UInt16(0x0102))
        writer.littleEndian(UInt32(0x0102_0304))
        writer.integer(Int64.min)
        writer.double(-0.5)
        writer.byte(9)
        #expect(writer.bytes == [1, 2, 4, 3, 2, 1, 0x80, 0, 0, 0, 0, 0, 0, 0, 0xBF, 0xE0, 0, 0, 0, 0, 0, 0, 9])
        _ = try read(writer.bytes) { (reader) throws(ByteFault) in
            #expect(try reader.integer(UInt16.self) == 0x0102)
            #expect(try reader.littleEndian(UInt32.self) == 0x0102_0304)
            #expect(try reader.integer(Int64.self) == .min)
            #expect(try reader.double() == -0.5)
            #expect(try reader.byte() == 9)
            try reader.expectEnd()
        }.get()
    }

    @Test func everyTruncationIsNamedWithItsPlace() {
        for count in 0..<8 {
            let bytes = [UInt8](repeating: 1, count: count)
            #expect(
                read(bytes) { (r) throws(ByteFault) in try r.integer(UInt64.self) }
                    == .failure(.init(.truncated, at: 0)))
            let taken = read(bytes) { (r) throws(ByteFault) in try r.take(count + 1).count }
            #expect(taken == .failure(.init(.truncated, at: 0)))
        }
        let negative = read([1, 2]) { (r) throws(ByteFault) in try r.take(-1).count }
        #expect(negative == .failure(.init(.impossibleCount, at: 0)))
        let huge = read([1, 2]) { (r) throws(ByteFault) in
            try r.skip(1)
            try r.skip(.max)
        }
        #expect(huge.failure == .init(.truncated, at: 1))
        #expect(read([1]) { (r) throws(ByteFault) in try r.expectEnd() }.failure == .init(.trailingBytes, at: 0))
        for position in [-1, 3, Int.max, .min] {
            #expect(
                read([1, 2]) { (r) throws(ByteFault) in try r.seek(to: position) }.failure == .init(.truncated, at: 0))
        }
    }

    @Test func varintsRoundTripAtEveryPowerOfTwo() throws {
        var values: [Int64] = [0, .max, .min]
        for bit in 0..<63 { values += [1 << bit, (1 << bit) - 1, (1 << bit) + 1, -(1 << bit), -(1 << bit) - 1] }
        for value in values {
            var writer = ByteWriter()
            writer.varint(value)
            #expect(writer.count == ByteWriter.varintLength(value), "\(value)")
            #expect(
                writer.count == max(1, (64 - UInt64(bitPattern: value << 1 ^ value >> 63).leadingZeroBitCount + 6) / 7))
            writer.unsignedVarint(UInt64(bitPattern: value))
            let back = try read(writer.bytes) { (reader) throws(ByteFault) in
                let pair = (try reader.varint(), try reader.unsignedVarint())
                try reader.expectEnd()
                return pair
            }.get()
            #expect(back == (value, UInt64(bitPattern: value)))
        }
    }

    @Test func knownVarints() {
        for (value, bytes) in [
            (0, [0]), (-1, [1]), (1, [2]), (63, [126]), (-64, [127]), (64, [0x80, 1]), (150, [0xAC, 2]),
            (.min, [255, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
        ] as [(Int64, [UInt8])] {
            var writer = ByteWriter()
            writer.varint(value)
            #expect(writer.bytes == bytes)
        }
    }

    @Test func varintsThatDoNotFitAreRefused() {
        let continued = [UInt8](repeating: 0xFF, count: 9)
        let unsigned = { (bytes: [UInt8]) in self.read(bytes) { (r) throws(ByteFault) in try r.unsignedVarint() } }
        #expect(unsigned(continued + [1]) == .success(.max))
        #expect(unsigned(continued + [2]) == .failure(.init(.malformedVarint, at: 0)))
        #expect(unsigned(continued + [0x81]) == .failure(.init(.malformedVarint, at: 0)))
        #expect(unsigned([UInt8](repeating: 0x80, count: 100)) == .failure(.init(.malformedVarint, at: 0)))
        #expect(unsigned(continued) == .failure(.init(.truncated, at: 0)))
        #expect(unsigned([]) == .failure(.init(.truncated, at: 0)))
        #expect(unsigned([0x80, 0x00]) == .success(0), "longer than needed is allowed, as Kafka's clients do")
        for value in [Int64(Int32.max), Int64(Int32.min), Int64(Int32.max) + 1, Int64(Int32.min) - 1] {
            var writer = ByteWriter()
            writer.varint(value)
            let back = read(writer.bytes) { (r) throws(ByteFault) in try r.varint32() }
            #expect(back == (Int32(exactly: value).map { .success($0) } ?? .failure(.init(.malformedVarint, at: 0))))
        }
    }

    @Test func countsAreCheckedAgainstWhatIsLeft() {
        func checked(_ count: some BinaryInteger, _ size: Int, _ limit: Int) -> Int? {
            try? read([UInt8](repeating: 0, count: 10)) { (r) throws(ByteFault) in
                try r.checked(count: count, minimumElementBytes: size, limit: limit)
            }.get()
        }
        #expect(checked(5, 2, 100) == 5)
        #expect(checked(6, 2, 100) == nil)
        #expect(checked(5, 2, 4) == nil)
        #expect(checked(-1, 2, 100) == nil)
        #expect(checked(Int32.min, 0, 100) == nil)
        #expect(checked(UInt64.max, 1, .max) == nil)
        #expect(checked(Int.max, 1, .max) == nil)
        #expect(checked(100, 0, 100) == 100)
    }

    @Test func textMustBeValid() {
        #expect(read(Array("aä€😀".utf8)) { (r) throws(ByteFault) in try r.text(10) } == .success("aä€😀"))
        for bad in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82], [0xF5, 0x80, 0x80, 0x80]] as [[UInt8]] {
            let text = read(bad) { (r) throws(ByteFault) in try r.text(bad.count) }
            #expect(text == .failure(.init(.invalidText, at: 0)))
        }
    }

    /// Any calls on any bytes: an answer or a fault, the position inside the input, and no trap.
    @Test func totalOnRandomBytes() {
        for seed in Seeds.first(3_000) {
            var random = SeededRandom(seed: seed)
            // Bytes with the top bit set make long varints.
            let bias: UInt8 = random.chance(1, in: 2) ? 0x80 : 0
            let bytes = (0..<Int(random.next(upperBound: UInt(40)))).map { _ in
                UInt8(truncatingIfNeeded: random.next()) | bias
            }
            bytes.lending { buffer in
                var reader = ByteReader(buffer)
                for _ in 0..<30 {
                    let before = reader.position
                    let count =
                        random.chance(1, in: 8)
                        ? Int(truncatingIfNeeded: random.next()) : Int.random(in: -2..<20, using: &random)
                    do throws(ByteFault) {
                        switch random.next(upperBound: UInt(11)) {
                        case 0: _ = try reader.byte()
                        case 1: _ = try reader.integer(Int16.self)
                        case 2: _ = try reader.littleEndian(UInt32.self)
                        case 3: _ = try reader.integer(Int64.self)
                        case 4: _ = try reader.varint()
                        case 5: _ = try reader.varint32()
                        case 6: _ = try reader.unsignedVarint()
                        case 7: #expect(try reader.take(count).count == count)
                        case 8: _ = try reader.text(count)
                        case 9: _ = try reader.checked(count: count, minimumElementBytes: count, limit: .max)
                        default: try reader.seek(to: count)
                        }
                    } catch { #expect(error.position >= 0 && error.position <= bytes.count) }
                    #expect(reader.position >= 0 && reader.position <= bytes.count, "seed \(seed) from \(before)")
                    #expect(reader.remaining == bytes.count - reader.position)
                }
            }
        }
    }

    @Test func patchesWhatWasWrittenBefore() {
        var writer = ByteWriter(capacity: 16)
        writer.integer(UInt32(0))
        writer.text("body")
        writer.patch(UInt32(4), at: 0)
        #expect(writer.bytes == [0, 0, 0, 4] + Array("body".utf8))
        writer.removeAll()
        #expect(writer.count == 0)
    }
}

extension Result {
    fileprivate var failure: Failure? { if case .failure(let failure) = self { failure } else { nil } }
}
