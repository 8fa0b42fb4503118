internal import MillraceCore

/// Reads JSON strictly after RFC 8259: no comments, no trailing commas, no repeated keys, valid UTF-8, one value.
public struct JSONParser {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0
    private var line: Int
    /// Where the line begins in the bytes.
    private var lineStart = 0

    /// Parses a whole text. `line` is the number of its first line.
    public static func parse(_ bytes: UnsafeRawBufferPointer, line: Int = 1) throws(TextFault) -> JSONTree {
        var parser = JSONParser(bytes: bytes, line: line)
        let tree = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.position == bytes.count else { throw parser.fault("something follows the value") }
        return tree
    }

    public static func parse(_ text: String, line: Int = 1) throws(TextFault) -> JSONTree {
        try Bytes.lend(Array(text.utf8)) { (raw) throws(TextFault) in try parse(raw, line: line) }
    }

    private init(bytes: UnsafeRawBufferPointer, line: Int) { (self.bytes, self.line) = (bytes, line) }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private func fault(_ message: String, at position: Int? = nil) -> TextFault {
        TextFault(message, line: line, column: column(of: position ?? self.position))
    }
    private func column(of position: Int) -> Int {
        // Continuation bytes do not begin a character.
        1 + bytes[lineStart..<max(lineStart, position)].lazy.filter { $0 & 0xC0 != 0x80 }.count
    }

    private mutating func skipSpace() {
        while let byte = next {
            switch byte {
            case 0x0A:
                position += 1
                line += 1
                lineStart = position
            case 0x20, 0x09, 0x0D: position += 1
            default: return
            }
        }
    }

    private mutating func value(depth: Int) throws(TextFault) -> JSONTree {
        guard depth <= Limits.jsonDepth else { throw fault("nested deeper than \(Limits.jsonDepth) levels") }
        skipSpace()
        let (line, column) = (line, column(of: position))
        guard let byte = next else { throw fault("a value is missing") }
        let node: JSONTree.Node
        switch byte {
        case UInt8(ascii: "{"): node = .object(try object(depth: depth))
        case UInt8(ascii: "["): node = .array(try array(depth: depth))
        case UInt8(ascii: "\""): node = .text(try string())
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): node = .number(try number())
        default:
            if skip(word: "null") {
                node = .null
            } else if skip(word: "true") {
                node = .flag(true)
            } else if skip(word: "false") {
                node = .flag(false)
            } else {
                throw fault("expected a JSON value")
            }
        }
        return JSONTree(node, line: line, column: column)
    }

    private mutating func skip(word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard bytes.count - position >= count else { return false }
        for i in 0..<count where bytes[position + i] != word.utf8Start[i] { return false }
        position += count
        return true
    }

    private mutating func object(depth: Int) throws(TextFault) -> [(key: String, value: JSONTree)] {
        position += 1
        var members: [(key: String, value: JSONTree)] = []
        var seen: Set<[UInt8]> = []
        skipSpace()
        if skip(word: "}") { return members }
        while true {
            skipSpace()
            let start = position
            guard next == UInt8(ascii: "\"") else { throw fault("expected a name in quotes") }
            let key = try string()
            // By bytes: two names that only look the same are different columns.
            guard seen.insert(Array(key.utf8)).inserted else {
                throw fault("the name \"\(key)\" is repeated", at: start)
            }
            skipSpace()
            guard skip(word: ":") else { throw fault("expected ':'") }
            members.append((key, try value(depth: depth + 1)))
            skipSpace()
            if skip(word: "}") { return members }
            guard skip(word: ",") else { throw fault("expected ',' or '}'") }
        }
    }

    private mutating func array(depth: Int) throws(TextFault) -> [JSONTree] {
        position += 1
        var elements: [JSONTree] = []
        skipSpace()
        if skip(word: "]") { return elements }
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpace()
            if skip(word: "]") { return elements }
            guard skip(word: ",") else { throw fault("expected ',' or ']'") }
        }
    }

    private mutating func digits() -> Int {
        let start = position
        while let byte = next, (48...57).contains(byte) { position += 1 }
        return position - start
    }

    private mutating func number() throws(TextFault) -> String {
        let start = position
        _ = skip(word: "-")
        let first = next
        let count = digits()
        guard count > 0 else { throw fault("a number without digits", at: start) }
        guard first != UInt8(ascii: "0") || count == 1 else { throw fault("a number with a leading zero", at: start) }
        if skip(word: "."), digits() == 0 { throw fault("a number without digits after its point", at: start) }
        if skip(word: "e") || skip(word: "E") {
            if !skip(word: "-") { _ = skip(word: "+") }
            if digits() == 0 { throw fault("a number without digits in its exponent", at: start) }
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func string() throws(TextFault) -> String {
        let start = position
        position += 1
        var text: [UInt8] = []
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                guard let result = String(validating: text, as: UTF8.self) else {
                    throw fault("a string that is not UTF-8", at: start)
                }
                return result
            case UInt8(ascii: "\\"):
                let scalar = try escape()
                text.append(contentsOf: Array(String(scalar).utf8))
            case 0..<0x20: throw fault("a control character in a string; write it as an escape")
            default:
                text.append(byte)
                position += 1
            }
        }
        throw fault("a string without its end", at: start)
    }

    private mutating func escape() throws(TextFault) -> Unicode.Scalar {
        let start = position
        position += 1
        guard let byte = next else { throw fault("a string without its end", at: start) }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let unit = try hexUnit(start)
            if let scalar = Unicode.Scalar(unit) { return scalar }
            guard (0xD800..<0xDC00).contains(unit), skip(word: "\\u") else {
                throw fault("half of a surrogate pair", at: start)
            }
            let low = try hexUnit(start)
            guard (0xDC00..<0xE000).contains(low) else { throw fault("half of a surrogate pair", at: start) }
            let code = 0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00)
            guard let scalar = Unicode.Scalar(code) else { throw fault("not a character", at: start) }
            return scalar
        default: throw fault("an escape that JSON does not have", at: start)
        }
    }

    private mutating func hexUnit(_ start: Int) throws(TextFault) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Hex.digit(byte) else {
                throw fault("expected four hex digits", at: start)
            }
            unit = unit << 4 | UInt16(digit)
            position += 1
        }
        return unit
    }
}

/// Hexadecimal digits.
enum Hex {
    static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
    static let digits = Array("0123456789abcdef".utf8)

    static func text(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Pairs of digits and nothing else.
    static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        let digits = text.utf8.map { digit($0) }
        guard digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 2)
        for i in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digits[i], let low = digits[i + 1] else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }
}
