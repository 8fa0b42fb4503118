/// Writes JSON into bytes that it owns: commas by itself, strings escaped, numbers shortest, nothing allocated per
/// value.
///
/// ```swift
/// var json = JSONWriter()
/// json.object { json in
///     json.member("page", "/home")
///     json.member("views", 42)
/// }
/// ```
/// Reuse one writer with `removeAll`: the storage stays. The caller keeps brackets and keys in order; the writer checks
/// nothing but what costs nothing.
public struct JSONWriter: Sendable {
    public var out: ByteWriter
    /// A value was written at this level, so the next needs a comma.
    @usableFromInline var needsComma = false

    @inlinable public init(capacity: Int = 0) { out = ByteWriter(capacity: capacity) }
    /// Goes on in bytes someone else began. Take them back from `out`.
    @inlinable public init(appendingTo out: consuming ByteWriter) { self.out = out }

    @inlinable public var bytes: [UInt8] { out.bytes }
    @inlinable public var count: Int { out.count }
    /// The text so far, for messages and tests.
    public var text: String { String(decoding: out.bytes, as: UTF8.self) }
    @inlinable public mutating func removeAll() {
        out.removeAll()
        needsComma = false
    }

    // MARK: structure

    @inlinable public mutating func beginObject() { open(UInt8(ascii: "{")) }
    @inlinable public mutating func endObject() { close(UInt8(ascii: "}")) }
    @inlinable public mutating func beginArray() { open(UInt8(ascii: "[")) }
    @inlinable public mutating func endArray() { close(UInt8(ascii: "]")) }

    @inlinable public mutating func object<E: Error>(_ members: (inout JSONWriter) throws(E) -> Void) throws(E) {
        beginObject()
        try members(&self)
        endObject()
    }
    @inlinable public mutating func array<E: Error>(_ elements: (inout JSONWriter) throws(E) -> Void) throws(E) {
        beginArray()
        try elements(&self)
        endArray()
    }

    @inlinable public mutating func key(_ name: String) {
        string(name)
        out.byte(UInt8(ascii: ":"))
        needsComma = false
    }
    /// A newline between documents (NDJSON). The next value starts without a comma.
    @inlinable public mutating func endLine() {
        out.byte(UInt8(ascii: "\n"))
        needsComma = false
    }

    // MARK: values

    @inlinable public mutating func null() { word("null") }
    @inlinable public mutating func bool(_ value: Bool) { word(value ? "true" : "false") }
    @inlinable public mutating func string(_ value: String) {
        separate()
        out.byte(UInt8(ascii: "\""))
        let direct: Void? = value.utf8.withContiguousStorageIfAvailable { escape(UnsafeRawBufferPointer($0)) }
        if direct == nil {
            var copy = value
            copy.withUTF8 { escape(UnsafeRawBufferPointer($0)) }
        }
        out.byte(UInt8(ascii: "\""))
    }
    /// Text that is already bytes; anything that is not UTF-8 becomes U+FFFD.
    public mutating func string(utf8 value: UnsafeRawBufferPointer) {
        guard UTF8.isValid(value) else { return string(String(decoding: value, as: UTF8.self)) }
        separate()
        out.byte(UInt8(ascii: "\""))
        escape(value)
        out.byte(UInt8(ascii: "\""))
    }
    @inlinable public mutating func integer(_ value: some FixedWidthInteger) {
        separate()
        if value < 0 { out.byte(UInt8(ascii: "-")) }
        if let small = UInt64(exactly: value.magnitude) {
            decimal(small)
        } else {
            out.text(String(value.magnitude))
        }
    }
    /// The shortest text that reads back as the same value. JSON has no infinity and no not-a-number: they are `null`.
    public mutating func double(_ value: Double) {
        guard value.isFinite else { return null() }
        separate()
        var digits = Digits(out: ByteWriter())
        swap(&digits.out, &out)
        value.write(to: &digits)
        swap(&digits.out, &out)
        if out.bytes.suffix(2).elementsEqual([UInt8(ascii: "."), UInt8(ascii: "0")]) { out.bytes.removeLast(2) }
    }
    public mutating func float(_ value: Float) {
        guard value.isFinite else { return null() }
        separate()
        var digits = Digits(out: ByteWriter())
        swap(&digits.out, &out)
        value.write(to: &digits)
        swap(&digits.out, &out)
        if out.bytes.suffix(2).elementsEqual([UInt8(ascii: "."), UInt8(ascii: "0")]) { out.bytes.removeLast(2) }
    }
    /// Microseconds since 1970, the form in which records carry time.
    @inlinable public mutating func time(_ value: EventTime) { integer(value.microseconds) }
    /// Bytes that are JSON already.
    @inlinable public mutating func raw(_ json: UnsafeRawBufferPointer) {
        separate()
        out.raw(json)
    }

    // MARK: members

    @inlinable public mutating func member(_ name: String, _ value: String) {
        key(name)
        string(value)
    }
    @inlinable public mutating func member(_ name: String, _ value: some FixedWidthInteger) {
        key(name)
        integer(value)
    }
    @inlinable public mutating func member(_ name: String, _ value: Double) {
        key(name)
        double(value)
    }
    @inlinable public mutating func member(_ name: String, _ value: Bool) {
        key(name)
        bool(value)
    }
    @inlinable public mutating func member(_ name: String, _ value: EventTime) {
        key(name)
        time(value)
    }

    // MARK: inside

    @inlinable mutating func separate() {
        if needsComma { out.byte(UInt8(ascii: ",")) }
        needsComma = true
    }
    @inlinable mutating func open(_ bracket: UInt8) {
        separate()
        out.byte(bracket)
        needsComma = false
    }
    @inlinable mutating func close(_ bracket: UInt8) {
        out.byte(bracket)
        needsComma = true
    }
    @inlinable mutating func word(_ text: StaticString) {
        separate()
        out.raw(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
    @inlinable mutating func decimal(_ value: UInt64) {
        // 2^64 has twenty digits.
        withUnsafeTemporaryAllocation(byteCount: 20, alignment: 1) { buffer in
            var at = 20
            var rest = value
            repeat {
                at -= 1
                buffer[at] = UInt8(truncatingIfNeeded: rest % 10) &+ UInt8(ascii: "0")
                rest /= 10
            } while rest > 0
            out.raw(UnsafeRawBufferPointer(rebasing: buffer[at...]))
        }
    }
    /// Copies runs of plain bytes at once; escapes what JSON demands and nothing else.
    @usableFromInline mutating func escape(_ text: UnsafeRawBufferPointer) {
        var plain = 0
        for i in 0..<text.count {
            let byte = text[i]
            if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") { continue }
            out.raw(UnsafeRawBufferPointer(rebasing: text[plain..<i]))
            plain = i + 1
            out.byte(UInt8(ascii: "\\"))
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): out.byte(byte)
            case 0x0A: out.byte(UInt8(ascii: "n"))
            case 0x0D: out.byte(UInt8(ascii: "r"))
            case 0x09: out.byte(UInt8(ascii: "t"))
            case 0x08: out.byte(UInt8(ascii: "b"))
            case 0x0C: out.byte(UInt8(ascii: "f"))
            default:
                out.text("u00")
                out.byte(byte >> 4 &+ UInt8(ascii: "0"))
                let low = byte & 15
                out.byte(low < 10 ? low &+ UInt8(ascii: "0") : low &- 10 &+ UInt8(ascii: "a"))
            }
        }
        out.raw(UnsafeRawBufferPointer(rebasing: text[plain...]))
    }
}

/// Lets the standard library print a number straight into the bytes, without a `String` in between.
private struct Digits: TextOutputStream {
    var out: ByteWriter
    mutating func write(_ string: String) { out.text(string) }
    mutating func _writeASCII(_ buffer: UnsafeBufferPointer<UInt8>) { out.raw(UnsafeRawBufferPointer(buffer)) }
}

extension UTF8 {
    /// Whether bytes are well-formed UTF-8.
    static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        String(validating: bytes, as: UTF8.self) != nil
    }
}
