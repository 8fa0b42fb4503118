import MillraceCore

/// Where an encoder's values go: one writer, and the containers that are open in it.
///
/// Values go out as they come, without a tree in between. That asks for containers to be filled one inside the other,
/// as synthesized and nearly all hand-written code does; coming back to an outer container closes the inner ones, and
/// writing into a closed one is an error.
final class JSONSink {
    private var json: JSONWriter
    /// For each open container its number and whether it is an array.
    private var open: [(number: Int, isArray: Bool)] = []
    private var numbers = 0

    init(_ writer: consuming ByteWriter) { json = JSONWriter(appendingTo: writer) }
    func takeBytes() -> ByteWriter {
        var bytes = ByteWriter()
        swap(&bytes, &json.out)
        return bytes
    }

    func begin(isArray: Bool) -> Int {
        if isArray { json.beginArray() } else { json.beginObject() }
        numbers += 1
        open.append((numbers, isArray))
        return numbers
    }
    /// Closes what was opened inside container `number`; 0 is the document.
    func select(_ number: Int, _ path: @autoclosure () -> [any CodingKey]) throws {
        while let last = open.last, last.number != number { close(last.isArray) }
        if open.isEmpty, number != 0 {
            throw EncodingError.invalidValue(
                (),
                .init(codingPath: path(), debugDescription: "a container was used after one outside it had gone on"))
        }
    }
    func closeAll() {
        while let last = open.last { close(last.isArray) }
    }
    private func close(_ isArray: Bool) {
        if isArray { json.endArray() } else { json.endObject() }
        open.removeLast()
    }
    func key(_ name: String) { json.key(name) }

    func null() { json.null() }
    func write(_ value: Bool) { json.bool(value) }
    func write(_ value: String) { json.string(value) }
    func write(_ value: Double) { json.double(value) }
    func write(_ value: Float) { json.float(value) }
    func write(_ value: some FixedWidthInteger) { json.integer(value) }
    func write<T: Encodable>(encoding value: T) throws {
        if T.self == EventTime.self { return json.time(unsafeBitCast(value, to: EventTime.self)) }
        if T.self == ID128.self { return json.string(unsafeBitCast(value, to: ID128.self)) }
        let before = numbers
        let count = json.count
        try value.encode(to: JSONTarget(sink: self))
        // JSON has no way to leave a value out.
        if numbers == before, json.count == count { json.beginObject(); json.endObject() }
    }
}

/// A place for one value.
struct JSONTarget: Encoder {
    let sink: JSONSink
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy: Key.Type) -> KeyedEncodingContainer<Key> {
        KeyedEncodingContainer(JSONKeyedTarget<Key>(sink: sink, number: sink.begin(isArray: false)))
    }
    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        JSONUnkeyedTarget(sink: sink, number: sink.begin(isArray: true))
    }
    func singleValueContainer() -> any SingleValueEncodingContainer { self }
}

extension JSONTarget: SingleValueEncodingContainer {
    func encodeNil() throws { sink.null() }
    func encode(_ value: Bool) throws { sink.write(value) }
    func encode(_ value: String) throws { sink.write(value) }
    func encode(_ value: Double) throws { sink.write(value) }
    func encode(_ value: Float) throws { sink.write(value) }
    func encode(_ value: Int) throws { sink.write(value) }
    func encode(_ value: Int8) throws { sink.write(value) }
    func encode(_ value: Int16) throws { sink.write(value) }
    func encode(_ value: Int32) throws { sink.write(value) }
    func encode(_ value: Int64) throws { sink.write(value) }
    func encode(_ value: Int128) throws { sink.write(value) }
    func encode(_ value: UInt) throws { sink.write(value) }
    func encode(_ value: UInt8) throws { sink.write(value) }
    func encode(_ value: UInt16) throws { sink.write(value) }
    func encode(_ value: UInt32) throws { sink.write(value) }
    func encode(_ value: UInt64) throws { sink.write(value) }
    func encode(_ value: UInt128) throws { sink.write(value) }
    func encode<T: Encodable>(_ value: T) throws { try sink.write(encoding: value) }
}

struct JSONKeyedTarget<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let sink: JSONSink
    let number: Int
    var codingPath: [any CodingKey] { [] }

    private func at(_ key: Key) throws -> JSONSink {
        try sink.select(number, [key])
        sink.key(key.stringValue)
        return sink
    }
    func encodeNil(forKey key: Key) throws { try at(key).null() }
    func encode(_ value: Bool, forKey key: Key) throws { try at(key).write(value) }
    func encode(_ value: String, forKey key: Key) throws { try at(key).write(value) }
    func encode(_ value: Double, forKey key: Key) throws { try at(key).write(value) }
    func encode(_ value: Float, forKey key: Key) throws { try at(key).write(value) }
    func encode(_ value: Int, forKey key: Key) throws { try at(key).write(value) }
    func encode(_ value: Int8, forKey key: Key) throws { try at(key).write(value) }
    func encode(_ value: Int16, forKey key: Key) throws { try at(key).write(value) }
    func encode(_ value: Int32, forKey key: Key) throws { try at(key).write(value) }
    func encode(_ value: Int64, forKey key: Key) throws { try at(key).write(value) }
    func encode(_ value: Int128, forKey key: Key) throws { try at(key).write(value) }
    func encode(_ value: UInt, forKey key: Key) throws { try at(key).write(value) }
    func encode(_ value: UInt8, forKey key: Key) throws { try at(key).write(value) }
    func encode(_ value: UInt16, forKey key: Key) throws { try at(key).write(value) }
    func encode(_ value: UInt32, forKey key: Key) throws { try at(key).write(value) }
    func encode(_ value: UInt64, forKey key: Key) throws { try at(key).write(value) }
    func encode(_ value: UInt128, forKey key: Key) throws { try at(key).write(value) }
    func encode<T: Encodable>(_ value: T, forKey key: Key) throws { try at(key).write(encoding: value) }

    func nestedContainer<Nested: CodingKey>(
        keyedBy: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        target(key).container(keyedBy: Nested.self)
    }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { target(key).unkeyedContainer() }
    func superEncoder() -> any Encoder {
        guard let key = Key(stringValue: "super") else { return JSONTarget(sink: sink) }
        return target(key)
    }
    func superEncoder(forKey key: Key) -> any Encoder { target(key) }
    /// The protocol gives no way to throw here; what is then written inside reports it.
    private func target(_ key: Key) -> JSONTarget {
        do { return JSONTarget(sink: try at(key)) } catch { return JSONTarget(sink: JSONSink(ByteWriter())) }
    }
}

struct JSONUnkeyedTarget: UnkeyedEncodingContainer {
    let sink: JSONSink
    let number: Int
    private(set) var count = 0
    var codingPath: [any CodingKey] { [] }

    init(sink: JSONSink, number: Int) { (self.sink, self.number) = (sink, number) }

    private mutating func next() throws -> JSONSink {
        try sink.select(number, [])
        count += 1
        return sink
    }
    mutating func encodeNil() throws { try next().null() }
    mutating func encode(_ value: Bool) throws { try next().write(value) }
    mutating func encode(_ value: String) throws { try next().write(value) }
    mutating func encode(_ value: Double) throws { try next().write(value) }
    mutating func encode(_ value: Float) throws { try next().write(value) }
    mutating func encode(_ value: Int) throws { try next().write(value) }
    mutating func encode(_ value: Int8) throws { try next().write(value) }
    mutating func encode(_ value: Int16) throws { try next().write(value) }
    mutating func encode(_ value: Int32) throws { try next().write(value) }
    mutating func encode(_ value: Int64) throws { try next().write(value) }
    mutating func encode(_ value: Int128) throws { try next().write(value) }
    mutating func encode(_ value: UInt) throws { try next().write(value) }
    mutating func encode(_ value: UInt8) throws { try next().write(value) }
    mutating func encode(_ value: UInt16) throws { try next().write(value) }
    mutating func encode(_ value: UInt32) throws { try next().write(value) }
    mutating func encode(_ value: UInt64) throws { try next().write(value) }
    mutating func encode(_ value: UInt128) throws { try next().write(value) }
    mutating func encode<T: Encodable>(_ value: T) throws { try next().write(encoding: value) }

    mutating func nestedContainer<Key: CodingKey>(keyedBy: Key.Type) -> KeyedEncodingContainer<Key> {
        target().container(keyedBy: Key.self)
    }
    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { target().unkeyedContainer() }
    mutating func superEncoder() -> any Encoder { target() }
    private mutating func target() -> JSONTarget {
        do { return JSONTarget(sink: try next()) } catch { return JSONTarget(sink: JSONSink(ByteWriter())) }
    }
}
