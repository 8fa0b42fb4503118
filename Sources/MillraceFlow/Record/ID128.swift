import MillraceCore

/// A 128-bit identifier, written as UUIDs are: `123e4567-e89b-12d3-a456-426614174000`. Reading takes either case,
/// writing gives lower case. Holds no heap, so a record with it can live in flat memory.
public struct ID128: Hashable, Sendable, BitwiseCopyable, Comparable, CustomStringConvertible {
    public var high: UInt64, low: UInt64

    @inlinable public init(high: UInt64, low: UInt64) { (self.high, self.low) = (high, low) }
    public init?(_ text: String) {
        var copy = text
        guard let id = copy.withUTF8({ ID128(text: UnsafeRawBufferPointer($0)) }) else { return nil }
        self = id
    }
    /// `nil` unless the bytes are exactly the 36 characters.
    public init?(text: UnsafeRawBufferPointer) {
        (high, low) = (0, 0)
        guard text.count == 36, let base = text.baseAddress, JSONText.read(&self, from: base) else { return nil }
    }

    @inlinable public static func < (a: ID128, b: ID128) -> Bool { (a.high, a.low) < (b.high, b.low) }

    public var description: String {
        String(unsafeUninitializedCapacity: 36) { buffer in
            write(into: UnsafeMutableRawBufferPointer(buffer))
            return 36
        }
    }
    /// Fills 36 bytes.
    func write(into buffer: UnsafeMutableRawBufferPointer) {
        var at = 0
        for i in 0..<32 {
            if i == 8 || i == 12 || i == 16 || i == 20 {
                buffer[at] = UInt8(ascii: "-")
                at += 1
            }
            let half = i < 16 ? high : low
            let digit = UInt8(truncatingIfNeeded: half >> UInt64(60 - 4 * (i & 15))) & 15
            buffer[at] = digit < 10 ? digit + UInt8(ascii: "0") : digit - 10 + UInt8(ascii: "a")
            at += 1
        }
    }
}

extension ID128: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let id = ID128(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "\(text) is not a 128-bit identifier")
        }
        self = id
    }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension JSONWriter {
    /// The 36 characters, without a `String` in between.
    mutating func string(_ id: ID128) {
        withUnsafeTemporaryAllocation(byteCount: 38, alignment: 1) { buffer in
            buffer[0] = UInt8(ascii: "\"")
            buffer[37] = UInt8(ascii: "\"")
            id.write(into: UnsafeMutableRawBufferPointer(rebasing: buffer[1..<37]))
            raw(UnsafeRawBufferPointer(buffer))
        }
    }
}
