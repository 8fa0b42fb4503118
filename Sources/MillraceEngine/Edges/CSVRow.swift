internal import MillraceCore
internal import MillraceTables

/// Where a file's rows end, and their fields.
enum CSVRows {
    /// Bytes up to and with the end of the first row: a line end outside of quotes. `nil` when it is not there yet.
    static func length(of bytes: UnsafeRawBufferPointer, isLast: Bool) -> Int? {
        var (start, quotes) = (0, 0)
        while start < bytes.count, let line = NewlineSearch.first(in: UnsafeRawBufferPointer(rebasing: bytes[start...]))
        {
            for byte in bytes[start..<start + line] where byte == UInt8(ascii: "\"") { quotes += 1 }
            start += line + 1
            // A quote inside quotes is written twice, so it leaves the count as even or odd as it was.
            if quotes.isMultiple(of: 2) { return start }
        }
        return isLast ? bytes.count : nil
    }

    /// Empty for a line without anything.
    static func fields(_ row: UnsafeRawBufferPointer, _ separator: Character) throws(TextFault) -> [CSVParser.Field] {
        var parser = CSVParser(separator: separator)
        var fields: [CSVParser.Field] = []
        do throws(CSVParser.Stop<Never>) {
            try parser.feed(row) { fields = $0 }
            try parser.finish { fields = $0 }
        } catch {
            switch error {
            case .fault(let fault): throw fault
            }
        }
        return fields
    }

    /// Bytes that some programs put in front of UTF-8.
    static func byteOrderMark(_ bytes: UnsafeRawBufferPointer) -> Int {
        bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }
}

/// The columns of a file, by name.
final class CSVHeader: Sendable {
    let names: [String]
    private let positions: [String: Int]

    init(_ names: [String], of file: String) throws(Failure) {
        var positions: [String: Int] = [:]
        for (index, name) in names.enumerated() {
            guard positions.updateValue(index, forKey: name) == nil else {
                throw Failure(
                    .invalidArgument, "two columns are called '\(name)'",
                    advice: "Give each column a name of its own", place: file, isFatal: true)
            }
        }
        (self.names, self.positions) = (names, positions)
    }

    subscript(name: String) -> Int? { positions[name] }

    func lacks(_ name: String, in file: String) -> Failure {
        let hint = Spelling.nearest(to: name, in: names).map { "Did you mean \($0)? " } ?? ""
        return Failure(
            .invalidArgument, "there is no column '\(name)'",
            advice: hint + "The file has: \(names.joined(separator: ", "))", place: file, isFatal: true)
    }
}

/// A field's column is not in the file: no row can be read.
struct MissingColumn: Error { var name: String }

/// A row as `Codable` sees it: an object whose fields are columns.
struct CSVRow: Decoder {
    let header: CSVHeader
    let fields: [CSVParser.Field]
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(CSVFields<Key>(row: self))
    }
    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw CSVFault("a row is no list") }
    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        throw CSVFault("a row has several values: decode a struct")
    }

    func cell(_ key: any CodingKey) throws -> CSVCell {
        guard let index = header[key.stringValue] else { throw MissingColumn(name: key.stringValue) }
        return CSVCell(column: key.stringValue, field: fields[index])
    }

    /// What is wrong with a row, in words.
    static func reason(_ error: any Error) -> String {
        if case DecodingError.dataCorrupted(let context) = error { return context.debugDescription }
        return "\(error)"
    }
}

struct CSVFault: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

private struct CSVFields<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let row: CSVRow
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { row.header.names.compactMap { Key(stringValue: $0) } }

    func contains(_ key: Key) -> Bool { row.header[key.stringValue] != nil }
    func decodeNil(forKey key: Key) throws -> Bool { try row.cell(key).decodeNil() }
    func decode(_: Bool.Type, forKey key: Key) throws -> Bool { try row.cell(key).decode(Bool.self) }
    func decode(_: String.Type, forKey key: Key) throws -> String { try row.cell(key).decode(String.self) }
    func decode(_: Double.Type, forKey key: Key) throws -> Double { try row.cell(key).decode(Double.self) }
    func decode(_: Float.Type, forKey key: Key) throws -> Float { try row.cell(key).decode(Float.self) }
    func decode(_: Int.Type, forKey key: Key) throws -> Int { try row.cell(key).integer() }
    func decode(_: Int8.Type, forKey key: Key) throws -> Int8 { try row.cell(key).integer() }
    func decode(_: Int16.Type, forKey key: Key) throws -> Int16 { try row.cell(key).integer() }
    func decode(_: Int32.Type, forKey key: Key) throws -> Int32 { try row.cell(key).integer() }
    func decode(_: Int64.Type, forKey key: Key) throws -> Int64 { try row.cell(key).integer() }
    func decode(_: UInt.Type, forKey key: Key) throws -> UInt { try row.cell(key).integer() }
    func decode(_: UInt8.Type, forKey key: Key) throws -> UInt8 { try row.cell(key).integer() }
    func decode(_: UInt16.Type, forKey key: Key) throws -> UInt16 { try row.cell(key).integer() }
    func decode(_: UInt32.Type, forKey key: Key) throws -> UInt32 { try row.cell(key).integer() }
    func decode(_: UInt64.Type, forKey key: Key) throws -> UInt64 { try row.cell(key).integer() }
    func decode<T: Decodable>(_: T.Type, forKey key: Key) throws -> T { try row.cell(key).decode(T.self) }
    func nestedContainer<N: CodingKey>(keyedBy: N.Type, forKey key: Key) throws -> KeyedDecodingContainer<N> {
        throw try row.cell(key).fault("one value and no object")
    }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        throw try row.cell(key).fault("one value and no list")
    }
    func superDecoder() -> any Decoder { row }
    func superDecoder(forKey key: Key) throws -> any Decoder { try row.cell(key) }
}

/// One field of a row.
struct CSVCell: Decoder, SingleValueDecodingContainer {
    let column: String
    let field: CSVParser.Field
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func fault(_ what: String) -> CSVFault {
        let shown = field.text.count > 40 ? field.text.prefix(40) + "…" : field.text[...]
        return CSVFault("column \(column): '\(shown)' is \(what)")
    }

    func container<Key: CodingKey>(keyedBy: Key.Type) throws -> KeyedDecodingContainer<Key> {
        throw fault("one value and no object")
    }
    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw fault("one value and no list") }
    func singleValueContainer() -> any SingleValueDecodingContainer { self }

    func decodeNil() -> Bool { field.isNull }
    func integer<T: FixedWidthInteger>() throws -> T {
        guard let value = T(field.text) else { throw fault("no whole number that fits \(T.self)") }
        return value
    }
    func decode(_: Bool.Type) throws -> Bool {
        switch field.text.lowercased() {
        case "true", "1": return true
        case "false", "0": return false
        default: throw fault("neither true nor false")
        }
    }
    func decode(_: String.Type) -> String { field.text }
    func decode(_: Double.Type) throws -> Double {
        guard let value = Double(field.text), value.isFinite else { throw fault("no number") }
        return value
    }
    func decode(_: Float.Type) throws -> Float {
        guard let value = Float(field.text), value.isFinite else { throw fault("no number") }
        return value
    }
    func decode(_: Int.Type) throws -> Int { try integer() }
    func decode(_: Int8.Type) throws -> Int8 { try integer() }
    func decode(_: Int16.Type) throws -> Int16 { try integer() }
    func decode(_: Int32.Type) throws -> Int32 { try integer() }
    func decode(_: Int64.Type) throws -> Int64 { try integer() }
    func decode(_: UInt.Type) throws -> UInt { try integer() }
    func decode(_: UInt8.Type) throws -> UInt8 { try integer() }
    func decode(_: UInt16.Type) throws -> UInt16 { try integer() }
    func decode(_: UInt32.Type) throws -> UInt32 { try integer() }
    func decode(_: UInt64.Type) throws -> UInt64 { try integer() }
    func decode<T: Decodable>(_: T.Type) throws -> T {
        if T.self == EventTime.self, let time = try time() as? T { return time }
        do { return try T(from: self) } catch is CSVFault { throw fault("no \(T.self)") }
    }

    private func time() throws -> EventTime {
        if let microseconds = Int64(field.text) { return EventTime(microseconds: microseconds) }
        var text = field.text
        guard let time = text.withUTF8({ EventTime(rfc3339: UnsafeRawBufferPointer($0)) }) else {
            throw fault("no time as RFC 3339 writes it, and no microseconds")
        }
        return time
    }
}
