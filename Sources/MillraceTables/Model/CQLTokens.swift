internal import MillraceCore

/// A cursor over a piece of CQL: words, quoted names, numbers and signs. Knows where it is for messages.
struct CQLTokens {
    struct Word {
        let text: String
        let isQuoted: Bool
    }
    let source: String
    private let bytes: [UInt8]
    /// Byte position in the source.
    private(set) var position = 0

    init(_ source: String) { (self.source, bytes) = (source, Array(source.utf8)) }

    mutating func skipSpace() {
        while position < bytes.count, bytes[position] <= 0x20 { position += 1 }
    }
    var isAtEnd: Bool {
        var copy = self
        copy.skipSpace()
        return copy.position == bytes.count
    }

    /// Consumes the sign if it is next.
    mutating func skip(_ sign: Character) -> Bool {
        skipSpace()
        guard position < bytes.count, bytes[position] == sign.asciiValue else { return false }
        position += 1
        return true
    }
    mutating func expect(_ sign: Character) throws(Failure) {
        guard skip(sign) else { throw failure("expected '\(sign)'") }
    }
    mutating func expectEnd() throws(Failure) {
        skipSpace()
        if position < bytes.count { throw failure("expected the end") }
    }

    /// A plain word, made lower case as CQL does, or a name in double quotes as it is.
    mutating func word(_ what: String) throws(Failure) -> Word {
        skipSpace()
        guard position < bytes.count else { throw failure("expected \(what)") }
        if bytes[position] == UInt8(ascii: "\"") { return Word(text: try quoted(), isQuoted: true) }
        let start = position
        while position < bytes.count, Names.isWordByte(bytes[position]) { position += 1 }
        guard position > start else { throw failure("expected \(what)") }
        return Word(text: String(decoding: bytes[start..<position], as: UTF8.self).lowercased(), isQuoted: false)
    }

    /// Consumes the word if it is next, in any case.
    mutating func skip(word: String) -> Bool {
        var copy = self
        guard let next = try? copy.word(word), !next.isQuoted, next.text == word else { return false }
        self = copy
        return true
    }

    private mutating func quoted() throws(Failure) -> String {
        let start = position
        var text: [UInt8] = []
        position += 1
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte != UInt8(ascii: "\"") {
                text.append(byte)
            } else if position < bytes.count, bytes[position] == byte {
                text.append(byte)
                position += 1
            } else {
                return String(decoding: text, as: UTF8.self)
            }
        }
        throw failure("a quoted name without its end", at: start)
    }

    func failure(_ message: String, at position: Int? = nil) -> Failure {
        let position = position ?? self.position
        let rest = String(decoding: bytes[min(position, bytes.count)...].prefix(20), as: UTF8.self)
        let found = rest.isEmpty ? "the end" : "'\(rest)'"
        return Failure(.invalidArgument, "\(message), found \(found)", place: "column \(position + 1) of '\(source)'")
    }
}
