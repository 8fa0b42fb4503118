/// Encodes the bodies of batches into memory it reuses. One owner, not Sendable.
final class Compressor {
    private var output = PackedBuffer()
    private lazy var gzip = GzipEncoder()
    private lazy var zstd = ZstdEncoder()

    /// The encoded bytes, lent until the next call.
    func compress(_ input: UnsafeRawBufferPointer, _ compression: Compression) -> UnsafeRawBufferPointer {
        output.removeAll()
        switch compression {
        case .none: return input
        case .gzip: gzip.encode(input, into: &output)
        case .snappy: SnappyCodec.encode(input, into: &output)
        case .lz4: LZ4Encoder.encode(input, into: &output)
        case .zstd: zstd.encode(input, into: &output)
        }
        return output.filled
    }
}

/// Memory for encoded bytes. Every codec tells beforehand how much it can need, so it grows once at most.
struct PackedBuffer: ~Copyable {
    private var base: UnsafeMutableRawPointer = .allocate(byteCount: 4 << 10, alignment: 16)
    private var capacity = 4 << 10
    private var count = 0

    deinit { base.deallocate() }

    var filled: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }
    mutating func removeAll() { count = 0 }
    mutating func room(for bytes: Int) -> UnsafeMutableRawBufferPointer {
        if count + bytes > capacity {
            let size = max(count + bytes, capacity * 2)
            let larger = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
            larger.copyMemory(from: base, byteCount: count)
            base.deallocate()
            (base, capacity) = (larger, size)
        }
        return UnsafeMutableRawBufferPointer(start: base + count, count: bytes)
    }
    mutating func wrote(_ bytes: Int) {
        count += bytes
        precondition(count <= capacity, "a codec stays in the room it got")
    }
    mutating func append(bigEndian value: UInt32) {
        room(for: 4).storeBytes(of: value.bigEndian, as: UInt32.self)
        wrote(4)
    }
}
