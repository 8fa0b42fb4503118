/// Kafka's default partitioner for records with a key, bit for bit.
public enum Partitioner {
    /// The partition of `key` among `count`: `toPositive(murmur2(key)) % count`.
    public static func partition(ofKey key: UnsafeRawBufferPointer, among count: Int) -> Int {
        precondition(count > 0, "a topic has a partition")
        return Int(murmur2(key) & 0x7FFF_FFFF) % count
    }

    /// MurmurHash2 with Kafka's seed.
    public static func murmur2(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        let m: UInt32 = 0x5BD1_E995
        var hash: UInt32 = 0x9747_B28C ^ UInt32(truncatingIfNeeded: bytes.count)
        let words = bytes.count / 4
        for word in 0..<words {
            var k = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: word * 4, as: UInt32.self))
            k &*= m
            k ^= k >> 24
            k &*= m
            hash &*= m
            hash ^= k
        }
        let tail = words * 4
        switch bytes.count - tail {
        case 3:
            hash ^= UInt32(bytes[tail + 2]) << 16
            hash ^= UInt32(bytes[tail + 1]) << 8
            hash ^= UInt32(bytes[tail])
            hash &*= m
        case 2:
            hash ^= UInt32(bytes[tail + 1]) << 8
            hash ^= UInt32(bytes[tail])
            hash &*= m
        case 1:
            hash ^= UInt32(bytes[tail])
            hash &*= m
        default: break
        }
        hash ^= hash >> 13
        hash &*= m
        hash ^= hash >> 15
        return hash
    }
}
