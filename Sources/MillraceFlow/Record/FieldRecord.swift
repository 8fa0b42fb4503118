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
        try read(value)
    }
    @inlinable static func read(_ value: UnsafeRawBufferPointer?) throws(RecordFault) -> Self {
        guard let value else { throw RecordFault(.missingField, at: 0, detail: "the log record has no value") }
        let fields = Self.fields
        return try withExtendedLifetime(fields) { () throws(RecordFault) in
            try Self(try JSONRow(.passUnretained(fields), fields.plan, value))
        }
    }
}

extension FieldRecord where Self: Codable {
    // Said again because a type that is both would otherwise have two equally good ways.
    @inlinable public static func decode(
        key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?
    ) throws(RecordFault) -> Self {
        try read(value)
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
