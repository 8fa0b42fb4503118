import MillraceCore

/// An object whose fields are looked up by name. Not generic: in unspecialised generic code every step would ask the
/// runtime for types.
///
/// A lookup begins where the last one ended, because encoders write fields in the order structs declare them. Then it
/// goes once around the rest, since a field that is read must not be there twice.
struct JSONObject {
    let value: JSONValue
    let end: Int
    /// That no key is there twice is known from documents before, which had the same keys. Otherwise objects with many
    /// keys are checked for duplicates as a whole, once, so that reading stays linear.
    private let isKnownUnique: Bool

    init(_ value: JSONValue) throws {
        let token = value.token
        guard token.kind == .object else { throw value.wrong("an object") }
        self.value = value
        end = Int(token.next)
        if token.escaped != 0 {
            isKnownUnique = true
            return
        }
        var keys = 0
        var at = value.index + 1
        while at < end, keys <= Limits.jsonKeysComparedOneByOne {
            at = Int(value.document[at + 1].next)
            keys += 1
        }
        isKnownUnique = keys > Limits.jsonKeysComparedOneByOne
        if isKnownUnique { try refuseDuplicates() }
    }

    private func refuseDuplicates() throws {
        var seen: Set<String> = []
        var at = value.index + 1
        while at < end {
            guard seen.insert(value.document.string(value.document[at])).inserted else { throw duplicate(at) }
            at = Int(value.document[at + 1].next)
        }
    }
    private func duplicate(_ at: Int) -> DecodingError {
        let fault = value.document.fault(.duplicateField, at: at)
        return .dataCorrupted(value.context(fault))
    }

    /// The value of a field; `nil` when it is not there.
    func find(_ key: String) throws -> JSONValue? {
        var name = key
        let found = name.withUTF8 { locate(UnsafeRawBufferPointer($0)) }
        if found >= 0 { return JSONValue(document: value.document, index: found) }
        if found == -1 { return nil }
        throw duplicate(-found)
    }
    /// The index of the value, -1 when there is none, or minus the index of a second key. (No key is at index 1 or
    /// below and a duplicate.)
    private func locate(_ wanted: UnsafeRawBufferPointer) -> Int {
        let tokens = value.document.lentTokens
        let bytes = value.document.lentBytes
        let first = value.index + 1
        let start = min(end, first + Int(tokens[value.index].hint))
        var at = start
        var hasTurned = false
        var found = -1
        while true {
            if at >= end, !hasTurned { (at, hasTurned) = (first, true) }
            if hasTurned, at >= start { break }
            let key = tokens + at
            if matches(key, bytes, wanted) {
                if found >= 0 { return -at }
                found = at + 1
                if isKnownUnique { break }
            }
            at = Int(key[1].next)
        }
        if found >= 0 {
            tokens[value.index].hint = UInt16(exactly: Int(tokens[found].next) - first) ?? 0
        }
        return found
    }
    @inline(__always) private func matches(
        _ key: UnsafePointer<JSONToken>, _ bytes: UnsafeRawPointer, _ wanted: UnsafeRawBufferPointer
    ) -> Bool {
        if key.pointee.escaped != 0 { return value.document.string(key.pointee).utf8.elementsEqual(wanted) }
        guard key.pointee.count == wanted.count else { return false }
        let text = UnsafeRawBufferPointer(start: bytes + Int(key.pointee.start), count: wanted.count)
        return text.isEqual(to: wanted)
    }
    func field(_ key: String) throws -> JSONValue {
        if let found = try find(key) { return found }
        let fault = value.document.fault(.missingField, at: value.index, missing: key)
        throw DecodingError.keyNotFound(JSONKey(stringValue: key), value.context(fault))
    }
    func present(_ key: String) throws -> JSONValue? {
        guard let found = try find(key), found.token.kind != .null else { return nil }
        return found
    }
}

/// The fields of an object as `Codable` asks for them.
struct JSONKeyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
    private let object: JSONObject
    private var value: JSONValue { object.value }
    private var end: Int { object.end }

    init(_ value: JSONValue) throws { object = try JSONObject(value) }

    private func field(_ key: Key) throws -> JSONValue { try object.field(key.stringValue) }
    private func present(_ key: Key) throws -> JSONValue? { try object.present(key.stringValue) }

    var codingPath: [any CodingKey] { value.codingPath }
    var allKeys: [Key] {
        var keys: [Key] = []
        var at = value.index + 1
        while at < end {
            if let key = Key(stringValue: value.document.string(value.document[at])) { keys.append(key) }
            at = Int(value.document[at + 1].next)
        }
        return keys
    }
    func contains(_ key: Key) -> Bool {
        // A duplicate is reported by the read that follows.
        do { return try object.find(key.stringValue) != nil } catch { return true }
    }
    func decodeNil(forKey key: Key) throws -> Bool { try field(key).token.kind == .null }
    func nestedContainer<Nested: CodingKey>(
        keyedBy: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        KeyedDecodingContainer(try JSONKeyed<Nested>(try field(key)))
    }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try JSONUnkeyed(try field(key))
    }
    func superDecoder() throws -> any Decoder {
        guard let key = Key(stringValue: "super") else { return value }
        return try field(key)
    }
    func superDecoder(forKey key: Key) throws -> any Decoder { try field(key) }
}

extension JSONKeyed {
    func decode(_: Bool.Type, forKey key: Key) throws -> Bool { try field(key).bool() }
    func decode(_: String.Type, forKey key: Key) throws -> String { try field(key).string() }
    func decode(_: Double.Type, forKey key: Key) throws -> Double { try field(key).double() }
    func decode(_: Float.Type, forKey key: Key) throws -> Float { try field(key).float() }
    func decode(_: Int.Type, forKey key: Key) throws -> Int { try field(key).integer(Int.self) }
    func decode(_: Int8.Type, forKey key: Key) throws -> Int8 { try field(key).integer(Int8.self) }
    func decode(_: Int16.Type, forKey key: Key) throws -> Int16 { try field(key).integer(Int16.self) }
    func decode(_: Int32.Type, forKey key: Key) throws -> Int32 { try field(key).integer(Int32.self) }
    func decode(_: Int64.Type, forKey key: Key) throws -> Int64 { try field(key).integer(Int64.self) }
    func decode(_: Int128.Type, forKey key: Key) throws -> Int128 { try field(key).integer(Int128.self) }
    func decode(_: UInt.Type, forKey key: Key) throws -> UInt { try field(key).integer(UInt.self) }
    func decode(_: UInt8.Type, forKey key: Key) throws -> UInt8 { try field(key).integer(UInt8.self) }
    func decode(_: UInt16.Type, forKey key: Key) throws -> UInt16 { try field(key).integer(UInt16.self) }
    func decode(_: UInt32.Type, forKey key: Key) throws -> UInt32 { try field(key).integer(UInt32.self) }
    func decode(_: UInt64.Type, forKey key: Key) throws -> UInt64 { try field(key).integer(UInt64.self) }
    func decode(_: UInt128.Type, forKey key: Key) throws -> UInt128 { try field(key).integer(UInt128.self) }
    func decode<T: Decodable>(_: T.Type, forKey key: Key) throws -> T { try field(key).decode(T.self) }

    func decodeIfPresent(_: Bool.Type, forKey key: Key) throws -> Bool? { try present(key)?.bool() }
    func decodeIfPresent(_: String.Type, forKey key: Key) throws -> String? { try present(key)?.string() }
    func decodeIfPresent(_: Double.Type, forKey key: Key) throws -> Double? { try present(key)?.double() }
    func decodeIfPresent(_: Float.Type, forKey key: Key) throws -> Float? { try present(key)?.float() }
    func decodeIfPresent(_: Int.Type, forKey key: Key) throws -> Int? { try present(key)?.integer(Int.self) }
    func decodeIfPresent(_: Int64.Type, forKey key: Key) throws -> Int64? { try present(key)?.integer(Int64.self) }
    func decodeIfPresent(_: UInt64.Type, forKey key: Key) throws -> UInt64? { try present(key)?.integer(UInt64.self) }
    func decodeIfPresent<T: Decodable>(_: T.Type, forKey key: Key) throws -> T? { try present(key)?.decode(T.self) }
}
