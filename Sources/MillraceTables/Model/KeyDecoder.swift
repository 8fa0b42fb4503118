public import MillraceCore

/// Reads what `KeyEncoder` wrote. Never traps, whatever the bytes are.
public struct KeyDecoder {
    private var reader: ByteReader
    /// Undoes the inversion of a descending component, and of a negative decimal.
    private var mask: UInt8 = 0

    /// The bytes must outlive the decoder.
    public init(_ bytes: UnsafeRawBufferPointer) { reader = ByteReader(bytes) }

    public var position: Int { reader.position }
    public var isAtEnd: Bool { reader.isAtEnd }

    /// The next component.
    public mutating func value(as type: ColumnType, order: SortOrder = .ascending) throws(ByteFault) -> Value {
        mask = order == .descending ? 0xFF : 0
        defer { mask = 0 }
        return try ascending(as: type)
    }

    /// Moves behind the next component without making its value. Checks only what it has to look at.
    public mutating func skip(_ type: ColumnType, order: SortOrder = .ascending) throws(ByteFault) {
        if let size = type.fixedSize {
            try reader.skip(size)
            return
        }
        switch type {
        case .text, .ascii, .blob, .inet:
            mask = order == .descending ? 0xFF : 0
            defer { mask = 0 }
            while true { if try byte() == 0, try byte() != 0xFF { return } }
        default: _ = try value(as: type, order: order)
        }
    }

    /// Bytes of these components together, when any bytes of this number are values of them; else nil.
    static func plainSize(_ types: [ColumnType]) -> Int? {
        var sum = 0
        for type in types {
            guard isPlain(type), let size = type.fixedSize else { return nil }
            sum += size
        }
        return sum
    }
    private static func isPlain(_ type: ColumnType) -> Bool {
        switch type {
        case .tinyint, .smallint, .int, .date, .bigint, .timestamp: true
        default: false
        }
    }

    /// Refuses what `value` refuses, without making the value where that can be seen from the bytes alone.
    mutating func check(_ type: ColumnType, order: SortOrder = .ascending) throws(ByteFault) {
        switch type {
        case .tinyint, .smallint, .int, .date, .bigint, .timestamp:
            if let size = type.fixedSize { try reader.skip(size) }
        case .text, .ascii, .blob:
            let start = position
            mask = order == .descending ? 0xFF : 0
            defer { mask = 0 }
            while true {
                let next = try byte()
                if next == 0 {
                    switch try byte() {
                    case 0xFF: continue
                    case 0x01: return
                    default: throw ByteFault(.unknownValue, at: position - 1)
                    }
                }
                if next >= 0x80, type != .blob { break }
            }
            try reader.seek(to: start)
            _ = try value(as: type, order: order)
        default: _ = try value(as: type, order: order)
        }
    }

    private mutating func ascending(as type: ColumnType) throws(ByteFault) -> Value {
        let start = reader.position
        switch type {
        case .text, .ascii:
            let bytes = try unescaped()
            guard let text = String(validating: bytes, as: UTF8.self), type == .text || bytes.allSatisfy({ $0 < 0x80 })
            else { throw ByteFault(.invalidText, at: start) }
            return .text(text)
        case .blob: return .blob(try unescaped())
        case .inet:
            guard let address = InternetAddress(bytes: try unescaped()) else {
                throw ByteFault(.unknownValue, at: start)
            }
            return .inet(address)
        case .boolean:
            let byte = try byte()
            guard byte <= 1 else { throw ByteFault(.unknownValue, at: start) }
            return .boolean(byte == 1)
        case .tinyint: return .tinyint(try integer() ^ .min)
        case .smallint: return .smallint(try integer() ^ .min)
        case .int: return .int(try integer() ^ .min)
        case .date: return .date(try integer() ^ .min)
        case .bigint: return .bigint(try integer() ^ .min)
        case .timestamp: return .timestamp(try integer() ^ .min)
        case .time:
            let time = try integer(Int64.self) ^ .min
            guard TimeOfDay.range.contains(time) else { throw ByteFault(.unknownValue, at: start) }
            return .time(time)
        case .varint: return .varint(try varint())
        case .decimal: return .decimal(try decimal())
        case .float:
            let bits = try integer(UInt32.self)
            let value = Float(bitPattern: bits >> 31 == 1 ? bits ^ 1 << 31 : ~bits)
            guard Order.total(value) == bits else { throw ByteFault(.unknownValue, at: start) }
            return .float(value)
        case .double:
            let bits = try integer(UInt64.self)
            let value = Double(bitPattern: bits >> 63 == 1 ? bits ^ 1 << 63 : ~bits)
            guard Order.total(value) == bits else { throw ByteFault(.unknownValue, at: start) }
            return .double(value)
        case .uuid:
            let (high, low) = (try integer(UInt64.self), try integer(UInt64.self))
            let version = high >> 60
            return .uuid(
                version == 1
                    ? UniqueID(timeOrdered: high, low: low)
                    : UniqueID(high: high << 4 & 0xFFFF_FFFF_FFFF_0000 | version << 12 | high & 0xFFF, low: low))
        case .timeuuid:
            let (high, low) = (try integer(UInt64.self), try integer(UInt64.self))
            guard high >> 60 == 1 else { throw ByteFault(.unknownValue, at: start) }
            return .uuid(UniqueID(timeOrdered: high, low: low ^ Order.signedBytes))
        case .list(let element, _): return .list(try sequence { (d) throws(ByteFault) in try d.ascending(as: element) })
        case .set(let element, _):
            let values = try sequence { (d) throws(ByteFault) in try d.ascending(as: element) }
            guard zip(values, values.dropFirst()).allSatisfy({ element.order($0, $1) < 0 }) else {
                throw ByteFault(.unknownValue, at: start)
            }
            return .set(values)
        case .map(let key, let value, _):
            let entries = try sequence { (d) throws(ByteFault) in
                Value.MapEntry(try d.ascending(as: key), try d.ascending(as: value))
            }
            guard zip(entries, entries.dropFirst()).allSatisfy({ key.order($0.key, $1.key) < 0 }) else {
                throw ByteFault(.unknownValue, at: start)
            }
            return .map(entries)
        case .tuple, .user:
            var fields: [Value?] = []
            for field in type.parts { fields.append(try flag() ? try ascending(as: field) : nil) }
            return .tuple(fields)
        case .duration, .counter: throw ByteFault(.unknownValue, at: start)
        }
    }

    private mutating func byte() throws(ByteFault) -> UInt8 { try reader.byte() ^ mask }

    private mutating func integer<T: FixedWidthInteger>(_: T.Type = T.self) throws(ByteFault) -> T {
        let raw: T = try reader.integer()
        return mask == 0 ? raw : ~raw
    }

    private mutating func flag() throws(ByteFault) -> Bool {
        let start = reader.position
        let byte = try byte()
        guard byte <= 1 else { throw ByteFault(.unknownValue, at: start) }
        return byte == 1
    }

    private mutating func sequence<T>(
        _ element: (inout KeyDecoder) throws(ByteFault) -> T
    ) throws(ByteFault) -> [T] {
        var result: [T] = []
        while try flag() { result.append(try element(&self)) }
        return result
    }

    private mutating func unescaped() throws(ByteFault) -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let next = try byte()
            if next == 0 {
                let start = reader.position
                switch try byte() {
                case 0xFF: break
                case 0x01: return bytes
                default: throw ByteFault(.unknownValue, at: start)
                }
            }
            bytes.append(next)
        }
    }

    private mutating func varint() throws(ByteFault) -> BigInteger {
        let start = reader.position
        let head = try byte()
        let isNegative = head < 0x80
        var count = isNegative ? 0x80 - Int(head) : Int(head) - 0x7F
        if head == 0x00 || head == 0xFF {
            let long = try integer(UInt32.self)
            count = Int(isNegative ? ~long : long)
            guard count > KeyEncoder.shortVarint else { throw ByteFault(.impossibleCount, at: start) }
        } else if count > KeyEncoder.shortVarint {
            throw ByteFault(.impossibleCount, at: start)
        }
        guard count <= Limits.bigNumberBytes else { throw ByteFault(.impossibleCount, at: start) }
        let mask = mask
        let result = BigInteger(twosComplement: try reader.take(count).map { $0 ^ mask })
        // A second encoding of the same number would be a second key for the same row.
        guard result.bytes.count == count, result.isNegative == isNegative else {
            throw ByteFault(.unknownValue, at: start)
        }
        return result
    }

    private mutating func decimal() throws(ByteFault) -> BigDecimal {
        let start = reader.position
        let sign = try byte()
        if sign == KeyEncoder.DecimalSign.zero { return BigDecimal(unscaled: BigInteger(0), scale: 0) }
        guard sign == KeyEncoder.DecimalSign.negative || sign == KeyEncoder.DecimalSign.positive else {
            throw ByteFault(.unknownValue, at: start)
        }
        let isNegative = sign == KeyEncoder.DecimalSign.negative
        if isNegative { mask = ~mask }
        defer { if isNegative { mask = ~mask } }
        guard let exponent = try varint().int64 else { throw ByteFault(.impossibleCount, at: start) }
        var digits: [UInt8] = []
        while true {
            let pair = try byte()
            if pair == 0 { break }
            guard pair <= 100, digits.count < BigDecimal.maximumDigits + 2 else {
                throw ByteFault(.impossibleCount, at: start)
            }
            digits.append((pair - 1) / 10)
            digits.append((pair - 1) % 10)
        }
        let isNormal = digits.first.map { $0 != 0 } ?? false
        if digits.last == 0 { digits.removeLast() }
        guard isNormal, digits.last != 0,
            let value = BigDecimal(BigDecimal.Normal(isNegative: isNegative, exponent: exponent, digits: digits))
        else { throw ByteFault(.unknownValue, at: start) }
        return value
    }
}
