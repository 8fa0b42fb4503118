import MillraceCore

/// One value of a row. Knows how it looks in a column and in JSON, so that a verb says things once.
enum Cell: Sendable {
    case text(String)
    case count(Int64)
    /// A number that names something, such as an offset: no separators.
    case number(Int64)
    case bytes(Int64)
    case span(TimeSpan)
    case time(EventTime)
    case flag(Bool)
    /// A key or a value of a record.
    case data([UInt8]?)
    /// JSON that was made elsewhere; nothing in columns.
    case json(String)
    case missing
    /// Nothing, with words for it in columns.
    case absent(String)

    static func count(_ value: Int) -> Cell { .count(Int64(value)) }
    static func bytes(_ value: Int) -> Cell { .bytes(Int64(value)) }

    var column: String {
        switch self {
        case .text(let text): text
        case .count(let value): Human.text(count: value)
        case .number(let value): String(value)
        case .bytes(let value): Human.text(bytes: value)
        case .span(let span): Human.text(span: span)
        case .time(let time): CivilTime.column(time)
        case .flag(let flag): flag ? "yes" : "no"
        case .data(let bytes): bytes.map(Self.printable) ?? "∅"
        case .json(let json): json
        case .missing: "–"
        case .absent(let words): words
        }
    }
    var isNumber: Bool {
        switch self {
        case .count, .number, .bytes, .span: true
        default: false
        }
    }
    func write(_ name: String, to json: inout JSONText) {
        switch self {
        case .text(let text): json.field(name, text: text)
        case .count(let value), .number(let value), .bytes(let value): json.field(name, integer: value)
        case .span(let span): json.field(name, number: span.seconds)
        case .time(let time): json.field(name, text: CivilTime.text(time))
        case .flag(let flag): json.field(name, flag: flag)
        case .data(let bytes):
            if let bytes { bytes.withUnsafeBytes { json.field(name, bytes: $0) } } else { json.null(name) }
        case .json(let text): json.raw(name, text)
        case .missing, .absent: json.null(name)
        }
    }

    /// Text that cannot move the cursor or ring the bell; bytes that are not text as base 64.
    static func printable(_ bytes: [UInt8]) -> String {
        guard let text = bytes.withUnsafeBytes({ String(validating: $0, as: UTF8.self) }) else {
            return "base64:" + bytes.withUnsafeBytes(Base64.text)
        }
        guard text.unicodeScalars.contains(where: { isControl($0) }) else { return text }
        var safe = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": safe += "\\n"
            case "\r": safe += "\\r"
            case "\t": safe += "\\t"
            case let scalar where isControl(scalar): safe += "\\u{\(String(scalar.value, radix: 16))}"
            default: safe.unicodeScalars.append(scalar)
            }
        }
        return safe
    }
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            || (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
    }
}
