internal import MillraceCore

/// Stored form of a type: the native protocol's option id, then what is inside, and a byte for frozen.
extension ColumnType {
    var optionID: UInt16 {
        switch self {
        case .ascii: 0x01
        case .bigint: 0x02
        case .blob: 0x03
        case .boolean: 0x04
        case .counter: 0x05
        case .decimal: 0x06
        case .double: 0x07
        case .float: 0x08
        case .int: 0x09
        case .timestamp: 0x0B
        case .uuid: 0x0C
        case .text: 0x0D
        case .varint: 0x0E
        case .timeuuid: 0x0F
        case .inet: 0x10
        case .date: 0x11
        case .time: 0x12
        case .smallint: 0x13
        case .tinyint: 0x14
        case .duration: 0x15
        case .list: 0x20
        case .map: 0x21
        case .set: 0x22
        case .user: 0x30
        case .tuple: 0x31
        }
    }

    func encode(into w: inout ByteWriter) {
        w.integer(optionID)
        switch self {
        case .list(let e, let frozen), .set(let e, let frozen):
            w.byte(frozen ? 1 : 0)
            e.encode(into: &w)
        case .map(let k, let v, let frozen):
            w.byte(frozen ? 1 : 0)
            k.encode(into: &w)
            v.encode(into: &w)
        case .tuple(let fields):
            w.integer(UInt16(fields.count))
            for field in fields { field.encode(into: &w) }
        case .user(let type, let frozen):
            w.byte(frozen ? 1 : 0)
            type.encode(into: &w)
        default: break
        }
    }

    init(_ r: inout ByteReader) throws(ByteFault) { self = try ColumnType.read(&r, depth: 1) }

    private static func read(_ r: inout ByteReader, depth: Int) throws(ByteFault) -> ColumnType {
        let start = r.position
        guard depth <= Limits.typeDepth else { throw ByteFault(.impossibleCount, at: start) }
        let id: UInt16 = try r.integer()
        for scalar in scalars where scalar.type.optionID == id { return scalar.type }
        func flag(_ r: inout ByteReader) throws(ByteFault) -> Bool {
            let byte = try r.byte()
            guard byte <= 1 else { throw ByteFault(.unknownValue, at: r.position - 1) }
            return byte == 1
        }
        switch id {
        case 0x20:
            let frozen = try flag(&r)
            return .list(try read(&r, depth: depth + 1), frozen: frozen)
        case 0x22:
            let frozen = try flag(&r)
            return .set(try read(&r, depth: depth + 1), frozen: frozen)
        case 0x21:
            let frozen = try flag(&r)
            return .map(try read(&r, depth: depth + 1), try read(&r, depth: depth + 1), frozen: frozen)
        case 0x31:
            let count = try r.checked(
                count: try r.integer(UInt16.self), minimumElementBytes: 2, limit: Limits.typeFields)
            var fields: [ColumnType] = []
            for _ in 0..<count { fields.append(try read(&r, depth: depth + 1)) }
            return .tuple(fields)
        case 0x30:
            let frozen = try flag(&r)
            return .user(try UserType.read(&r, depth: depth), frozen: frozen)
        default: throw ByteFault(.unknownValue, at: start)
        }
    }

    fileprivate static func read(field r: inout ByteReader, depth: Int) throws(ByteFault) -> ColumnType {
        try read(&r, depth: depth)
    }
}

extension UserType {
    func encode(into w: inout ByteWriter) {
        w.string(keyspace)
        w.string(name)
        w.integer(UInt16(fields.count))
        for field in fields {
            w.string(field.name)
            field.type.encode(into: &w)
        }
    }

    static func read(_ r: inout ByteReader, depth: Int) throws(ByteFault) -> UserType {
        let (keyspace, name) = (try r.string(), try r.string())
        let count = try r.checked(count: try r.integer(UInt16.self), minimumElementBytes: 6, limit: Limits.typeFields)
        var fields: [Field] = []
        for _ in 0..<count { fields.append(Field(try r.string(), try ColumnType.read(field: &r, depth: depth + 1))) }
        return UserType(keyspace: keyspace, name: name, fields: fields)
    }
}
