import MillraceCore
import Testing

@testable import MillraceLog

@Suite struct BatchPropertyTests {
    @Test(arguments: Compression.allCases) func decodingUndoesEncoding(_ compression: Compression) throws {
        var random = SeededRandom(seed: BatchRun.seed)
        for _ in 0..<60 * BatchRun.scale {
            let records = random.records(upTo: 40)
            let properties = random.properties(compression)
            var batch = try encode(records, properties)
            let base = Int64.random(in: 0...1 << 60, using: &random)
            batch.place(baseOffset: base, leaderEpoch: 9)
            let expected = records.map { record in
                var moved = record
                moved.offset += base
                return moved
            }
            #expect(try plainRecords(batch.bytes) == expected, BatchRun.note)
            let header = batch.header
            #expect(header.recordCount == Int32(records.count))
            #expect(header.maxMilliseconds == records.map(\.milliseconds).max(), BatchRun.note)
            #expect(header.baseMilliseconds == records[0].milliseconds)
            #expect(header.producerID == properties.producerID && header.baseSequence == properties.baseSequence)
            #expect(header.attributes.isTransactional == properties.isTransactional)
            #expect(try batch.bytes.withUnsafeBytes { try BatchHeader($0) } == header)
            // What was made is accepted as if it had come from outside.
            #expect(try EncodedBatch(received: batch.bytes, using: Decompressor()).header == header)
        }
    }

    @Test func everyFlippedBitIsSeen() throws {
        for compression in Compression.allCases {
            var random = SeededRandom(seed: BatchRun.seed)
            var properties = RecordBatchBuilder.Properties()
            properties.compression = compression
            let batch = try encode(random.records(upTo: 6, valueBytes: 40), properties)
            for bit in 0..<batch.count * 8 {
                var bytes = batch.bytes
                bytes[bit / 8] ^= 1 << UInt8(bit % 8)
                // Base offset and leader epoch are the log's, which checks them against their neighbours.
                let isTheLogs = bit / 8 < 8 || (12..<16).contains(bit / 8)
                let seen = bytes.withUnsafeBytes { raw in
                    guard let view = try? RecordBatchView(raw) else { return true }
                    return !view.isIntact || view.bytes.count != raw.count
                }
                #expect(seen != isTheLogs || (bit == 7 && seen), "bit \(bit) of \(compression), \(BatchRun.note)")
            }
        }
    }

    /// Any bytes, and batches damaged in every way with their checksum made right again, decode or are refused.
    @Test func decodingIsTotal() throws {
        var random = SeededRandom(seed: BatchRun.seed)
        let decompressor = Decompressor()
        var refused = 0
        for round in 0..<6_000 * BatchRun.scale {
            var bytes: [UInt8]
            if round % 10 == 0 {
                bytes = (0..<Int.random(in: 0..<200, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                if bytes.count > 16 { bytes[16] = 2 }
            } else {
                let compression = Compression.allCases[round % 5]
                bytes = try encode(random.records(upTo: 5, valueBytes: 30), random.properties(compression)).bytes
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let at = Int.random(in: 0..<bytes.count, using: &random)
                    bytes[at] = Bool.random(using: &random) ? UInt8.random(in: 0...255, using: &random) : 0xFF
                }
                if random.chance(1, in: 4) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
            }
            fixChecksum(&bytes)
            do throws(ByteFault) {
                _ = try EncodedBatch(received: bytes, using: decompressor)
            } catch {
                refused += 1
                #expect(error.position >= 0)
            }
            bytes.withUnsafeBytes { raw in
                guard let view = try? RecordBatchView(raw) else { return }
                _ = try? view.controlRecord()
            }
        }
        #expect(refused > 1_000 * BatchRun.scale, "the damage must damage something")
    }

    private func fixChecksum(_ bytes: inout [UInt8]) {
        guard bytes.count >= BatchHeader.byteCount else { return }
        let length = Int32(bytes.count - BatchHeader.lengthPrefix)
        let checksum = bytes.withUnsafeBytes { CRC32C.of(UnsafeRawBufferPointer(rebasing: $0[21...])) }
        bytes.withUnsafeMutableBytes {
            $0.storeBytes(of: length.bigEndian, toByteOffset: 8, as: Int32.self)
            $0.storeBytes(of: checksum.bigEndian, toByteOffset: 17, as: UInt32.self)
        }
    }

    @Test func everyTruncationIsSeen() throws {
        var random = SeededRandom(seed: BatchRun.seed)
        for compression in Compression.allCases {
            let batch = try encode(random.records(upTo: 8), random.properties(compression))
            for length in 0..<batch.count {
                batch.bytes.withUnsafeBytes { raw in
                    let cut = UnsafeRawBufferPointer(rebasing: raw[..<length])
                    #expect(throws: ByteFault.self, BatchRun.note) { try RecordBatchView(cut) }
                }
            }
        }
    }

    @Test func compactedBatchesKeepTheirRange() throws {
        var random = SeededRandom(seed: BatchRun.seed)
        let decompressor = Decompressor()
        for _ in 0..<40 * BatchRun.scale {
            var original = try encode(random.records(upTo: 30), random.properties(.lz4))
            original.place(baseOffset: 1_000, leaderEpoch: 2)
            let kept = Set((0..<original.recordCount).filter { _ in Bool.random(using: &random) })
            var properties = RecordBatchBuilder.Properties(of: original.header)
            if Bool.random(using: &random) { properties.deleteHorizonMilliseconds = 77 }
            let builder = RecordBatchBuilder(properties)
            try original.bytes.withUnsafeBytes { raw in
                try withExtendedLifetime(decompressor) {
                    var cursor = try RecordBatchView(raw).records(using: decompressor)
                    while let record = try cursor.next() {
                        if kept.contains(Int(record.offset - 1_000)) { try builder.append(copying: record) }
                    }
                }
            }
            let compacted = builder.finish(lastOffsetDelta: original.header.lastOffsetDelta)
            #expect(compacted.header.nextOffset == original.header.nextOffset, BatchRun.note)
            #expect(compacted.header.deleteHorizonMilliseconds == properties.deleteHorizonMilliseconds)
            let expected = try plainRecords(original.bytes).filter { kept.contains(Int($0.offset - 1_000)) }
            #expect(try plainRecords(compacted.bytes) == expected, BatchRun.note)
        }
    }

    @Test func appendTimeIsEveryRecordsTime() throws {
        var random = SeededRandom(seed: BatchRun.seed)
        var batch = try encode(random.records(upTo: 9), random.properties(.zstd))
        batch.stamp(appendMilliseconds: 42)
        #expect(try plainRecords(batch.bytes).allSatisfy { $0.milliseconds == 42 })
    }

    @Test func whatDoesNotFitIsRefusedAndLeavesTheBatchAsItWas() throws {
        let builder = RecordBatchBuilder()
        let megabyte = [UInt8](repeating: 1, count: 1 << 20)
        for _ in 0..<15 { try builder.append(key: nil, value: megabyte, milliseconds: 1) }
        let before = builder.byteCount
        let failure = #expect(throws: Failure.self) {
            try builder.append(key: nil, value: megabyte, milliseconds: 1)
        }
        #expect(failure?.code == .limitReached)
        #expect(builder.byteCount == before && builder.count == 15)
        let many = (0...Limits.headersPerRecord).map { RecordHeader("\($0)", nil) }
        #expect(throws: Failure.self) { try builder.append(key: nil, value: [], milliseconds: 1, headers: many) }
        #expect(try plainRecords(builder.finish().bytes).count == 15)
    }

    @Test func headersOfTheWrongShapeAreRefused() throws {
        func faultAfter(_ change: (inout BatchHeader) -> Void) throws -> Int? {
            var header = try encode([PlainRecord(milliseconds: 0, key: nil, value: [])], .init()).header
            change(&header)
            do throws(ByteFault) { try header.validate() } catch { return error.position }
            return nil
        }
        #expect(try faultAfter { _ in } == nil)
        #expect(try faultAfter { $0.baseOffset = -1 } == 0)
        #expect(try faultAfter { $0.length = 48 } == 8)
        #expect(try faultAfter { $0.length = .max } == 8)
        #expect(try faultAfter { $0.attributes.rawValue = 5 } == 21)
        #expect(try faultAfter { $0.attributes.rawValue = 1 << 7 } == 21)
        #expect(try faultAfter { $0.lastOffsetDelta = -1 } == 23)
        #expect(try faultAfter { $0.baseOffset = .max } == 23)
        #expect(try faultAfter { $0.producerID = -2 } == 43)
        #expect(try faultAfter { $0.attributes = BatchAttributes(isTransactional: true) } == 43)
        #expect(try faultAfter { $0.producerEpoch = -2 } == 51)
        #expect(try faultAfter { $0.baseSequence = -2 } == 53)
        #expect(try faultAfter { $0.recordCount = -1 } == 57)
        #expect(try faultAfter { $0.recordCount = 2 } == 57)
    }

    @Test func sequencesWrap() throws {
        var header = try encode([PlainRecord(milliseconds: 0, key: nil, value: [])], .init()).header
        (header.baseSequence, header.lastOffsetDelta) = (.max - 1, 3)
        #expect(header.lastSequence == 1)
        header.baseSequence = -1
        #expect(header.lastSequence == -1)
    }

    @Test func microsecondsRoundTowardsThePast() {
        #expect(EventTime(microseconds: 1_999).flooredMilliseconds == 1)
        #expect(EventTime(microseconds: -1).flooredMilliseconds == -1)
        #expect(EventTime(microseconds: -1_000).flooredMilliseconds == -1)
    }

    /// Lengths, times and offsets around every width of a varint, against the format written down plainly.
    @Test func recordsOfEveryWidthAreWrittenAsTheFormatSays() throws {
        func varint(_ value: Int64) -> [UInt8] {
            var raw = UInt64(bitPattern: (value << 1) ^ (value >> 63))
            var bytes: [UInt8] = []
            repeat {
                bytes.append(UInt8(raw % 128) + (raw >= 128 ? 128 : 0))
                raw /= 128
            } while raw > 0
            return bytes
        }
        func sized(_ bytes: [UInt8]?) -> [UInt8] { varint(Int64(bytes?.count ?? -1)) + (bytes ?? []) }
        let lengths = [-1, 0, 1, 50, 63, 64, 65, 126, 127, 128, 129, 7_990, 7_999, 8_000, 8_191, 8_192, 20_000]
        let times: [Int64] = [0, 1, -1, 63, 64, -64, -65, 8_191, 8_192, -8_192, -8_193, 1 << 40, -1 << 40]
        let base: Int64 = 1_767_225_600_000
        for capacity in [128, 64 << 10] {
            let builder = RecordBatchBuilder(capacity: capacity)
            var expected: [UInt8] = []
            var number: Int64 = 0
            func add(_ key: [UInt8]?, _ value: [UInt8]?, _ delta: Int64) throws {
                let time = number == 0 ? 0 : delta
                try builder.append(key: key, value: value, milliseconds: base + time)
                let body = [0] + varint(time) + varint(number) + sized(key) + sized(value) + [0]
                expected += varint(Int64(body.count)) + body
                number += 1
            }
            for key in lengths {
                for value in lengths {
                    try add(
                        key < 0 ? nil : [UInt8](repeating: 1, count: key),
                        value < 0 ? nil : [UInt8](repeating: 2, count: value),
                        times[Int(number) % times.count])
                }
            }
            // Until the offsets need three bytes.
            while number < 8_300 { try add(nil, [7], times[Int(number) % times.count]) }
            #expect(builder.finish().bytes[BatchHeader.byteCount...] == expected[...])
        }
    }
}
