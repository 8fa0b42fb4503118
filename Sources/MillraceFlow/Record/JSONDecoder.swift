import MillraceCore

/// One value of a document as `Codable` sees it. Three words, so that `any Decoder` holds it without a heap box.
struct JSONValue {
    let document: JSONDocument
    let index: Int

    var token: JSONToken { document[index] }

    func wrong(_ expected: String) -> DecodingError {
        let fault = document.fault(.wrongType, at: index, detail: "expected \(expected), met \(token.kind.name)")
        return .typeMismatch(Any.self, context(fault))
    }
    func corrupted(_ reason: RecordFault.Reason, _ detail: String) -> DecodingError {
        .dataCorrupted(context(document.fault(reason, at: index, detail: detail)))
    }
    func context(_ fault: RecordFault) -> DecodingError.Context {
        DecodingError.Context(
            codingPath: document.path(to: index), debugDescription: fault.description, underlyingError: fault)
    }

    func integer<T: FixedWidthInteger>(_: T.Type) throws -> T {
        let token = token
        guard token.kind == .integer else { throw wrong("an integer") }
        guard let value = JSONText.integer(document.text(token), before: Int(token.start), as: T.self) else {
            throw corrupted(.outOfRange, "\(document.string(token)) does not fit \(T.self)")
        }
        return value
    }
    func double() throws -> Double {
        let token = token
        guard token.kind == .real || token.kind == .integer else { throw wrong("a number") }
        guard let value = JSONText.double(document.text(token)) else {
            throw corrupted(.outOfRange, "the number does not fit Double")
        }
        return value
    }
    func float() throws -> Float {
        let value = Float(try double())
        guard value.isFinite else { throw corrupted(.outOfRange, "the number does not fit Float") }
        return value
    }
    func bool() throws -> Bool {
        switch token.kind {
        case .yes: return true
        case .no: return false
        default: throw wrong("true or false")
        }
    }
    func string() throws -> String {
        let token = token
        guard token.kind == .string else { throw wrong("a string") }
        return document.string(token)
    }
    func time() throws -> EventTime {
        let token = token
        if token.kind == .integer { return EventTime(microseconds: try integer(Int64.self)) }
        guard token.kind == .string else { throw wrong("a time") }
        let time =
            token.escaped == 0
            ? EventTime(rfc3339: document.text(token))
            : document.string(token).utf8.withContiguousStorageIfAvailable {
                EventTime(rfc3339: UnsafeRawBufferPointer($0))
            } ?? nil
        guard let time else { throw corrupted(.invalidText, "not a time as RFC 3339 writes it") }
        return time
    }
    func id() throws -> ID128 {
        let token = token
        guard token.kind == .string else { throw wrong("an identifier") }
        guard token.escaped == 0, let id = ID128(text: document.text(token)) else {
            throw corrupted(.invalidText, "not a 128-bit identifier")
        }
        return id
    }
    func decode<T: Decodable>(_: T.Type) throws -> T {
        // Our own two types skip the generic way through a container; the test of the type makes the cast safe.
        if T.self == EventTime.self { return unsafeBitCast(try time(), to: T.self) }
        if T.self == ID128.self { return unsafeBitCast(try id(), to: T.self) }
        return try T(from: self)
    }
}

extension JSONValue: Decoder {
    var codingPath: [any CodingKey] { document.path(to: index) }
    var userInfo: [CodingUserInfoKey: Any] { [:] }
    func container<Key: CodingKey>(keyedBy: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(try JSONKeyed<Key>(self))
    }
    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { try JSONUnkeyed(self) }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { self }
}

extension JSONValue: SingleValueDecodingContainer {
    func decodeNil() -> Bool { token.kind == .null }
    func decode(_: Bool.Type) throws -> Bool { try bool() }
    func decode(_: String.Type) throws -> String { try string() }
    func decode(_: Double.Type) throws -> Double { try double() }
    func decode(_: Float.Type) throws -> Float { try float() }
    func decode(_: Int.Type) throws -> Int { try integer(Int.self) }
    func decode(_: Int8.Type) throws -> Int8 { try integer(Int8.self) }
    func decode(_: Int16.Type) throws -> Int16 { try integer(Int16.self) }
    func decode(_: Int32.Type) throws -> Int32 { try integer(Int32.self) }
    func decode(_: Int64.Type) throws -> Int64 { try integer(Int64.self) }
    func decode(_: Int128.Type) throws -> Int128 { try integer(Int128.self) }
    func decode(_: UInt.Type) throws -> UInt { try integer(UInt.self) }
    func decode(_: UInt8.Type) throws -> UInt8 { try integer(UInt8.self) }
    func decode(_: UInt16.Type) throws -> UInt16 { try integer(UInt16.self) }
    func decode(_: UInt32.Type) throws -> UInt32 { try integer(UInt32.self) }
    func decode(_: UInt64.Type) throws -> UInt64 { try integer(UInt64.self) }
    func decode(_: UInt128.Type) throws -> UInt128 { try integer(UInt128.self) }
}
