public enum LogLevel: Int, Sendable, Comparable, CaseIterable {
    /// For one who looks for a fault of ours.
    case debug
    /// What an operator wants to see of a healthy node: starts, stops, rolls, restores.
    case info
    /// Something is wrong that the node deals with itself.
    case warning
    /// Something is wrong that a person has to deal with.
    case error

    public var name: String {
        switch self {
        case .debug: "debug"
        case .info: "info"
        case .warning: "warning"
        case .error: "error"
        }
    }
    public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }
}

/// A value in a log line. Text and bytes may come from a user: they are escaped, and cut when they are long.
public enum LogValue: Sendable, Hashable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation,
    ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral, ExpressibleByFloatLiteral
{
    case text(String), integer(Int64), number(Double), flag(Bool), bytes([UInt8])

    public init(stringLiteral value: String) { self = .text(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(booleanLiteral value: Bool) { self = .flag(value) }
    public init(floatLiteral value: Double) { self = .number(value) }
    public init(_ value: some CustomStringConvertible) { self = .text(value.description) }
    public init(_ value: some BinaryInteger) { self = .integer(Int64(clamping: value)) }
    public init(_ value: Bool) { self = .flag(value) }
    public init(_ value: Double) { self = .number(value) }
}

/// One line of the log: `time=… level=… event=… key=value …`.
///
/// Everything after `event` is data. A value is bare when it is only letters, digits and `_-+./:@`, otherwise quoted;
/// bytes that are not printable ASCII or valid UTF-8 beyond it are written as `\xNN`, so a line is always one line.
public struct LogLine: Sendable {
    public var time: EventTime
    public var level: LogLevel
    /// What happened, as a constant: `segment-rolled`. Also the cause that the rate limit counts by.
    public var event: StaticString
    public var fields: KeyValuePairs<StaticString, LogValue>
    /// Lines with the same cause that the rate limit held back before this one.
    public var suppressed: Int

    public init(
        time: EventTime, level: LogLevel, event: StaticString, fields: KeyValuePairs<StaticString, LogValue>,
        suppressed: Int = 0
    ) {
        (self.time, self.level, self.event, self.fields) = (time, level, event, fields)
        self.suppressed = suppressed
    }

    /// The line without a newline, at most `Limits.logLineBytes` long; a line that was cut ends in `…`.
    public func rendered() -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(256)
        out.append(contentsOf: "time=\(time) level=\(level.name) event=\(event)".utf8)
        if suppressed > 0 { out.append(contentsOf: " suppressed=\(suppressed)".utf8) }
        for (key, value) in fields {
            out.append(contentsOf: " \(key)=".utf8)
            value.render(into: &out)
            if out.count > Limits.logLineBytes { break }
        }
        return out.count > Limits.logLineBytes ? cut(out) : out
    }

    private func cut(_ line: [UInt8]) -> [UInt8] {
        let mark = Array("…".utf8)
        var end = Limits.logLineBytes - mark.count
        // Not in the middle of a character.
        while end > 0, line[end] & 0xC0 == 0x80 { end -= 1 }
        return line[..<end] + mark
    }
}

extension LogValue {
    func render(into out: inout [UInt8]) {
        switch self {
        case .integer(let value): out.append(contentsOf: String(value).utf8)
        case .number(let value): out.append(contentsOf: "\(value)".utf8)
        case .flag(let value): out.append(contentsOf: (value ? "true" : "false").utf8)
        case .text(let text): Self.render(text.utf8.prefix(Limits.logLineBytes), into: &out)
        case .bytes(let bytes): Self.render(bytes.prefix(Limits.logLineBytes), into: &out)
        }
    }

    private static func render(_ bytes: some Collection<UInt8>, into out: inout [UInt8]) {
        if !bytes.isEmpty, bytes.allSatisfy(isBare) {
            out.append(contentsOf: bytes)
            return
        }
        out.append(UInt8(ascii: "\""))
        var rest = bytes[...]
        while let byte = rest.first {
            let length = printableLength(rest)
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                out.append(contentsOf: [UInt8(ascii: "\\"), byte])
            } else if length > 0 {
                out.append(contentsOf: rest.prefix(length))
            } else {
                let digits = Array("0123456789abcdef".utf8)
                out.append(contentsOf: [0x5C, 0x78, digits[Int(byte >> 4)], digits[Int(byte & 15)]])
            }
            rest = rest.dropFirst(max(1, length))
        }
        out.append(UInt8(ascii: "\""))
    }

    private static func isBare(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "+"): true
        case UInt8(ascii: "."), UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: "@"): true
        default: false
        }
    }

    /// Bytes of the printable character that stands first; 0 when there is none (control characters, invalid UTF-8,
    /// and the invisible ones that turn text around on a terminal).
    private static func printableLength(_ bytes: some Collection<UInt8>) -> Int {
        guard let first = bytes.first else { return 0 }
        if first < 0x80 { return first >= 0x20 && first != 0x7F ? 1 : 0 }
        let length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
        guard let text = String(validating: bytes.prefix(length), as: UTF8.self),
            let scalar = text.unicodeScalars.first,
            text.unicodeScalars.count == 1
        else { return 0 }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse, .surrogate: return 0
        default: return length
        }
    }
}
