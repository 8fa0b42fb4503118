/// Cassandra's partitioner: the first half of MurmurHash3 x64 128 with seed 0, in Cassandra's own variant.
///
/// The variant takes the bytes of the tail as signed, so keys with bytes above 0x7F hash differently from the
/// published algorithm; and it never gives the smallest token, which stands for "before all".
public enum Murmur3 {
    public static func token(_ bytes: UnsafeRawBufferPointer) -> Int64 {
        let hash = hash(bytes)
        return hash == .min ? .max : hash
    }

    private static let (c1, c2): (UInt64, UInt64) = (0x87C3_7B91_1142_53D5, 0x4CF5_AD43_2745_937F)

    private static func hash(_ bytes: UnsafeRawBufferPointer) -> Int64 {
        var (h1, h2): (UInt64, UInt64) = (0, 0)
        let blocks = bytes.count / 16
        for i in 0..<blocks {
            let k1 = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: i * 16, as: UInt64.self))
            let k2 = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: i * 16 + 8, as: UInt64.self))
            h1 ^= rotate(k1 &* c1, 31) &* c2
            h1 = (rotate(h1, 27) &+ h2) &* 5 &+ 0x52DC_E729
            h2 ^= rotate(k2 &* c2, 33) &* c1
            h2 = (rotate(h2, 31) &+ h1) &* 5 &+ 0x3849_5AB5
        }
        var (k1, k2): (UInt64, UInt64) = (0, 0)
        let tail = blocks * 16
        for i in tail..<bytes.count {
            let byte = UInt64(bitPattern: Int64(Int8(bitPattern: bytes[i])))
            let bits = UInt64(truncatingIfNeeded: (i - tail) & 7) &* 8
            if i - tail < 8 { k1 ^= byte &<< bits } else { k2 ^= byte &<< bits }
        }
        if bytes.count - tail > 8 { h2 ^= rotate(k2 &* c2, 33) &* c1 }
        if bytes.count - tail > 0 { h1 ^= rotate(k1 &* c1, 31) &* c2 }
        h1 ^= UInt64(bytes.count)
        h2 ^= UInt64(bytes.count)
        h1 = h1 &+ h2
        h2 = h2 &+ h1
        h1 = mix(h1)
        h2 = mix(h2)
        return Int64(bitPattern: h1 &+ h2)
    }

    @inline(__always) private static func rotate(_ x: UInt64, _ bits: UInt64) -> UInt64 { x << bits | x >> (64 - bits) }
    @inline(__always) private static func mix(_ x: UInt64) -> UInt64 {
        var x = x
        x = (x ^ x >> 33) &* 0xFF51_AFD7_ED55_8CCD
        x = (x ^ x >> 33) &* 0xC4CE_B9FE_1A85_EC53
        return x ^ x >> 33
    }
}
