import MillraceCore
import Testing

@Suite struct ChecksumTests {
    /// The definition, a bit at a time: nothing shared with the code under test but the polynomial.
    private static func oracle(_ bytes: some Sequence<UInt8>, _ state: UInt32 = .max) -> UInt32 {
        var crc = state
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
        }
        return crc
    }

    /// RFC 3720, appendix B.4, and the check value of the catalogue of CRCs.
    @Test(
        arguments: [
            (Array("123456789".utf8), 0xE306_9283),
            ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
            ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
            (Array(UInt8(0)...31), 0x46DD_794E),
            (Array((UInt8(0)...31).reversed()), 0x113F_DB5C),
            ([], 0),
        ] as [([UInt8], UInt32)])
    func knownVectors(_ bytes: [UInt8], _ expected: UInt32) {
        #expect(bytes.lending { CRC32C.of($0) } == expected)
        #expect(bytes.lending { CRC32C.portable($0) } == expected)
        #expect(~Self.oracle(bytes) == expected)
    }

    @Test func everyLengthAndAlignmentAgrees() {
        var random = SeededRandom(seed: 7)
        let bytes = (0..<40_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        // The code has steps at 8, 64, 256, 512, 3 × 256 and 3 × 4,096 bytes.
        let lengths =
            Array(0...1_600) + [2_303, 2_304, 2_305] + Array(12_280...12_300) + Array(24_570...24_590) + [39_000]
        for alignment in 0..<16 {
            var (state, done) = (UInt32.max, 0)
            var wrong: [Int] = []
            for length in lengths {
                state = Self.oracle(bytes[alignment + done..<alignment + length], state)
                done = length
                bytes.lending { all in
                    let part = UnsafeRawBufferPointer(rebasing: all[alignment..<alignment + length])
                    if CRC32C.of(part) != ~state || CRC32C.portable(part) != ~state { wrong.append(length) }
                }
            }
            #expect(wrong == [], "alignment \(alignment)")
        }
    }

    @Test func aChecksumContinuesAcrossAnyCut() {
        let bytes = (0..<13_000).map { UInt8(truncatingIfNeeded: $0 &* 131) }
        let whole = bytes.lending { CRC32C.of($0) }
        for cut in [0, 1, 7, 8, 9, 767, 768, 769, 12_287, 12_288, 12_289, 13_000] {
            bytes.lending { all in
                let (head, tail) = (
                    UnsafeRawBufferPointer(rebasing: all[..<cut]), UnsafeRawBufferPointer(rebasing: all[cut...])
                )
                #expect(CRC32C.of(tail, continuing: CRC32C.of(head)) == whole)
                #expect(CRC32C.portable(tail, continuing: CRC32C.of(head)) == whole)
            }
        }
    }

    @Test func anyFlippedBitIsSeen() {
        var bytes = [UInt8](repeating: 0x5A, count: 100)
        let good = bytes.lending { CRC32C.of($0) }
        for bit in 0..<800 {
            bytes[bit / 8] ^= 1 << (bit % 8)
            #expect(bytes.lending { CRC32C.of($0) } != good)
            bytes[bit / 8] ^= 1 << (bit % 8)
        }
    }
}
