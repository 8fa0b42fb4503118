import MillraceCore

/// The elements of an array, one after the other.
struct JSONUnkeyed: UnkeyedDecodingContainer {
    private let value: JSONValue
    private let end: Int
    private var at: Int
    private(set) var currentIndex = 0

    init(_ value: JSONValue) throws {
        let token = value.token
        guard token.kind == .array else { throw value.wrong("an array") }
        self.value = value
        at = value.index + 1
        end = Int(token.next)
    }

    var codingPath: [any CodingKey] { value.codingPath }
    var isAtEnd: Bool { at >= end }
    /// Counted afresh: the walker keeps no count and few ask.
    var count: Int? {
        var elements = 0
        var child = value.index + 1
        while child < end {
            child = Int(value.document[child].next)
            elements += 1
        }
        return elements
    }

    private func current() throws -> JSONValue {
        guard at < end else {
            let fault = value.document.fault(.missingField, at: value.index, detail: "the array ends too early")
            throw DecodingError.valueNotFound(Any.self, value.context(fault))
        }
        return JSONValue(document: value.document, index: at)
    }
    private mutating func take<T>(_ read: (JSONValue) throws -> T) throws -> T {
        let element = try current()
        let result = try read(element)
        at = Int(element.token.next)
        currentIndex += 1
        return result
    }

    mutating func decodeNil() throws -> Bool {
        guard try current().token.kind == .null else { return false }
        return try take { _ in true }
    }
    mutating func decode(_: Bool.Type) throws -> Bool { try take { try $0.bool() } }
    mutating func decode(_: String.Type) throws -> String { try take { try $0.string() } }
    mutating func decode(_: Double.Type) throws -> Double { try take { try $0.double() } }
    mutating func decode(_: Float.Type) throws -> Float { try take { try $0.float() } }
    mutating func decode(_: Int.Type) throws -> Int { try take { try $0.integer(Int.self) } }
    mutating func decode(_: Int8.Type) throws -> Int8 { try take { try $0.integer(Int8.self) } }
    mutating func decode(_: Int16.Type) throws -> Int16 { try take { try $0.integer(Int16.self) } }
    mutating func decode(_: Int32.Type) throws -> Int32 { try take { try $0.integer(Int32.self) } }
    mutating func decode(_: Int64.Type) throws -> Int64 { try take { try $0.integer(Int64.self) } }
    mutating func decode(_: Int128.Type) throws -> Int128 { try take { try $0.integer(Int128.self) } }
    mutating func decode(_: UInt.Type) throws -> UInt { try take { try $0.integer(UInt.self) } }
    mutating func decode(_: UInt8.Type) throws -> UInt8 { try take { try $0.integer(UInt8.self) } }
    mutating func decode(_: UInt16.Type) throws -> UInt16 { try take { try $0.integer(UInt16.self) } }
    mutating func decode(_: UInt32.Type) throws -> UInt32 { try take { try $0.integer(UInt32.self) } }
    mutating func decode(_: UInt64.Type) throws -> UInt64 { try take { try $0.integer(UInt64.self) } }
    mutating func decode(_: UInt128.Type) throws -> UInt128 { try take { try $0.integer(UInt128.self) } }
    mutating func decode<T: Decodable>(_: T.Type) throws -> T { try take { try $0.decode(T.self) } }

    mutating func nestedContainer<Key: CodingKey>(keyedBy: Key.Type) throws -> KeyedDecodingContainer<Key> {
        try take { KeyedDecodingContainer(try JSONKeyed<Key>($0)) }
    }
    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try take { try JSONUnkeyed($0) }
    }
    mutating func superDecoder() throws -> any Decoder { try take { $0 } }
}
