import MillraceCore

/// Finds out the fields of a `Codable` struct by letting it read itself from nothing.
final class RowProbe: Decoder {
    struct NotAStruct: Error, CustomStringConvertible {
        var description: String { "it is no struct with named fields" }
    }
    private(set) var fields: [RowField] = []
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(Fields<Key>(probe: self))
    }
    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw NotAStruct() }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { throw NotAStruct() }

    fileprivate func field<T: Decodable>(_ name: String, _: T.Type) throws -> T {
        var layout = RowLayout()
        let blank = Blank()
        // These do not read themselves from nothing.
        var made = EventTime.distantPast as? T ?? ID128(high: 0, low: 0) as? T
        if made == nil {
            do { made = try T(from: blank) } catch {
                // An enum has no case of an empty raw value; any case does, since only its kind is looked at.
                guard let cases = T.self as? any CaseIterable.Type else { throw error }
                made = Self.first(cases) as? T
            }
        }
        guard let made else { throw NotAStruct() }
        if let shape = T.self as? any RowShape.Type {
            shape.shape(into: &layout, name: name, role: .regular)
            if let problem = layout.problem { throw problem }
        } else {
            layout.add(name, .regular, RowCells.kind(of: T.self) ?? blank.kind ?? .text)
        }
        fields.append(RowField(name: name, columns: layout.columns))
        return made
    }
    private static func first<C: CaseIterable>(_: C.Type) -> Any? { C.allCases.first }

    private struct Fields<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let probe: RowProbe
        var codingPath: [any CodingKey] { [] }
        var allKeys: [Key] { [] }
        func contains(_ key: Key) -> Bool { true }
        func decodeNil(forKey: Key) -> Bool { false }
        func decode<T: Decodable>(_: T.Type, forKey key: Key) throws -> T { try probe.field(key.stringValue, T.self) }
        func nestedContainer<N: CodingKey>(keyedBy: N.Type, forKey: Key) throws -> KeyedDecodingContainer<N> {
            throw NotAStruct()
        }
        func nestedUnkeyedContainer(forKey: Key) throws -> any UnkeyedDecodingContainer { throw NotAStruct() }
        func superDecoder() throws -> any Decoder { throw NotAStruct() }
        func superDecoder(forKey: Key) throws -> any Decoder { throw NotAStruct() }
    }
}

/// Nothing to read from: numbers are zero, texts and lists empty, optionals missing. Notes what scalar is asked for.
private final class Blank: Decoder {
    var kind: RowColumnType?
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }
    func container<Key: CodingKey>(keyedBy: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(Object<Key>())
    }
    func unkeyedContainer() -> any UnkeyedDecodingContainer { List() }
    func singleValueContainer() -> any SingleValueDecodingContainer { Scalar(blank: self) }

    private struct Scalar: SingleValueDecodingContainer {
        let blank: Blank
        var codingPath: [any CodingKey] { [] }
        func decodeNil() -> Bool { false }
        private func noting<T>(_ kind: RowColumnType, _ value: T) -> T {
            blank.kind = kind
            return value
        }
        func decode(_: Bool.Type) -> Bool { noting(.bool, false) }
        func decode(_: String.Type) -> String { noting(.text, "") }
        func decode(_: Double.Type) -> Double { noting(.double, 0) }
        func decode(_: Float.Type) -> Float { noting(.double, 0) }
        func decode(_: Int.Type) -> Int { noting(.int, 0) }
        func decode(_: Int8.Type) -> Int8 { noting(.int, 0) }
        func decode(_: Int16.Type) -> Int16 { noting(.int, 0) }
        func decode(_: Int32.Type) -> Int32 { noting(.int, 0) }
        func decode(_: Int64.Type) -> Int64 { noting(.int, 0) }
        func decode(_: UInt.Type) -> UInt { noting(.int, 0) }
        func decode(_: UInt8.Type) -> UInt8 { noting(.int, 0) }
        func decode(_: UInt16.Type) -> UInt16 { noting(.int, 0) }
        func decode(_: UInt32.Type) -> UInt32 { noting(.int, 0) }
        func decode(_: UInt64.Type) -> UInt64 { noting(.int, 0) }
        func decode<T: Decodable>(_: T.Type) throws -> T { try T(from: blank) }
    }
    private struct List: UnkeyedDecodingContainer {
        var codingPath: [any CodingKey] { [] }
        var count: Int? { 0 }
        var isAtEnd: Bool { true }
        var currentIndex: Int { 0 }
        func decodeNil() -> Bool { true }
        func decode<T: Decodable>(_: T.Type) throws -> T { try T(from: Blank()) }
        func nestedContainer<N: CodingKey>(keyedBy: N.Type) -> KeyedDecodingContainer<N> {
            KeyedDecodingContainer(Object<N>())
        }
        func nestedUnkeyedContainer() -> any UnkeyedDecodingContainer { List() }
        func superDecoder() -> any Decoder { Blank() }
    }
    private struct Object<Key: CodingKey>: KeyedDecodingContainerProtocol {
        var codingPath: [any CodingKey] { [] }
        var allKeys: [Key] { [] }
        func contains(_: Key) -> Bool { false }
        func decodeNil(forKey: Key) -> Bool { true }
        func decode<T: Decodable>(_: T.Type, forKey: Key) throws -> T { try T(from: Blank()) }
        func nestedContainer<N: CodingKey>(keyedBy: N.Type, forKey: Key) -> KeyedDecodingContainer<N> {
            KeyedDecodingContainer(Object<N>())
        }
        func nestedUnkeyedContainer(forKey: Key) -> any UnkeyedDecodingContainer { List() }
        func superDecoder() -> any Decoder { Blank() }
        func superDecoder(forKey: Key) -> any Decoder { Blank() }
    }
}
