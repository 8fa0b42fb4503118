import MillraceCore

/// Writes one JSON object, field by field, in the order given.
struct JSONText {
    private var bytes: [UInt8] = [UInt8(ascii: "{")]
    private var isFirst = true

    /// The finished line, with its newline.
    var line: [UInt8] { bytes + [UInt8(ascii: "}"), UInt8(ascii: "\n")] }
    /// The finished object.
    var object: String { String(decoding: bytes, as: UTF8.self) + "}" }

    mutating func field(_ name: String, text: String) {
        key(name)
        Self.quote(text.utf8, into: &bytes)
    }
    mutating func field(_ name: String, integer: Int64) { raw(name, String(integer)) }
    mutating func field(_ name: String, number: Double) { raw(name, number.isFinite ? "\(number)" : "null") }
    mutating func field(_ name: String, flag: Bool) { raw(name, flag ? "true" : "false") }
    mutating func null(_ name: String) { raw(name, "null") }
    /// A value that is JSON already.
    mutating func raw(_ name: String, _ json: String) {
        key(name)
        bytes += Array(json.utf8)
    }
    /// Bytes as text when they are valid UTF-8, else under `name64` in base 64; null stays null.
    mutating func field(_ name: String, bytes data: UnsafeRawBufferPointer?) {
        guard let data else { return null(name) }
        if let text = String(validating: data, as: UTF8.self) {
            field(name, text: text)
        } else {
            field(name + "64", text: Base64.text(data))
        }
    }

    private mutating func key(_ name: String) {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        Self.quote(name.utf8, into: &bytes)
        bytes.append(UInt8(ascii: ":"))
    }

    static func quoted(_ text: String) -> String {
        var bytes: [UInt8] = []
        quote(text.utf8, into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
    private static func quote(_ text: String.UTF8View, into bytes: inout [UInt8]) {
        let hex = Array("0123456789abcdef".utf8)
        bytes.append(UInt8(ascii: "\""))
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""): bytes += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0x0A: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
            case 0x0D: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "r")]
            case 0x09: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "t")]
            case ..<0x20: bytes += Array("\\u00".utf8) + [hex[Int(byte >> 4)], hex[Int(byte & 15)]]
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

/// Base 64 with padding.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        var out: [UInt8] = []
        out.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let left = min(3, bytes.count - start)
            var group: UInt32 = 0
            for i in 0..<3 { group = group << 8 | (i < left ? UInt32(bytes[start + i]) : 0) }
            for i in 0..<4 {
                let index = Int(group >> UInt32(18 - 6 * i) & 63)
                out.append(i <= left ? alphabet[index] : UInt8(ascii: "="))
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// Nil when it is not base 64.
    static func bytes(_ text: String) -> [UInt8]? {
        let symbols = Array(text.utf8)
        guard symbols.count % 4 == 0 else { return nil }
        let padding = symbols.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
        var out: [UInt8] = []
        for start in stride(from: 0, to: symbols.count, by: 4) {
            let isLast = start + 4 == symbols.count
            let used = isLast ? 4 - padding : 4
            var group: UInt32 = 0
            for i in 0..<4 {
                guard let value = i < used ? alphabet.firstIndex(of: symbols[start + i]) : 0 else { return nil }
                group = group << 6 | UInt32(value)
            }
            for i in 0..<used - 1 { out.append(UInt8(truncatingIfNeeded: group >> UInt32(16 - 8 * i))) }
        }
        return out
    }
}
