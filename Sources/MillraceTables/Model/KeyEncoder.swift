public import MillraceCore

/// Encodes values so that the unsigned order of the bytes is CQL's order of the values (memcomparable).
///
/// No encoding is a prefix of another of the same type, so components can stand one after the other, and all keys that
/// begin with the same components are those that begin with the same bytes. A descending component has all its bits
/// inverted. `KeyDecoder` reads the values back; a decimal comes back without trailing zeros and a NaN as the one NaN,
/// since CQL holds them for the same key.
///
/// | type | bytes |
/// |---|---|
/// | boolean, integers, date, time, timestamp | big-endian, sign bit flipped |
/// | float, double | bits, all inverted when negative, else the sign bit |
/// | text, ascii, blob, inet | 00 → 00 FF; then 00 01 |
/// | varint | length and sign, then two's complement |
/// | decimal | sign; exponent as varint; pairs of digits + 1; 00. What follows the sign is inverted when negative |
/// | uuid | version first; version 1 by time; low half |
/// | timeuuid | time from its high bits, low half as signed bytes |
/// | list, set, map | 01 before each element (entry: key, value), 00 at the end |
/// | tuple, user type | each field 00 for null, or 01 and the field |
public enum KeyEncoder {
    /// Appends the value; refuses one that is not of the type or a type that has no order.
    /// On failure the writer may hold a part of it.
    public static func encode(
        _ value: Value, as type: ColumnType, order: SortOrder = .ascending, into writer: inout ByteWriter
    ) throws(Failure) {
        let start = writer.count
        try ascending(type.isComposed ? try type.canonical(value) : value, as: type, into: &writer)
        if order == .descending { for i in start..<writer.count { writer.bytes[i] = ~writer.bytes[i] } }
    }

    private static func ascending(_ value: Value, as type: ColumnType, into writer: inout ByteWriter) throws(Failure) {
        switch (type, value) {
        case (.text, .text(let text)): escape(text.utf8, into: &writer)
        case (.ascii, .text(let text)):
            guard text.utf8.allSatisfy({ $0 < 0x80 }) else {
                throw Failure(.wrongType, "ascii text has a character that is not ASCII", advice: "Use a text column")
            }
            escape(text.utf8, into: &writer)
        case (.blob, .blob(let bytes)): escape(bytes, into: &writer)
        case (.inet, .inet(let address)): escape(address.bytes, into: &writer)
        case (.boolean, .boolean(let flag)): writer.byte(flag ? 1 : 0)
        case (.tinyint, .tinyint(let n)): writer.integer(n ^ .min)
        case (.smallint, .smallint(let n)): writer.integer(n ^ .min)
        case (.int, .int(let n)), (.date, .date(let n)): writer.integer(n ^ .min)
        case (.bigint, .bigint(let n)), (.timestamp, .timestamp(let n)): writer.integer(n ^ .min)
        case (.time, .time(let n)):
            guard TimeOfDay.range.contains(n) else { throw Failure(.wrongType, "time \(n) ns is not within a day") }
            writer.integer(n ^ .min)
        case (.varint, .varint(let n)):
            try ValueCodec.check(n)
            varint(n, into: &writer)
        case (.decimal, .decimal(let n)):
            try ValueCodec.check(n.unscaled)
            decimal(n, into: &writer)
        case (.float, .float(let n)): writer.integer(Order.total(n))
        case (.double, .double(let n)): writer.integer(Order.total(n))
        case (.uuid, .uuid(let id)):
            writer.integer(
                id.version == 1
                    ? id.timeOrdered : UInt64(id.version) << 60 | id.high >> 4 & 0x0FFF_FFFF_FFFF_F000 | id.high & 0xFFF
            )
            writer.integer(id.low)
        case (.timeuuid, .uuid(let id)):
            guard id.version == 1 else {
                throw Failure(.wrongType, "a timeuuid has to be of version 1, this one is of version \(id.version)")
            }
            writer.integer(id.timeOrdered)
            writer.integer(id.low ^ Order.signedBytes)
        case (.list(let element, _), .list(let values)), (.set(let element, _), .set(let values)):
            try sequence(values, as: element, into: &writer)
        case (.map(let key, let value, _), .map(let entries)):
            for entry in entries {
                writer.byte(1)
                try ascending(entry.key, as: key, into: &writer)
                try ascending(entry.value, as: value, into: &writer)
            }
            writer.byte(0)
        case (.tuple, .tuple(let fields)), (.user, .tuple(let fields)):
            let types = type.parts
            for (i, type) in types.enumerated() {
                if i < fields.count, let field = fields[i] {
                    writer.byte(1)
                    try ascending(field, as: type, into: &writer)
                } else {
                    writer.byte(0)
                }
            }
        default:
            throw Failure(.wrongType, "a value of kind \(value.kind) cannot be part of a key as \(type)")
        }
    }

    private static func sequence(_ values: [Value], as type: ColumnType, into writer: inout ByteWriter) throws(Failure)
    {
        for value in values {
            writer.byte(1)
            try ascending(value, as: type, into: &writer)
        }
        writer.byte(0)
    }

    /// 00 → 00 FF and an end of 00 01: shorter sorts first, and no encoding begins another.
    static func escape(_ bytes: some Sequence<UInt8>, into writer: inout ByteWriter) {
        for byte in bytes {
            writer.byte(byte)
            if byte == 0 { writer.byte(0xFF) }
        }
        writer.byte(0)
        writer.byte(1)
    }

    /// Lengths up to this stand in the first byte, which leaves room on both sides for the sign and a mark for longer.
    static let shortVarint = 100

    static func varint(_ n: BigInteger, into writer: inout ByteWriter) {
        let count = n.bytes.count
        if count <= shortVarint {
            writer.byte(n.isNegative ? 0x80 - UInt8(count) : 0x7F + UInt8(count))
        } else {
            writer.byte(n.isNegative ? 0x00 : 0xFF)
            writer.integer(n.isNegative ? ~UInt32(count) : UInt32(count))
        }
        writer.raw(n.bytes)
    }

    enum DecimalSign { static let (negative, zero, positive): (UInt8, UInt8, UInt8) = (0x40, 0x80, 0xC0) }

    private static func decimal(_ n: BigDecimal, into writer: inout ByteWriter) {
        let normal = n.normal
        if normal.digits.isEmpty { return writer.byte(DecimalSign.zero) }
        writer.byte(normal.isNegative ? DecimalSign.negative : DecimalSign.positive)
        let start = writer.count
        varint(BigInteger(normal.exponent), into: &writer)
        for i in stride(from: 0, to: normal.digits.count, by: 2) {
            let second = i + 1 < normal.digits.count ? normal.digits[i + 1] : 0
            writer.byte(normal.digits[i] * 10 + second + 1)
        }
        writer.byte(0)
        if normal.isNegative { for i in start..<writer.count { writer.bytes[i] = ~writer.bytes[i] } }
    }
}
