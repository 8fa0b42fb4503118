internal import MillraceCore

/// The secret that changes to a node need: made at the first start, kept in a file only its owner can read.
enum TokenFile {
    static let name = "console.token"

    /// 64 hexadecimal digits from the file; made when it is missing. Blocks.
    static func load(
        directory: String, storage: any Storage, entropy: () -> UInt64
    ) throws(Failure) -> String {
        let path = directory + "/" + name
        do throws(IOFault) {
            if let bytes = try storage.contents(of: path, limit: 4_096) {
                let token = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
                if token.utf8.count >= 32 { return token }
            }
            let token = (0..<4).map { _ in hex(entropy()) }.joined()
            try storage.replace(path, with: Array((token + "\n").utf8))
            return token
        } catch {
            throw Failure(error, "the console's token cannot be kept")
        }
    }

    private static func hex(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// In a time that does not depend on where they differ.
    static func isEqual(_ a: some Collection<UInt8>, _ b: some Collection<UInt8>) -> Bool {
        var difference = UInt8(a.count == b.count ? 0 : 1)
        var (left, right) = (a.makeIterator(), b.makeIterator())
        // As many steps as the guess is long, whatever the secret's length.
        while let x = left.next() { difference |= x ^ (right.next() ?? ~x) }
        return difference == 0
    }
}
