import MillraceCore
import Testing

@testable import MillraceLog

@Suite struct BatchCompressionTests {
    static let codecs = Compression.allCases.filter { $0 != .none }

    func packed(_ bytes: [UInt8], _ compression: Compression) -> [UInt8] {
        let compressor = Compressor()
        return withExtendedLifetime(compressor) {
            bytes.withUnsafeBytes { Array(compressor.compress($0, compression)) }
        }
    }
    func unpacked(_ bytes: [UInt8], _ compression: Compression) throws(ByteFault) -> [UInt8] {
        let decompressor = Decompressor()
        defer { withExtendedLifetime(decompressor) {} }
        return try bytes.lending { raw throws(ByteFault) in Array(try decompressor.decompress(raw, compression)) }
    }

    @Test(arguments: codecs) func everySizeComesBack(_ compression: Compression) throws {
        var random = SeededRandom(seed: BatchRun.seed)
        let edges = [1, 2, 63, 64, 65, 32_767, 32_768, 32_769, 65_535, 65_536, 65_537, 200_000]
        for size in edges {
            let noise = (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
            #expect(try unpacked(packed(noise, compression), compression) == noise, BatchRun.note)
            let text = (0..<size).map { UInt8(97 + $0 % 23) }
            #expect(try unpacked(packed(text, compression), compression) == text)
        }
    }

    /// One that was refused, and one that was cut off, must not spoil the next.
    @Test(arguments: codecs) func aDecompressorSurvivesWhatItRefuses(_ compression: Compression) throws {
        let decompressor = Decompressor()
        let good = packed(Array(repeating: 7, count: 5_000), compression)
        for cut in 1..<good.count {
            _ = try? Array(good[..<cut]).lending { raw throws(ByteFault) in
                try decompressor.decompress(raw, compression).count
            }
            let count = try good.lending { raw throws(ByteFault) in
                try decompressor.decompress(raw, compression).count
            }
            #expect(count == 5_000)
        }
    }

    @Test(arguments: codecs) func bombsAreRefused(_ compression: Compression) throws {
        // Above the absolute cap.
        let twenty = packed([UInt8](repeating: 0, count: 20 << 20), compression)
        #expect(fault(of: twenty, compression)?.reason == .overLimit)
        // Below it, but by more than the ratio. Snappy cannot even reach it.
        if compression != .snappy {
            let four = packed([UInt8](repeating: 0, count: 4 << 20), compression)
            #expect(four.count * Limits.decompressionRatio < 4 << 20)
            #expect(fault(of: four, compression)?.reason == .overLimit)
        }
        // A megabyte is harmless whatever its ratio.
        let one = [UInt8](repeating: 0, count: 1 << 20)
        #expect(try unpacked(packed(one, compression), compression) == one)
    }
    func fault(of bytes: [UInt8], _ compression: Compression) -> ByteFault? {
        do throws(ByteFault) { _ = try unpacked(bytes, compression) } catch { return error }
        return nil
    }

    @Test func aSizeThatIsOnlyClaimedCostsNothing() {
        // Raw snappy that claims 2^32−1 bytes, and a zstd frame that claims a window of 2 GiB.
        #expect(fault(of: [0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0, 0], .snappy)?.reason == .malformedCompression)
        let hugeWindow: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0xA8, 0x01, 0x00, 0x00]
        #expect(fault(of: hugeWindow, .zstd)?.reason == .malformedCompression)
    }

    /// A producer's batch of equal records shrinks by more than the readers' cap: it is stored as it is.
    @Test func buildersMakeNothingReadersRefuse() throws {
        for compression in Self.codecs {
            var properties = RecordBatchBuilder.Properties()
            properties.compression = compression
            let builder = RecordBatchBuilder(properties)
            let value = [UInt8](repeating: 65, count: 1 << 16)
            for _ in 0..<100 { try builder.append(key: nil, value: value, milliseconds: 0) }
            let batch = builder.finish()
            #expect(try plainRecords(batch.bytes).count == 100, "\(compression)")
        }
    }

    @Test(arguments: codecs) func streamsBehindEachOtherAreRead(_ compression: Compression) throws {
        let (a, b) = (Array("first".utf8), Array("second".utf8))
        #expect(try unpacked(packed(a, compression) + packed(b, compression), compression) == a + b)
    }

    @Test func rawSnappyIsRead() throws {
        // A literal of three bytes, as the format's description writes it.
        #expect(try unpacked([3, 2 << 2, 97, 98, 99], .snappy) == Array("abc".utf8))
    }

    @Test(arguments: codecs) func damageIsTotal(_ compression: Compression) throws {
        var random = SeededRandom(seed: BatchRun.seed)
        let decompressor = Decompressor()
        for _ in 0..<1_500 * BatchRun.scale {
            var bytes = packed(random.bytes(upTo: 2_000) + [1], compression)
            for _ in 0..<Int.random(in: 1...5, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if random.chance(1, in: 3) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
            _ = try? bytes.lending { raw throws(ByteFault) in try decompressor.decompress(raw, compression).count }
        }
    }
}

@Suite struct PartitionerTests {
    /// From the tests of Kafka's Java client.
    @Test(
        arguments: [
            ("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971), ("abc", 479_470_107),
        ] as [(String, Int32)]) func hashesAsKafkaDoes(_ key: String, _ hash: Int32)
    {
        let computed = Array(key.utf8).withUnsafeBytes { Partitioner.murmur2($0) }
        #expect(Int32(bitPattern: computed) == hash)
        let partition = Array(key.utf8).withUnsafeBytes { Partitioner.partition(ofKey: $0, among: 7) }
        #expect(partition == Int(hash & 0x7FFF_FFFF) % 7)
    }
}
