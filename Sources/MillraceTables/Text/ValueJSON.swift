public import MillraceCore

/// Values as JSON, both ways, by the column's type.
///
/// Numbers are JSON numbers with all their digits. What JSON has no form for is a string: blobs `"0x00ff"`, dates,
/// times, UUIDs, addresses, durations, NaN and the infinities. Sets are arrays, user types objects; a map is an object
/// whose names are its keys, as text when they are scalars and as JSON when they are not.
public enum ValueJSON {
    public static func write(_ value: Value, as type: ColumnType, into writer: inout ByteWriter) {
        switch value {
        case .boolean, .tinyint, .smallint, .int, .bigint, .varint, .decimal:
            writer.text(ScalarText.text(value) ?? "null")
        case .float(let v) where v.isFinite: writer.text(ScalarText.text(value) ?? "null")
        case .double(let v) where v.isFinite: writer.text(ScalarText.text(value) ?? "null")
        case .list(let values), .set(let values):
            write(array: values, into: &writer) { write($0, as: type.parts.first ?? .text, into: &$1) }
        case .map(let entries):
            let types = type.parts
            writer.byte(UInt8(ascii: "{"))
            for (i, entry) in entries.enumerated() {
                if i > 0 { writer.byte(UInt8(ascii: ",")) }
                if let text = ScalarText.text(entry.key) {
                    quote(text, into: &writer)
                } else {
                    quote(ValueJSON.text(entry.key, as: types.first ?? .text), into: &writer)
                }
                writer.byte(UInt8(ascii: ":"))
                write(entry.value, as: types.last ?? .text, into: &writer)
            }
            writer.byte(UInt8(ascii: "}"))
        case .tuple(let fields):
            let types = type.parts
            let padded = (0..<max(types.count, fields.count)).map { $0 < fields.count ? fields[$0] : nil }
            if case .user(let user, _) = type {
                writer.byte(UInt8(ascii: "{"))
                for (i, field) in zip(user.fields, padded).enumerated() {
                    if i > 0 { writer.byte(UInt8(ascii: ",")) }
                    quote(field.0.name, into: &writer)
                    writer.byte(UInt8(ascii: ":"))
                    write(field.1, as: field.0.type, into: &writer)
                }
                writer.byte(UInt8(ascii: "}"))
            } else {
                write(array: Array(zip(padded, types)), into: &writer) { write($0.0, as: $0.1, into: &$1) }
            }
        default: quote(ScalarText.text(value) ?? "", into: &writer)
        }
    }

    /// As `write`, null for nil.
    public static func write(_ value: Value?, as type: ColumnType, into writer: inout ByteWriter) {
        if let value { write(value, as: type, into: &writer) } else { writer.text("null") }
    }

    public static func text(_ value: Value?, as type: ColumnType) -> String {
        var writer = ByteWriter()
        write(value, as: type, into: &writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private static func write<T>(array: [T], into writer: inout ByteWriter, _ element: (T, inout ByteWriter) -> Void) {
        writer.byte(UInt8(ascii: "["))
        for (i, value) in array.enumerated() {
            if i > 0 { writer.byte(UInt8(ascii: ",")) }
            element(value, &writer)
        }
        writer.byte(UInt8(ascii: "]"))
    }

    /// A JSON string. Control characters, also those beyond ASCII that a terminal obeys, are escaped.
    public static func quote(_ text: String, into writer: inout ByteWriter) {
        writer.byte(UInt8(ascii: "\""))
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": writer.text("\\\"")
            case "\\": writer.text("\\\\")
            case "\n": writer.text("\\n")
            case "\r": writer.text("\\r")
            case "\t": writer.text("\\t")
            case "\u{0}"..<" ", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}":
                writer.text("\\u")
                for shift in [12, 8, 4, 0] { writer.byte(Hex.digits[Int(scalar.value >> UInt32(shift) & 15)]) }
            default: writer.text(String(scalar))
            }
        }
        writer.byte(UInt8(ascii: "\""))
    }
}
