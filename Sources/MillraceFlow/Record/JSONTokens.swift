internal import CSimdjson

/// One value of a document: what it is and where its bytes are. The layout is `mr_json_token`'s.
@usableFromInline struct JSONToken: BitwiseCopyable {
    @usableFromInline var start: UInt32
    @usableFromInline var end: UInt32
    @usableFromInline var next: UInt32
    @usableFromInline var rawKind: UInt8
    @usableFromInline var escaped: UInt8
    @usableFromInline var hint: UInt16

    @inlinable var kind: JSONKind { JSONKind(rawValue: rawKind) }
    @inlinable var count: Int { Int(end) - Int(start) }
}

/// The numbers are the C header's.
@usableFromInline struct JSONKind: RawRepresentable, Equatable, BitwiseCopyable {
    @usableFromInline var rawValue: UInt8
    @inlinable init(rawValue: UInt8) { self.rawValue = rawValue }
    @inlinable static var absent: JSONKind { JSONKind(rawValue: 0) }
    @inlinable static var null: JSONKind { JSONKind(rawValue: 1) }
    @inlinable static var no: JSONKind { JSONKind(rawValue: 2) }
    @inlinable static var yes: JSONKind { JSONKind(rawValue: 3) }
    @inlinable static var integer: JSONKind { JSONKind(rawValue: 4) }
    @inlinable static var real: JSONKind { JSONKind(rawValue: 5) }
    @inlinable static var string: JSONKind { JSONKind(rawValue: 6) }
    @inlinable static var array: JSONKind { JSONKind(rawValue: 7) }
    @inlinable static var object: JSONKind { JSONKind(rawValue: 8) }

    var name: String {
        let names = ["nothing", "null", "false", "true", "an integer", "a number", "a string", "an array", "an object"]
        return names[Int(rawValue)]
    }
}

/// Reading the text of one token.
@usableFromInline enum JSONText {
    /// `nil` when the integer does not fit. The digits follow JSON's grammar already.
    @inlinable static func integer<T: FixedWidthInteger>(_ text: UnsafeRawBufferPointer, as: T.Type) -> T? {
        var at = 0
        let negative = text[0] == UInt8(ascii: "-")
        if negative { at = 1 }
        if text.count - at <= 18 {
            // Eighteen digits fit an Int64 whatever they are.
            var value: Int64 = 0
            while at < text.count {
                value = value &* 10 &+ Int64(text[at] &- UInt8(ascii: "0"))
                at += 1
            }
            return T(exactly: negative ? 0 &- value : value)
        }
        return longInteger(text, negative: negative)
    }
    @inlinable static func longInteger<T: FixedWidthInteger>(_ text: UnsafeRawBufferPointer, negative: Bool) -> T? {
        var value: T = 0
        for i in (negative ? 1 : 0)..<text.count {
            let digit = T(truncatingIfNeeded: text[i] &- UInt8(ascii: "0"))
            let (tens, overflowTens) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflowSum) =
                negative ? tens.subtractingReportingOverflow(digit) : tens.addingReportingOverflow(digit)
            if overflowTens || overflowSum { return nil }
            value = sum
        }
        return value
    }
    /// `nil` when the number is too large for a double. Numbers too small for one are zero.
    @usableFromInline static func double(_ text: UnsafeRawBufferPointer) -> Double? {
        var value = 0.0
        return mr_json_double(text.baseAddress, text.count, &value) != 0 ? value : nil
    }
    /// 36 readable bytes.
    @usableFromInline static func uuid(_ text: UnsafeRawPointer) -> (UInt64, UInt64)? {
        var pair: (UInt64, UInt64) = (0, 0)
        return mr_json_uuid(text, &pair.0, &pair.1) != 0 ? pair : nil
    }
    /// The document is valid UTF-8 as a whole, and so is every string in it.
    @usableFromInline static func string(_ text: UnsafeRawBufferPointer, escaped: Bool) -> String {
        if !escaped { return String(decoding: text, as: UTF8.self) }
        return String(unsafeUninitializedCapacity: text.count) { buffer in
            mr_json_unescape(text.baseAddress, text.count, buffer.baseAddress)
        }
    }
}

/// A document on this thread's parser: lent bytes and one token per value.
///
/// Two plain words without reference counting, which is what makes a field cheap. Parsers are never freed, so a decoder
/// that escaped its `decode` call is caught by the generation and not by luck.
struct JSONDocument {
    private let result: UnsafePointer<mr_json_result>
    private let generation: UInt64

    fileprivate init(_ result: UnsafePointer<mr_json_result>) {
        self.result = result
        generation = result.pointee.generation
    }

    private var tokens: UnsafeMutablePointer<JSONToken> {
        precondition(result.pointee.generation == generation, "a decoder was used after its decode call")
        return UnsafeMutableRawPointer(mutating: result.pointee.tokens!).assumingMemoryBound(to: JSONToken.self)
    }
    var count: Int { Int(result.pointee.count) }
    subscript(index: Int) -> JSONToken { tokens[index] }
    /// For one call that looks at many tokens. A container's token remembers where its next key is likely to be.
    var lentTokens: UnsafeMutablePointer<JSONToken> { tokens }
    var lentBytes: UnsafeRawPointer { result.pointee.bytes! }
    func text(_ token: JSONToken) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: result.pointee.bytes! + Int(token.start), count: token.count)
    }
    func string(_ token: JSONToken) -> String { JSONText.string(text(token), escaped: token.escaped != 0) }

    /// Parses, hands the document over, and gives the parser back.
    static func with<R>(
        _ bytes: UnsafeRawBufferPointer, _ body: (JSONDocument) throws(RecordFault) -> R
    ) throws(RecordFault) -> R {
        guard let parser = mr_json_begin() else { throw RecordFault(.noMemory, at: 0) }
        defer { mr_json_end(parser) }
        guard let result = mr_json_parse(parser, bytes.baseAddress, bytes.count) else {
            throw RecordFault(.noMemory, at: 0)
        }
        if result.pointee.error != 0 { throw RecordFault(result.pointee) }
        return try body(JSONDocument(result))
    }
}

extension JSONDocument {
    /// The way from the document's root to a token, walked afresh because only faults ask for it.
    func path(to index: Int) -> [JSONKey] {
        var path: [JSONKey] = []
        var at = 0
        descent: while at != index {
            let container = self[at]
            guard container.kind == .array || container.kind == .object else { break }
            var child = at + 1
            var element = 0
            while child < Int(container.next) {
                var key = JSONKey(intValue: element)
                if container.kind == .object {
                    key = JSONKey(stringValue: string(self[child]))
                    if child == index { return path + [key] }
                    child += 1
                }
                if index < Int(self[child].next) {
                    path.append(key)
                    at = child
                    continue descent
                }
                child = Int(self[child].next)
                element += 1
            }
            break
        }
        return path
    }
    /// The token a path leads to, or the last one on the way that is there.
    func token(at path: [any CodingKey]) -> Int {
        var at = 0
        for key in path {
            let container = self[at]
            var child = at + 1
            var element = 0
            var found: Int?
            while child < Int(container.next), found == nil {
                if container.kind == .object {
                    if string(self[child]) == key.stringValue { found = child + 1 }
                    child += 1
                } else if element == key.intValue {
                    found = child
                }
                child = Int(self[child].next)
                element += 1
            }
            guard let found else { break }
            at = found
        }
        return at
    }
    func fault(_ reason: RecordFault.Reason, at index: Int, missing key: String? = nil, detail: String = "")
        -> RecordFault
    {
        let token = self[index]
        let position = Int(token.start) - (token.kind == .string ? 1 : 0)
        var path = path(to: index)
        if let key { path.append(JSONKey(stringValue: key)) }
        return RecordFault(reason, at: position, field: JSONKey.text(path), detail: detail)
    }
}

/// A step of a path in a document: a field's name or an element's index.
struct JSONKey: CodingKey {
    let stringValue: String
    let intValue: Int?
    init(stringValue: String) { (self.stringValue, intValue) = (stringValue, nil) }
    init(intValue: Int) { (stringValue, self.intValue) = ("\(intValue)", intValue) }

    /// `order.items[2].price`
    static func text(_ path: [any CodingKey]) -> String {
        var text = ""
        for key in path {
            if let index = key.intValue {
                text += "[\(index)]"
            } else {
                text += text.isEmpty ? key.stringValue : "." + key.stringValue
            }
        }
        return text
    }
}

extension RecordFault {
    /// What the shim refused.
    init(_ result: mr_json_result, fields: [String] = []) {
        let reasons: [RecordFault.Reason] = [
            .syntax, .syntax, .truncated, .invalidUTF8, .invalidEscape, .controlCharacter, .tooDeep, .tooLarge,
            .trailingBytes, .invalidNumber, .duplicateField, .wrongType, .noMemory,
        ]
        let reason = reasons[Int(result.error)]
        let isDuplicate = reason == .duplicateField
        self.init(
            reason, at: Int(result.position), field: isDuplicate ? fields[Int(result.field)] : "",
            detail: reason == .wrongType ? "expected an object" : "")
    }
}
