internal import MillraceCore

/// Scalars as plain text, both ways, as CQL's literals without their quotes.
enum ScalarText {
    /// The text of a scalar; nil for a collection, tuple or user type.
    static func text(_ value: Value) -> String? {
        switch value {
        case .text(let v): v
        case .blob(let v): "0x" + Hex.text(v)
        case .boolean(let v): v ? "true" : "false"
        case .tinyint(let v): String(v)
        case .smallint(let v): String(v)
        case .int(let v): String(v)
        case .bigint(let v): String(v)
        case .varint(let v): v.description
        case .decimal(let v): v.description
        case .float(let v): number(v.description, isFinite: v.isFinite, isNaN: v.isNaN)
        case .double(let v): number(v.description, isFinite: v.isFinite, isNaN: v.isNaN)
        case .date(let v): Calendar.date(v)
        case .time(let v): Calendar.time(v)
        case .timestamp(let v): Calendar.timestamp(v)
        case .uuid(let v): v.description
        case .inet(let v): v.description
        case .duration(let v): v.description
        case .list, .set, .map, .tuple: nil
        }
    }

    private static func number(_ text: String, isFinite: Bool, isNaN: Bool) -> String {
        if isFinite { return text }
        return isNaN ? "NaN" : text.hasPrefix("-") ? "-Infinity" : "Infinity"
    }

    /// Reads a scalar; nil when the text is not one of the type.
    static func value(_ text: String, as type: ColumnType) -> Value? {
        switch type {
        case .text: return .text(text)
        case .ascii: return text.utf8.allSatisfy { $0 < 0x80 } ? .text(text) : nil
        case .blob:
            guard text.hasPrefix("0x") || text.hasPrefix("0X") else { return nil }
            return Hex.bytes(text.dropFirst(2)).map { .blob($0) }
        case .boolean: return text == "true" ? .boolean(true) : text == "false" ? .boolean(false) : nil
        case .tinyint: return whole(text).map { .tinyint($0) }
        case .smallint: return whole(text).map { .smallint($0) }
        case .int: return whole(text).map { .int($0) }
        case .bigint, .counter: return whole(text).map { .bigint($0) }
        case .varint: return BigInteger(text).flatMap { isBounded($0) ? .varint($0) : nil }
        case .decimal: return BigDecimal(text).flatMap { isBounded($0.unscaled) ? .decimal($0) : nil }
        case .float: return real(text) { Float($0) }.map { .float($0) }
        case .double: return real(text) { Double($0) }.map { .double($0) }
        case .date: return Calendar.date(text).map { .date($0) }
        case .time: return Calendar.time(text).map { .time($0) }
        case .timestamp: return Calendar.timestamp(text).map { .timestamp($0) }
        case .uuid: return UniqueID(text).map { .uuid($0) }
        case .timeuuid: return UniqueID(text).flatMap { $0.version == 1 ? .uuid($0) : nil }
        case .inet: return InternetAddress(text).map { .inet($0) }
        case .duration: return CalendarDuration(text).map { .duration($0) }
        case .list, .set, .map, .tuple, .user: return nil
        }
    }

    /// What a text of the type looks like, for messages.
    static func example(of type: ColumnType) -> String {
        switch type {
        case .blob: "0x00ff"
        case .boolean: "true or false"
        case .tinyint: "a whole number from -128 to 127"
        case .smallint: "a whole number from -32768 to 32767"
        case .int: "a whole number from -2147483648 to 2147483647"
        case .bigint, .counter: "a whole number of 64 bits"
        case .varint: "a whole number"
        case .decimal: "a number such as 12.50"
        case .float, .double: "a number, NaN or Infinity"
        case .date: "2026-03-01"
        case .time: "13:30:00.123456789"
        case .timestamp: "2026-03-01T12:00:00.000Z or milliseconds since 1970"
        case .uuid: "123e4567-e89b-42d3-a456-426614174000"
        case .timeuuid: "a UUID of version 1"
        case .inet: "192.0.2.1 or 2001:db8::1"
        case .duration: "1mo2d3h"
        case .ascii: "text of ASCII characters"
        default: "text"
        }
    }

    private static func isBounded(_ n: BigInteger) -> Bool { n.bytes.count <= Limits.bigNumberBytes }

    private static func whole<T: FixedWidthInteger>(_ text: String) -> T? {
        // Swift also takes a plus sign, which neither CQL nor JSON writes.
        text.hasPrefix("+") ? nil : T(text)
    }

    private static func real<T: BinaryFloatingPoint>(_ text: String, _ parse: (String) -> T?) -> T? {
        switch text {
        case "NaN": return .nan
        case "Infinity": return .infinity
        case "-Infinity": return -.infinity
        default:
            // Swift also takes hexadecimal, "inf" and "nan(…)".
            guard text.utf8.allSatisfy({ (48...57).contains($0) || "+-.eE".utf8.contains($0) }) else { return nil }
            // A number beyond the type's range becomes infinite, which the text did not say.
            return parse(text).flatMap { $0.isFinite ? $0 : nil }
        }
    }
}
