/// A small set of texts that a field may be, read as their index.
public struct JSONWords: Sendable, ExpressibleByArrayLiteral {
    @usableFromInline let storage: Storage
    public var words: [String] { storage.words }

    public init(_ words: [String]) { storage = Storage(words) }
    public init(arrayLiteral words: String...) { self.init(words) }

    /// Which word has the print, or -1 when none has or the print does not tell. Looks at all of them: which word comes
    /// next is chance, and a branch on it would be guessed wrongly again and again.
    @inlinable func index(of print: Print) -> Int {
        let prints = storage.prints
        var found = -1
        for i in 0..<prints.count where prints[i].isSame(as: print) { found = i }
        return found
    }

    @usableFromInline final class Storage: @unchecked Sendable {
        // Sendable because nothing is written after it was made.
        let words: [String]
        @usableFromInline let prints: UnsafeMutableBufferPointer<Print>

        init(_ words: [String]) {
            self.words = words
            prints = .allocate(capacity: words.count)
            for (i, word) in words.enumerated() {
                let bytes = Array(word.utf8)
                // The first of equal words is the one that counts.
                let isKnown = words.firstIndex(of: word)! < i
                let print = bytes.withUnsafeBytes { bytes in
                    // Not the address of an empty array, which there may not be.
                    bytes.isEmpty ? Print() : Print(bytes.baseAddress!, 0..<bytes.count, of: bytes.count)
                }
                prints.initializeElement(at: i, to: isKnown ? .nothing : print)
            }
        }
        deinit { prints.deallocate() }
    }

    /// Length, first and last bytes: all there is of a word of up to 16 bytes. Longer ones have none.
    @usableFromInline struct Print: Sendable, BitwiseCopyable {
        @usableFromInline var count = 0
        /// The first up to eight bytes, and zeros above.
        @usableFromInline var head: UInt64 = 0
        /// The last up to eight bytes, and zeros below.
        @usableFromInline var tail: UInt64 = 0

        static let nothing = Print(count: -1)
        init(count: Int = 0) { self.count = count }

        /// The print of a part of `length` bytes.
        @inlinable init(_ bytes: UnsafeRawPointer, _ range: Range<Int>, of length: Int) {
            count = range.count
            if range.lowerBound &+ 8 <= length, range.upperBound >= 8 {
                let unused = UInt64(8 &* (8 &- min(count, 8)))
                head = (bytes + range.lowerBound).loadUnaligned(as: UInt64.self) & ~0 >> unused
                tail = (bytes + range.upperBound - 8).loadUnaligned(as: UInt64.self) & ~0 << unused
            } else {
                for (i, at) in range.prefix(8).enumerated() {
                    head |= UInt64(bytes.load(fromByteOffset: at, as: UInt8.self)) << UInt64(8 &* i)
                }
                for at in range.suffix(8) {
                    tail = tail >> 8 | UInt64(bytes.load(fromByteOffset: at, as: UInt8.self)) << 56
                }
            }
        }
        /// Never for words of more than 16 bytes.
        @inlinable func isSame(as other: Print) -> Bool {
            (count ^ other.count) | Int(truncatingIfNeeded: (head ^ other.head) | (tail ^ other.tail)) == 0
                && count <= 16
        }
    }
}
