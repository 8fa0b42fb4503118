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

/// What reading a document gave. The layout is the beginning of `mr_json_result`'s.
@usableFromInline struct JSONFound: BitwiseCopyable {
    @usableFromInline let tokens: UnsafePointer<JSONToken>
    @usableFromInline let bytes: UnsafeRawPointer
    @usableFromInline let byteCount: Int
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
    ///
    /// - Parameter before: how many bytes can be read in front of the text; with sixteen and more it is quicker.
    @inlinable static func integer<T: FixedWidthInteger>(
        _ text: UnsafeRawBufferPointer, before: Int = 0, as: T.Type
    ) -> T? {
        let negative = text[0] == UInt8(ascii: "-")
        let digits = text.count - (negative ? 1 : 0)
        var value: Int64 = 0
        if digits <= 16, before >= 16 {
            let end = text.baseAddress! + text.count
            value =
                100_000_000 &* lastDigits(max(0, digits &- 8), before: end - 8)
                &+ lastDigits(min(digits, 8), before: end)
        } else if digits <= 18 {
            // Eighteen digits fit an Int64 whatever they are.
            for byte in text.suffix(digits) { value = value &* 10 &+ Int64(byte &- UInt8(ascii: "0")) }
        } else {
            return longInteger(text, negative: negative)
        }
        return T(exactly: negative ? 0 &- value : value)
    }
    /// The number that the last up to eight digits before `end` are; eight bytes are read. Pairs, fours and eights of
    /// digits are put together in one word.
    @inlinable static func lastDigits(_ count: Int, before end: UnsafeRawPointer) -> Int64 {
        // Not a subtraction: what stands in front of the digits may be smaller than they are, and would borrow.
        var word = UInt64(littleEndian: (end - 8).loadUnaligned(as: UInt64.self)) ^ 0x3030_3030_3030_3030
        word &= ~0 << UInt64(64 &- 8 &* count)
        word = word &* 10 &+ word >> 8
        let low = (word & 0x0000_00FF_0000_00FF) &* 0x000F_4240_0000_0064
        let high = (word >> 16 & 0x0000_00FF_0000_00FF) &* 0x0000_2710_0000_0001
        return Int64(truncatingIfNeeded: (low &+ high) >> 32)
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
    /// From 36 readable bytes; false when they are no identifier.
    @usableFromInline static func read(_ id: inout ID128, from text: UnsafeRawPointer) -> Bool {
        mr_json_uuid(text, &id.high, &id.low)
    }
    /// The document is valid UTF-8 as a whole, and so is every string in it.
    @usableFromInline static func string(_ text: UnsafeRawBufferPointer, escaped: Bool) -> String {
        if !escaped {
            let bytes = UnsafeBufferPointer(
                start: text.baseAddress?.assumingMemoryBound(to: UInt8.self), count: text.count)
            return String(copying: UTF8Span(unchecked: bytes.span))
        }
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
    ///
    /// - Parameter owner: documents of one type are likely to look alike.
    static func with<R>(
        _ bytes: UnsafeRawBufferPointer, of owner: Any.Type, _ body: (JSONDocument) throws(RecordFault) -> R
    ) throws(RecordFault) -> R {
        guard let parser = mr_json_begin() else { throw RecordFault(.noMemory, at: 0) }
        defer { mr_json_end(parser) }
        let number = UInt64(UInt(bitPattern: unsafeBitCast(owner, to: UnsafeRawPointer.self)))
        guard let result = mr_json_parse(parser, number, bytes.baseAddress, bytes.count) else {
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
