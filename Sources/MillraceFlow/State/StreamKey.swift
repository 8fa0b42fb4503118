public import MillraceCore

/// A value by which records are grouped.
///
/// `streamHash` decides the partition a record goes to (seed 0, so it must be the same in every process and release)
/// and the slot in a state table (a seed of the process's own). It is called once per record: a few instructions.
/// The default stores the value and hashes the bytes, which allocates; give your own key types the combination of
/// their fields' hashes.
public protocol StreamKey: Storable, Hashable {
    func streamHash(seed: UInt64) -> UInt64
}

/// The mixing steps keys are hashed with.
public enum KeyHash {
    /// One multiply and two shifts: every input bit reaches the high and the low bits.
    @inlinable @inline(__always) public static func mix(_ value: UInt64, _ seed: UInt64) -> UInt64 {
        let product = (value ^ seed ^ 0x9E37_79B9_7F4A_7C15).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
        let folded = product.high ^ product.low
        return folded ^ (folded >> 29)
    }

    @inlinable public static func bytes(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
        var hash = mix(UInt64(bytes.count), seed)
        var position = 0
        while position + 8 <= bytes.count {
            hash = mix(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)), hash)
            position += 8
        }
        guard position < bytes.count else { return hash }
        var tail: UInt64 = 0
        while position < bytes.count {
            tail = tail << 8 | UInt64(bytes[position])
            position += 1
        }
        return mix(tail, hash)
    }
}

extension StreamKey {
    @inlinable public func streamHash(seed: UInt64) -> UInt64 {
        var writer = ByteWriter(capacity: 32)
        store(into: &writer)
        return writer.bytes.withUnsafeBytes { KeyHash.bytes($0, seed: seed) }
    }
}

extension StreamKey where Self: FixedWidthInteger {
    @inlinable public func streamHash(seed: UInt64) -> UInt64 { KeyHash.mix(UInt64(truncatingIfNeeded: self), seed) }
}

extension Int: StreamKey {}
extension Int8: StreamKey {}
extension Int16: StreamKey {}
extension Int32: StreamKey {}
extension Int64: StreamKey {}
extension UInt: StreamKey {}
extension UInt8: StreamKey {}
extension UInt16: StreamKey {}
extension UInt32: StreamKey {}
extension UInt64: StreamKey {}

extension Bool: StreamKey {
    @inlinable public func streamHash(seed: UInt64) -> UInt64 { KeyHash.mix(self ? 1 : 0, seed) }
}

extension EventTime: StreamKey {
    @inlinable public func streamHash(seed: UInt64) -> UInt64 {
        KeyHash.mix(UInt64(bitPattern: microseconds), seed)
    }
}

extension String: StreamKey {
    @inlinable public func streamHash(seed: UInt64) -> UInt64 {
        var copy = self
        return copy.withUTF8 { KeyHash.bytes(UnsafeRawBufferPointer($0), seed: seed) }
    }
}

extension Optional: StreamKey where Wrapped: StreamKey {
    @inlinable public func streamHash(seed: UInt64) -> UInt64 {
        switch self {
        case .none: KeyHash.mix(0, ~seed)
        case .some(let key): key.streamHash(seed: seed)
        }
    }
}

extension Array: StreamKey where Element: StreamKey {
    @inlinable public func streamHash(seed: UInt64) -> UInt64 {
        var hash = KeyHash.mix(UInt64(count), seed)
        for element in self { hash = element.streamHash(seed: hash) }
        return hash
    }
}
