public import MillraceCore

extension ValueCodec {
    /// Reads a value that fills the bytes exactly. Never traps, whatever the bytes are.
    public static func decode(_ bytes: UnsafeRawBufferPointer, as type: ColumnType) throws(ByteFault) -> Value {
        var reader = ByteReader(bytes)
        let value = try decode(&reader, as: type, size: bytes.count)
        try reader.expectEnd()
        return value
    }

    /// Reads a value that fills the bytes exactly.
    public static func decode(_ bytes: [UInt8], as type: ColumnType) throws(ByteFault) -> Value {
        try Bytes.lend(bytes) { (raw) throws(ByteFault) in try decode(raw, as: type) }
    }

    /// Refuses what `decode` refuses, without making a text.
    static func check(_ bytes: UnsafeRawBufferPointer, as type: ColumnType) throws(ByteFault) {
        if case .text = type {
            guard UTF8Text.isValid(bytes) else { throw ByteFault(.invalidText, at: 0) }
        } else {
            _ = try decode(bytes, as: type)
        }
    }

    private static func decode(_ reader: inout ByteReader, as type: ColumnType, size: Int) throws(ByteFault) -> Value {
        let start = reader.position
        if let fixed = type.fixedSize, fixed != size {
            throw ByteFault(size < fixed ? .truncated : .trailingBytes, at: start)
        }
        switch type {
        case .text: return .text(try reader.text(size))
        case .ascii:
            let text = try reader.text(size)
            guard text.utf8.count == text.unicodeScalars.count else { throw ByteFault(.invalidText, at: start) }
            return .text(text)
        case .blob: return .blob(Array(try reader.take(size)))
        case .boolean: return .boolean(try reader.byte() != 0)
        case .tinyint: return .tinyint(try reader.integer())
        case .smallint: return .smallint(try reader.integer())
        case .int: return .int(try reader.integer())
        case .bigint, .counter: return .bigint(try reader.integer())
        case .varint: return .varint(try bigInteger(&reader, size: size))
        case .decimal:
            let scale: Int32 = try reader.integer()
            return .decimal(BigDecimal(unscaled: try bigInteger(&reader, size: size - 4), scale: scale))
        case .float: return .float(Float(bitPattern: try reader.integer()))
        case .double: return .double(try reader.double())
        case .date:
            let raw: UInt32 = try reader.integer()
            return .date(Int32(bitPattern: raw ^ 1 << 31))
        case .time:
            let time: Int64 = try reader.integer()
            guard TimeOfDay.range.contains(time) else { throw ByteFault(.unknownValue, at: start) }
            return .time(time)
        case .timestamp: return .timestamp(try reader.integer())
        case .uuid, .timeuuid:
            let id = UniqueID(high: try reader.integer(), low: try reader.integer())
            guard type == .uuid || id.version == 1 else { throw ByteFault(.unknownValue, at: start) }
            return .uuid(id)
        case .inet:
            guard let address = InternetAddress(bytes: try reader.take(size)) else {
                throw ByteFault(.unknownValue, at: start)
            }
            return .inet(address)
        case .duration:
            let months = try VariableInteger.read32(&reader)
            let days = try VariableInteger.read32(&reader)
            let nanoseconds = try VariableInteger.read(&reader)
            guard let duration = CalendarDuration(months: months, days: days, nanoseconds: nanoseconds) else {
                throw ByteFault(.unknownValue, at: start)
            }
            return .duration(duration)
        case .list(let element, _): return .list(try elements(&reader, as: element))
        case .set(let element, _): return .set(element.distinct(try elements(&reader, as: element)))
        case .map(let key, let value, _):
            let count = try count(&reader, minimumElementBytes: 8)
            var entries: [Value.MapEntry] = []
            entries.reserveCapacity(count)
            for _ in 0..<count { entries.append(.init(try sized(&reader, as: key), try sized(&reader, as: value))) }
            return .map(key.distinct(entries))
        case .tuple, .user:
            let end = start + size
            var fields: [Value?] = []
            let types = type.parts
            fields.reserveCapacity(types.count)
            for field in types {
                // Fields added to the type after the value was written are missing: null.
                if reader.position == end {
                    fields.append(nil)
                    continue
                }
                let length: Int32 = try reader.integer()
                if length < 0 {
                    fields.append(nil)
                } else {
                    fields.append(try slice(&reader, as: field, size: Int(length)))
                }
            }
            return .tuple(fields)
        }
    }

    private static func elements(_ reader: inout ByteReader, as type: ColumnType) throws(ByteFault) -> [Value] {
        let count = try count(&reader, minimumElementBytes: 4)
        var values: [Value] = []
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(try sized(&reader, as: type)) }
        return values
    }

    private static func count(_ reader: inout ByteReader, minimumElementBytes: Int) throws(ByteFault) -> Int {
        let raw: Int32 = try reader.integer()
        return try reader.checked(count: raw, minimumElementBytes: minimumElementBytes, limit: Limits.valueBytes)
    }

    private static func sized(_ reader: inout ByteReader, as type: ColumnType) throws(ByteFault) -> Value {
        let position = reader.position
        let length: Int32 = try reader.integer()
        guard length >= 0 else { throw ByteFault(.impossibleCount, at: position) }
        return try slice(&reader, as: type, size: Int(length))
    }

    private static func slice(_ reader: inout ByteReader, as type: ColumnType, size: Int) throws(ByteFault) -> Value {
        let start = reader.position
        let bytes = try reader.take(size)
        do throws(ByteFault) {
            return try decode(bytes, as: type)
        } catch {
            throw ByteFault(error.reason, at: start + error.position)
        }
    }

    private static func bigInteger(_ reader: inout ByteReader, size: Int) throws(ByteFault) -> BigInteger {
        guard size > 0 else { throw ByteFault(.truncated, at: reader.position) }
        guard size <= Limits.bigNumberBytes else { throw ByteFault(.impossibleCount, at: reader.position) }
        return BigInteger(twosComplement: try reader.take(size))
    }
}

/// Lends an array's bytes to a closure with a typed error, which the library's own method has not.
enum Bytes {
    @inline(__always)
    static func lend<R, E: Error>(_ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try bytes.withUnsafeBufferPointer { (buffer) throws(E) in try body(UnsafeRawBufferPointer(buffer)) }
    }
}

enum UTF8Text {
    static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if bytes.allSatisfy({ $0 < 0x80 }) { return true }
        do {
            _ = try UTF8Span(validating: bytes.bindMemory(to: UInt8.self).span)
            return true
        } catch {
            return false
        }
    }
}

/// Cassandra's variable-length integer: zig-zag, then as many leading one bits as bytes follow the first.
enum VariableInteger {
    static func write(_ value: Int64, into writer: inout ByteWriter) {
        let raw = UInt64(bitPattern: value << 1 ^ value >> 63)
        let bits = 64 - (raw | 1).leadingZeroBitCount
        // Each further byte carries 8 bits but costs one of the first byte's.
        let extra = bits > 56 ? 8 : (bits - 1) / 7
        var shift = extra * 8
        let mark = extra == 8 ? 0xFF : ~(UInt8(0xFF) >> UInt8(extra))
        writer.byte(extra == 8 ? mark : mark | UInt8(truncatingIfNeeded: raw >> UInt64(shift)))
        while shift > 0 {
            shift -= 8
            writer.byte(UInt8(truncatingIfNeeded: raw >> UInt64(shift)))
        }
    }

    static func read(_ reader: inout ByteReader) throws(ByteFault) -> Int64 {
        let first = try reader.byte()
        let extra = (~first).leadingZeroBitCount
        var raw = extra >= 8 ? 0 : UInt64(first & UInt8(0xFF) >> UInt8(extra))
        for _ in 0..<extra { raw = raw << 8 | UInt64(try reader.byte()) }
        return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
    }

    static func read32(_ reader: inout ByteReader) throws(ByteFault) -> Int32 {
        let start = reader.position
        guard let value = Int32(exactly: try read(&reader)) else { throw ByteFault(.malformedVarint, at: start) }
        return value
    }
}
