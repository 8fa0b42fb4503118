/// The type of a column: all of CQL's.
///
/// A list, set, map or user type that is not frozen is stored as one cell per element, so that writers of different
/// elements do not overwrite each other; a frozen one is a single value. Tuples are always frozen.
public indirect enum ColumnType: Hashable, Sendable {
    case ascii, text, blob, boolean
    case tinyint, smallint, int, bigint, varint, decimal, float, double
    /// Days; nanoseconds since midnight; milliseconds since 1970.
    case date, time, timestamp
    case timeuuid, uuid, inet, duration
    case counter
    case list(ColumnType, frozen: Bool)
    case set(ColumnType, frozen: Bool)
    case map(ColumnType, ColumnType, frozen: Bool)
    case tuple([ColumnType])
    case user(UserType, frozen: Bool)
}

/// A named row of fields, defined in a keyspace.
public struct UserType: Hashable, Sendable {
    public struct Field: Hashable, Sendable {
        public let name: String
        public let type: ColumnType
        public init(_ name: String, _ type: ColumnType) { (self.name, self.type) = (name, type) }
    }
    public let keyspace: String
    public let name: String
    public let fields: [Field]
    public init(keyspace: String, name: String, fields: [Field]) {
        (self.keyspace, self.name, self.fields) = (keyspace, name, fields)
    }
}

extension ColumnType {
    /// The scalars with their CQL names, in the order of the native protocol's option ids.
    public static let scalars: [(name: String, type: ColumnType)] = [
        ("ascii", .ascii), ("bigint", .bigint), ("blob", .blob), ("boolean", .boolean), ("counter", .counter),
        ("decimal", .decimal), ("double", .double), ("float", .float), ("int", .int), ("text", .text),
        ("timestamp", .timestamp), ("uuid", .uuid), ("varint", .varint), ("timeuuid", .timeuuid), ("inet", .inet),
        ("date", .date), ("time", .time), ("smallint", .smallint), ("tinyint", .tinyint), ("duration", .duration),
    ]

    /// Stored as one cell per element.
    public var isMultiCell: Bool {
        switch self {
        case .list(_, let frozen), .set(_, let frozen), .map(_, _, let frozen), .user(_, let frozen): !frozen
        default: false
        }
    }

    /// Has types inside.
    public var isComposed: Bool {
        switch self {
        case .list, .set, .map, .tuple, .user: true
        default: false
        }
    }

    public var isCollection: Bool {
        switch self {
        case .list, .set, .map: true
        default: false
        }
    }

    /// The same type as one value, with everything inside frozen too.
    public var frozen: ColumnType {
        switch self {
        case .list(let e, _): .list(e.frozen, frozen: true)
        case .set(let e, _): .set(e.frozen, frozen: true)
        case .map(let k, let v, _): .map(k.frozen, v.frozen, frozen: true)
        case .tuple(let fields): .tuple(fields.map(\.frozen))
        case .user(let type, _):
            .user(
                UserType(
                    keyspace: type.keyspace, name: type.name,
                    fields: type.fields.map { UserType.Field($0.name, $0.type.frozen) }), frozen: true)
        default: self
        }
    }

    /// The types directly inside.
    public var parts: [ColumnType] {
        switch self {
        case .list(let e, _), .set(let e, _): [e]
        case .map(let k, let v, _): [k, v]
        case .tuple(let fields): fields
        case .user(let type, _): type.fields.map(\.type)
        default: []
        }
    }

    /// Whether this type, or one inside, satisfies the test.
    func contains(where test: (ColumnType) -> Bool) -> Bool {
        test(self) || parts.contains { $0.contains(where: test) }
    }

    /// Bytes of every value of this type in CQL's encoding; nil when they differ.
    public var fixedSize: Int? {
        switch self {
        case .boolean, .tinyint: 1
        case .smallint: 2
        case .int, .float, .date: 4
        case .bigint, .double, .time, .timestamp, .counter: 8
        case .uuid, .timeuuid: 16
        default: nil
        }
    }
}

/// The direction in which a clustering column is kept.
public enum SortOrder: UInt8, Hashable, Sendable {
    case ascending = 0
    case descending = 1
}
