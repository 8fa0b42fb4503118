extension Value: Hashable {
    public static func == (a: Value, b: Value) -> Bool {
        switch (a, b) {
        // Swift's own equality of text is canonical equivalence; CQL's is that of the bytes.
        case (.text(let a), .text(let b)): a.utf8.elementsEqual(b.utf8)
        case (.blob(let a), .blob(let b)): a == b
        case (.boolean(let a), .boolean(let b)): a == b
        case (.tinyint(let a), .tinyint(let b)): a == b
        case (.smallint(let a), .smallint(let b)): a == b
        case (.int(let a), .int(let b)): a == b
        case (.bigint(let a), .bigint(let b)): a == b
        case (.varint(let a), .varint(let b)): a == b
        case (.decimal(let a), .decimal(let b)): a == b
        case (.float(let a), .float(let b)): a.bitPattern == b.bitPattern
        case (.double(let a), .double(let b)): a.bitPattern == b.bitPattern
        case (.date(let a), .date(let b)): a == b
        case (.time(let a), .time(let b)): a == b
        case (.timestamp(let a), .timestamp(let b)): a == b
        case (.uuid(let a), .uuid(let b)): a == b
        case (.inet(let a), .inet(let b)): a == b
        case (.duration(let a), .duration(let b)): a == b
        case (.list(let a), .list(let b)): a == b
        case (.set(let a), .set(let b)): a == b
        case (.map(let a), .map(let b)): a == b
        case (.tuple(let a), .tuple(let b)): a == b
        default: false
        }
    }

    public func hash(into hasher: inout Hasher) {
        switch self {
        case .text(let v): for byte in v.utf8 { hasher.combine(byte) }
        case .blob(let v): hasher.combine(v)
        case .boolean(let v): hasher.combine(v)
        case .tinyint(let v): hasher.combine(v)
        case .smallint(let v): hasher.combine(v)
        case .int(let v), .date(let v): hasher.combine(v)
        case .bigint(let v), .time(let v), .timestamp(let v): hasher.combine(v)
        case .varint(let v): hasher.combine(v)
        case .decimal(let v): hasher.combine(v)
        case .float(let v): hasher.combine(v.bitPattern)
        case .double(let v): hasher.combine(v.bitPattern)
        case .uuid(let v): hasher.combine(v)
        case .inet(let v): hasher.combine(v)
        case .duration(let v): hasher.combine(v)
        case .list(let v), .set(let v): hasher.combine(v)
        case .map(let v): hasher.combine(v)
        case .tuple(let v): hasher.combine(v)
        }
    }

    /// What kind of value it is, for messages.
    public var kind: String {
        switch self {
        case .text: "text"
        case .blob: "blob"
        case .boolean: "boolean"
        case .tinyint: "tinyint"
        case .smallint: "smallint"
        case .int: "int"
        case .bigint: "bigint"
        case .varint: "varint"
        case .decimal: "decimal"
        case .float: "float"
        case .double: "double"
        case .date: "date"
        case .time: "time"
        case .timestamp: "timestamp"
        case .uuid(let id): id.version == 1 ? "timeuuid" : "uuid"
        case .inet: "inet"
        case .duration: "duration"
        case .list: "list"
        case .set: "set"
        case .map: "map"
        case .tuple: "tuple"
        }
    }
}
