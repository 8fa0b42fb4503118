import MillraceCore

/// Takes the fields of a `Codable` struct as cells.
final class RowCells: Encoder {
    struct NotAStruct: Error {}
    private(set) var values: [String: [RowValue]] = [:]
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy: Key.Type) -> KeyedEncodingContainer<Key> {
        KeyedEncodingContainer(Fields<Key>(cells: self))
    }
    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        JSONTarget(sink: JSONSink(ByteWriter())).unkeyedContainer()
    }
    func singleValueContainer() -> any SingleValueEncodingContainer { Scalar() }

    /// The kinds of types that are cells though they are neither numbers nor text.
    static func kind(of type: Any.Type) -> RowColumnType? {
        if type == EventTime.self { return .time }
        return type == ID128.self ? .text : nil
    }
    static func cells(of value: some Encodable) throws -> [RowValue] {
        if let time = value as? EventTime { return [.time(time)] }
        if let shape = value as? any RowShape {
            var row = RowBuffer(layout: RowLayout())
            row.append(shape, at: .distantPast)
            var cells: [RowValue] = []
            row.forEach { _, lent in cells = lent.map { RowValue($0) } }
            return cells
        }
        let scalar = Scalar.Kept()
        try value.encode(to: scalar)
        if let cell = scalar.cell { return [cell] }
        var json = ByteWriter()
        try JSON.encode(value, into: &json)
        return [.text(String(decoding: json.bytes, as: UTF8.self))]
    }

    private struct Fields<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let cells: RowCells
        var codingPath: [any CodingKey] { [] }
        func encodeNil(forKey key: Key) { cells.values[key.stringValue] = [] }
        func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
            cells.values[key.stringValue] = try RowCells.cells(of: value)
        }
        func nestedContainer<N: CodingKey>(keyedBy: N.Type, forKey: Key) -> KeyedEncodingContainer<N> {
            JSONTarget(sink: JSONSink(ByteWriter())).container(keyedBy: N.self)
        }
        func nestedUnkeyedContainer(forKey: Key) -> any UnkeyedEncodingContainer { cells.unkeyedContainer() }
        func superEncoder() -> any Encoder { cells }
        func superEncoder(forKey: Key) -> any Encoder { cells }
    }
    /// Keeps the one scalar that a value writes, if it is one.
    private struct Scalar: SingleValueEncodingContainer {
        final class Kept: Encoder {
            var cell: RowValue?
            var codingPath: [any CodingKey] { [] }
            var userInfo: [CodingUserInfoKey: Any] { [:] }
            func container<Key: CodingKey>(keyedBy: Key.Type) -> KeyedEncodingContainer<Key> {
                JSONTarget(sink: JSONSink(ByteWriter())).container(keyedBy: Key.self)
            }
            func unkeyedContainer() -> any UnkeyedEncodingContainer {
                JSONTarget(sink: JSONSink(ByteWriter())).unkeyedContainer()
            }
            func singleValueContainer() -> any SingleValueEncodingContainer { Scalar(kept: self) }
        }
        var kept: Kept?
        var codingPath: [any CodingKey] { [] }
        func encodeNil() { kept?.cell = .null }
        func encode(_ value: Bool) { kept?.cell = .bool(value) }
        func encode(_ value: String) { kept?.cell = .text(value) }
        func encode(_ value: Double) { kept?.cell = .double(value) }
        func encode(_ value: Float) { kept?.cell = .double(Double(value)) }
        func encode(_ value: Int) { kept?.cell = .int(Int64(value)) }
        func encode(_ value: Int8) { kept?.cell = .int(Int64(value)) }
        func encode(_ value: Int16) { kept?.cell = .int(Int64(value)) }
        func encode(_ value: Int32) { kept?.cell = .int(Int64(value)) }
        func encode(_ value: Int64) { kept?.cell = .int(value) }
        func encode(_ value: UInt) { kept?.cell = .int(Int64(truncatingIfNeeded: value)) }
        func encode(_ value: UInt8) { kept?.cell = .int(Int64(value)) }
        func encode(_ value: UInt16) { kept?.cell = .int(Int64(value)) }
        func encode(_ value: UInt32) { kept?.cell = .int(Int64(value)) }
        func encode(_ value: UInt64) { kept?.cell = .int(Int64(truncatingIfNeeded: value)) }
        func encode<T: Encodable>(_ value: T) throws {
            if let kept { try value.encode(to: kept) }
        }
    }
}
