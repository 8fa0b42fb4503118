public import MillraceCore

extension Record where Self: Codable {
    public static func decode(
        key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?
    ) throws(RecordFault) -> Self {
        guard let value else { throw RecordFault(.missingField, at: 0, detail: "the log record has no value") }
        return try JSON.decode(Self.self, from: value)
    }
    /// JSON. The type's `encode(to:)` must not throw: a value that cannot be written is a mistake in the program.
    public func encode(into writer: inout ByteWriter) {
        do throws(RecordFault) {
            try JSON.encode(self, into: &writer)
        } catch {
            preconditionFailure("\(Self.self) cannot be encoded: \(error)")
        }
    }
    /// The length and the JSON, so that a later release reads it as long as it reads the record itself.
    public func store(into writer: inout ByteWriter) {
        var json = ByteWriter(capacity: 128)
        encode(into: &json)
        writer.unsignedVarint(UInt64(json.count))
        writer.raw(json.bytes)
    }
    public static func load(from reader: inout ByteReader) throws -> Self {
        let count = try reader.checked(
            count: try reader.unsignedVarint(), minimumElementBytes: 1, limit: Limits.jsonBytes)
        return try JSON.decode(Self.self, from: try reader.take(count))
    }
}
