internal import CSimdjson
public import MillraceCore

/// The fields of one document, by the index under which `JSONFields` names them.
///
/// A method without `IfPresent` wants the field there and not null. The row and everything lent by it end with the
/// record's `init`.
public struct JSONRow: ~Copyable {
    @usableFromInline let found: UnsafePointer<JSONFound>
    /// Not counted: whoever makes the row keeps the fields alive longer. Counting takes as long as reading a field.
    private let unownedFields: Unmanaged<JSONFields>

    @usableFromInline init(
        _ fields: Unmanaged<JSONFields>, _ plan: UnsafeRawPointer, _ value: UnsafeRawBufferPointer
    ) throws(RecordFault) {
        guard let result = mr_json_open(OpaquePointer(plan), value.baseAddress, value.count) else {
            throw RecordFault(.noMemory, at: 0)
        }
        if result.pointee.error != 0 {
            let fault = RecordFault(result.pointee, fields: fields.takeUnretainedValue().names)
            mr_json_close(result)
            throw fault
        }
        found = UnsafeRawPointer(result).assumingMemoryBound(to: JSONFound.self)
        unownedFields = fields
    }
    deinit { mr_json_close(UnsafeRawPointer(found).assumingMemoryBound(to: mr_json_result.self)) }

    @inlinable var bytes: UnsafeRawPointer { found.pointee.bytes }
    @inlinable var byteCount: Int { found.pointee.byteCount }
    @inlinable var tokens: UnsafePointer<JSONToken> { found.pointee.tokens }
    private var fields: JSONFields { unownedFields.takeUnretainedValue() }
    /// Fields that `JSONFields` names.
    public var count: Int { fields.names.count }
    /// Whether the field is there and not null.
    @inlinable public func isPresent(_ index: Int) -> Bool { tokens[index].rawKind > JSONKind.null.rawValue }

    @inlinable func text(_ token: JSONToken) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: bytes + Int(token.start), count: token.count)
    }
    @inlinable func token(_ index: Int, _ kind: JSONKind, _ expected: StaticString) throws(RecordFault) -> JSONToken {
        let token = tokens[index]
        if token.kind != kind { throw wrong(index, expected) }
        return token
    }
    @usableFromInline func wrong(_ index: Int, _ expected: StaticString) -> RecordFault {
        let token = tokens[index]
        if token.kind == .absent || token.kind == .null {
            return fault(.missingField, index, "expected \(expected), met \(token.kind.name)")
        }
        return fault(.wrongType, index, "expected \(expected), met \(token.kind.name)")
    }
    @usableFromInline func fault(_ reason: RecordFault.Reason, _ index: Int, _ detail: String) -> RecordFault {
        let token = tokens[index]
        let position = token.kind == .absent ? 0 : Int(token.start) - (token.kind == .string ? 1 : 0)
        return RecordFault(reason, at: position, field: fields.names[index], detail: detail)
    }
    /// A fault of one's own at a field, for `init` to throw.
    public func invalid(_ index: Int, _ detail: String) -> RecordFault { fault(.invalidText, index, detail) }

    // MARK: values

    @inlinable public func integer<T: FixedWidthInteger>(_ index: Int, as: T.Type = T.self) throws(RecordFault) -> T {
        let token = try token(index, .integer, "an integer")
        guard let value = JSONText.integer(text(token), before: Int(token.start), as: T.self) else {
            throw tooLarge(index)
        }
        return value
    }
    /// An integer that producers wrote as text: `"1700000000000"`.
    @inlinable public func integerInText<T: FixedWidthInteger>(
        _ index: Int, as: T.Type = T.self
    ) throws(RecordFault) -> T {
        let token = try token(index, .string, "an integer in a string")
        let text = text(token)
        var at = text.count > 1 && text[0] == UInt8(ascii: "-") ? 1 : 0
        if at == text.count { throw invalid(index, "expected digits") }
        while at < text.count {
            if text[at] &- UInt8(ascii: "0") > 9 { throw invalid(index, "expected digits") }
            at += 1
        }
        guard let value = JSONText.integer(text, before: Int(token.start), as: T.self) else { throw tooLarge(index) }
        return value
    }
    @inlinable public func double(_ index: Int) throws(RecordFault) -> Double {
        let token = tokens[index]
        if token.kind != .real && token.kind != .integer { throw wrong(index, "a number") }
        guard let value = JSONText.double(text(token)) else { throw tooLarge(index) }
        return value
    }
    @usableFromInline func tooLarge(_ index: Int) -> RecordFault {
        fault(
            .outOfRange, index, "\(String(decoding: text(tokens[index]), as: UTF8.self)) does not fit the field's type")
    }
    @inlinable public func bool(_ index: Int) throws(RecordFault) -> Bool {
        let kind = tokens[index].kind
        if kind == .yes { return true }
        if kind != .no { throw wrong(index, "true or false") }
        return false
    }
    @inlinable public func string(_ index: Int) throws(RecordFault) -> String {
        let token = try token(index, .string, "a string")
        return JSONText.string(text(token), escaped: token.escaped != 0)
    }
    /// The bytes between the quotes, lent, when there is no escape in them; `nil` when `string` has to be asked.
    @inlinable public func withText<R>(
        _ index: Int, _ body: (UnsafeRawBufferPointer?) throws(RecordFault) -> R
    ) throws(RecordFault) -> R {
        let token = try token(index, .string, "a string")
        return try body(token.escaped == 0 ? text(token) : nil)
    }
    /// Which of the words the text is.
    @inlinable public func word(_ index: Int, of words: JSONWords) throws(RecordFault) -> Int {
        let token = try token(index, .string, "a string")
        if token.escaped == 0 {
            let print = JSONWords.Print(bytes, Int(token.start)..<Int(token.end), of: byteCount)
            let found = words.index(of: print)
            if found >= 0 { return found }
        }
        return try slowWord(index, words)
    }
    @usableFromInline func slowWord(_ index: Int, _ words: JSONWords) throws(RecordFault) -> Int {
        let token = tokens[index]
        let bytes = text(token)
        if token.escaped == 0, let found = words.words.firstIndex(where: { $0.utf8.elementsEqual(bytes) }) {
            return found
        }
        let text = try string(index)
        guard let found = words.words.firstIndex(of: text) else {
            throw invalid(index, "\(text) is none of \(words.words.joined(separator: ", "))")
        }
        return found
    }
    @inlinable public func id(_ index: Int) throws(RecordFault) -> ID128 {
        let token = tokens[index]
        var id = ID128(high: 0, low: 0)
        guard token.kind == .string, token.count == 36, JSONText.read(&id, from: bytes + Int(token.start)) else {
            throw noID(index)
        }
        return id
    }
    @usableFromInline func noID(_ index: Int) -> RecordFault {
        tokens[index].kind == .string ? invalid(index, "not a 128-bit identifier") : wrong(index, "an identifier")
    }
    /// Microseconds since 1970, or RFC 3339 text.
    @inlinable public func time(_ index: Int) throws(RecordFault) -> EventTime {
        if tokens[index].kind == .integer { return EventTime(microseconds: try integer(index)) }
        let token = try token(index, .string, "a time")
        guard token.escaped == 0, let time = EventTime(rfc3339: text(token)) else {
            throw invalid(index, "not a time as RFC 3339 writes it")
        }
        return time
    }
    /// A nested value through `Codable`.
    public func decode<T: Decodable>(_ index: Int, as: T.Type = T.self) throws(RecordFault) -> T {
        var token = tokens[index]
        if token.kind == .absent || token.kind == .null { throw wrong(index, "a value") }
        if token.kind == .string {
            token.start -= 1
            token.end += 1
        }
        do throws(RecordFault) {
            return try JSON.decode(T.self, from: text(token))
        } catch {
            let path = error.field.isEmpty || error.field.hasPrefix("[") ? error.field : "." + error.field
            throw RecordFault(
                error.reason, at: error.position + Int(token.start), field: fields.names[index] + path,
                detail: error.detail)
        }
    }
}

// MARK: fields that may be missing or null

extension JSONRow {
    @inlinable public func integerIfPresent<T: FixedWidthInteger>(
        _ index: Int, as: T.Type = T.self
    ) throws(RecordFault) -> T? { isPresent(index) ? try integer(index, as: T.self) : nil }
    @inlinable public func doubleIfPresent(_ index: Int) throws(RecordFault) -> Double? {
        isPresent(index) ? try double(index) : nil
    }
    @inlinable public func boolIfPresent(_ index: Int) throws(RecordFault) -> Bool? {
        isPresent(index) ? try bool(index) : nil
    }
    @inlinable public func stringIfPresent(_ index: Int) throws(RecordFault) -> String? {
        isPresent(index) ? try string(index) : nil
    }
    @inlinable public func idIfPresent(_ index: Int) throws(RecordFault) -> ID128? {
        isPresent(index) ? try id(index) : nil
    }
    @inlinable public func timeIfPresent(_ index: Int) throws(RecordFault) -> EventTime? {
        isPresent(index) ? try time(index) : nil
    }
    public func decodeIfPresent<T: Decodable>(_ index: Int, as: T.Type = T.self) throws(RecordFault) -> T? {
        isPresent(index) ? try decode(index, as: T.self) : nil
    }
}
