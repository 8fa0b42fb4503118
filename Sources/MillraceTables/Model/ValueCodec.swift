public import MillraceCore

/// CQL's native binary encoding of values: what its protocol carries and what a cell stores.
///
/// A length stands in front only inside collections and tuples; a value alone is as long as its bytes.
public enum ValueCodec {
    /// Appends the value; refuses one that is not of the type. On failure the writer may hold a part of it.
    public static func encode(_ value: Value, as type: ColumnType, into writer: inout ByteWriter) throws(Failure) {
        try plain(type.isComposed ? try type.canonical(value) : value, as: type, into: &writer)
    }

    /// Appends a value in canonical form.
    private static func plain(_ value: Value, as type: ColumnType, into writer: inout ByteWriter) throws(Failure) {
        switch (type, value) {
        case (.text, .text(let text)): writer.text(text)
        case (.ascii, .text(let text)):
            guard text.utf8.allSatisfy({ $0 < 0x80 }) else {
                throw Failure(.wrongType, "ascii text has a character that is not ASCII", advice: "Use a text column")
            }
            writer.text(text)
        case (.blob, .blob(let bytes)): writer.raw(bytes)
        case (.boolean, .boolean(let flag)): writer.byte(flag ? 1 : 0)
        case (.tinyint, .tinyint(let n)): writer.integer(n)
        case (.smallint, .smallint(let n)): writer.integer(n)
        case (.int, .int(let n)): writer.integer(n)
        case (.bigint, .bigint(let n)), (.counter, .bigint(let n)): writer.integer(n)
        case (.varint, .varint(let n)):
            try check(n)
            writer.raw(n.bytes)
        case (.decimal, .decimal(let n)):
            try check(n.unscaled)
            writer.integer(n.scale)
            writer.raw(n.unscaled.bytes)
        case (.float, .float(let n)): writer.integer(n.bitPattern)
        case (.double, .double(let n)): writer.integer(n.bitPattern)
        case (.date, .date(let days)): writer.integer(UInt32(bitPattern: days) ^ 1 << 31)
        case (.time, .time(let n)):
            guard TimeOfDay.range.contains(n) else {
                throw Failure(.wrongType, "time \(n) ns is not within a day")
            }
            writer.integer(n)
        case (.timestamp, .timestamp(let n)): writer.integer(n)
        case (.timeuuid, .uuid(let id)):
            guard id.version == 1 else {
                throw Failure(.wrongType, "a timeuuid has to be of version 1, this one is of version \(id.version)")
            }
            fallthrough
        case (.uuid, .uuid(let id)):
            writer.integer(id.high)
            writer.integer(id.low)
        case (.inet, .inet(let address)): writer.raw(address.bytes)
        case (.duration, .duration(let d)):
            VariableInteger.write(Int64(d.months), into: &writer)
            VariableInteger.write(Int64(d.days), into: &writer)
            VariableInteger.write(d.nanoseconds, into: &writer)
        case (.list(let element, _), .list(let values)), (.set(let element, _), .set(let values)):
            writer.integer(Int32(values.count))
            for value in values { try encodeSized(value, as: element, into: &writer) }
        case (.map(let key, let value, _), .map(let entries)):
            writer.integer(Int32(entries.count))
            for entry in entries {
                try encodeSized(entry.key, as: key, into: &writer)
                try encodeSized(entry.value, as: value, into: &writer)
            }
        case (.tuple(let types), .tuple(let values)): try encode(fields: values, as: types, into: &writer)
        case (.user(let user, _), .tuple(let values)):
            try encode(fields: values, as: user.fields.map(\.type), into: &writer)
        default:
            throw Failure(.wrongType, "a value of kind \(value.kind) cannot be stored as \(type)")
        }
    }

    /// The value as bytes of its own.
    public static func encode(_ value: Value, as type: ColumnType) throws(Failure) -> [UInt8] {
        var writer = ByteWriter()
        try encode(value, as: type, into: &writer)
        guard writer.count <= Limits.valueBytes else {
            throw Failure(.limitReached, "a value of \(writer.count) bytes is above \(Limits.valueBytes)")
        }
        return writer.bytes
    }

    private static func encode(fields: [Value?], as types: [ColumnType], into writer: inout ByteWriter) throws(Failure)
    {
        for (i, type) in types.enumerated() {
            if i < fields.count, let field = fields[i] {
                try encodeSized(field, as: type, into: &writer)
            } else {
                writer.integer(Int32(-1))
            }
        }
    }

    private static func encodeSized(_ value: Value, as type: ColumnType, into writer: inout ByteWriter) throws(Failure)
    {
        let start = writer.count
        writer.integer(Int32(0))
        try plain(value, as: type, into: &writer)
        guard let size = Int32(exactly: writer.count - start - 4) else {
            throw Failure(.limitReached, "an element is above 2 GiB")
        }
        writer.patch(size, at: start)
    }

    static func check(_ number: BigInteger) throws(Failure) {
        guard number.bytes.count <= Limits.bigNumberBytes else {
            throw Failure(
                .limitReached, "a number of \(number.bytes.count) bytes is above the \(Limits.bigNumberBytes) allowed")
        }
    }
}

/// What CQL's `time` may be.
enum TimeOfDay {
    static let nanosecondsPerDay: Int64 = 86_400_000_000_000
    static let range: Range<Int64> = 0..<nanosecondsPerDay
}
