/// At most 15 bytes of text that lie in the record itself: a record of such fields is copied as bytes, and nobody
/// counts references.
public struct ShortText: Sendable, Hashable, BitwiseCopyable, ExpressibleByStringLiteral {
    public static let capacity = 15

    /// The text's bytes from the lowest up; the highest of the second word says how many there are.
    public let words: (low: UInt64, high: UInt64)

    public init(_ text: String) {
        precondition(text.utf8.count <= Self.capacity, "\(text) is longer than \(Self.capacity) bytes")
        var (low, high) = (UInt64(0), UInt64(text.utf8.count) << 56)
        for (index, byte) in text.utf8.enumerated() {
            if index < 8 { low |= UInt64(byte) << (8 * index) } else { high |= UInt64(byte) << (8 * (index - 8)) }
        }
        words = (low, high)
    }
    public init(stringLiteral text: String) { self.init(text) }
    /// `nil` where the words hold no text.
    public init?(words: (low: UInt64, high: UInt64)) {
        guard words.high >> 56 <= UInt64(Self.capacity) else { return nil }
        self.words = words
    }

    public var isEmpty: Bool { words.high >> 56 == 0 }

    /// Of 15 bytes and fewer, so that it is made without an allocation.
    public var text: String {
        withUnsafeBytes(of: (words.low.littleEndian, words.high.littleEndian)) { bytes in
            String(decoding: bytes[..<Int(words.high >> 56)], as: UTF8.self)
        }
    }

    public static func == (one: ShortText, other: ShortText) -> Bool { one.words == other.words }
    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.low)
        hasher.combine(words.high)
    }
}
