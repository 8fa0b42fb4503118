internal import CSimdjson
public import MillraceCore

/// A record read from JSON field by field, without `Codable`'s machinery: some five times faster, and without heap when
/// its fields need none.
///
/// ```swift
/// struct View: FieldRecord, Codable {
///     var ad: ID128
///     var kind: UInt8
///     var at: EventTime
///
///     static let fields: JSONFields = ["ad_id", "event_type", "event_time"]
///     static let kinds: JSONWords = ["view", "click", "purchase"]
///
///     init(_ row: borrowing JSONRow) throws(RecordFault) {
///         ad = try row.id(0)
///         kind = UInt8(try row.word(1, of: Self.kinds))
///         at = try row.time(2)
///     }
/// }
/// ```
/// The whole document is checked against the grammar, also where nobody reads. A field that is named must not be there
/// twice. With `Codable` as well, writing is JSON by itself; otherwise write `encode(into:)`.
public protocol FieldRecord: Record {
    /// The fields to find, in the order in which `init` counts them; fastest when documents have them in this order.
    static var fields: JSONFields { get }
    init(_ row: borrowing JSONRow) throws(RecordFault)
}

extension FieldRecord {
    @inlinable public static func decode(
        key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?
    ) throws(RecordFault) -> Self {
        guard let value else { throw RecordFault(.missingField, at: 0, detail: "the log record has no value") }
        return try Self(try JSONRow(fields, value))
    }
}

extension FieldRecord where Self: Codable {
    // Said again because a type that is both would otherwise have two equally good ways.
    @inlinable public static func decode(
        key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?
    ) throws(RecordFault) -> Self {
        guard let value else { throw RecordFault(.missingField, at: 0, detail: "the log record has no value") }
        return try Self(try JSONRow(fields, value))
    }
    public static func load(from reader: inout ByteReader) throws -> Self {
        let count = try reader.checked(
            count: try reader.unsignedVarint(), minimumElementBytes: 1, limit: Limits.jsonBytes)
        return try decode(key: nil, value: try reader.take(count))
    }
}

/// The names of the fields a `FieldRecord` reads: at most `Limits.recordFields`, each once.
public final class JSONFields: @unchecked Sendable, ExpressibleByArrayLiteral {
    // Sendable because the plan is never changed after it was made.
    public let names: [String]
    @usableFromInline let plan: UnsafeRawPointer

    public init(_ names: [String]) {
        precondition(names.count <= Limits.recordFields, "a record reads at most \(Limits.recordFields) fields")
        precondition(Set(names).count == names.count, "a field is named twice in \(names)")
        self.names = names
        // One string of all names, so that the pointers stay good during the call.
        let bytes = names.flatMap { Array($0.utf8) }
        let lengths = names.map { $0.utf8.count }
        let made = bytes.withUnsafeBytes { buffer in
            let base = (buffer.baseAddress ?? UnsafeRawPointer(bitPattern: 1)!).assumingMemoryBound(to: CChar.self)
            var offset = 0
            let starts: [UnsafePointer<CChar>?] = lengths.map { length in
                defer { offset += length }
                return base + offset
            }
            return mr_json_plan_make(starts, lengths, names.count)
        }
        precondition(made != nil, "no memory for a record's fields")
        plan = UnsafeRawPointer(made!)
    }
    public convenience init(arrayLiteral names: String...) { self.init(names) }
    deinit { mr_json_plan_free(OpaquePointer(plan)) }
}

/// A small set of texts that a field may be, read as their index.
public struct JSONWords: Sendable, ExpressibleByArrayLiteral {
    public let words: [String]
    @usableFromInline let prints: [Print]

    /// Length, first and last bytes: all there is of a word of up to 16 bytes.
    @usableFromInline struct Print: Equatable, Sendable {
        @usableFromInline let count: Int
        @usableFromInline let head: UInt64
        @usableFromInline let tail: UInt64

        @inlinable init(_ text: UnsafeRawBufferPointer) {
            count = text.count
            if text.count >= 8 {
                head = text.loadUnaligned(as: UInt64.self)
                tail = text.loadUnaligned(fromByteOffset: text.count - 8, as: UInt64.self)
            } else if text.count >= 4 {
                head = UInt64(text.loadUnaligned(as: UInt32.self))
                tail = UInt64(text.loadUnaligned(fromByteOffset: text.count - 4, as: UInt32.self))
            } else {
                var head: UInt64 = 0
                for byte in text { head = head << 8 | UInt64(byte) }
                self.head = head
                tail = 0
            }
        }
    }

    public init(_ words: [String]) {
        self.words = words
        prints = words.map { word in
            var copy = word
            return copy.withUTF8 { Print(UnsafeRawBufferPointer($0)) }
        }
    }
    public init(arrayLiteral words: String...) { self.init(words) }

    @inlinable func index(of text: UnsafeRawBufferPointer) -> Int? {
        let wanted = Print(text)
        for i in prints.indices where prints[i] == wanted {
            if text.count <= 16 || isSame(i, text) { return i }
        }
        return nil
    }
    @usableFromInline func isSame(_ index: Int, _ text: UnsafeRawBufferPointer) -> Bool {
        words[index].utf8.elementsEqual(text)
    }
}
