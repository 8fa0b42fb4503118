public import MillraceCore

/// The log record's bytes as they are, copied once.
public struct BytesRecord: Record, Hashable {
    public var value: [UInt8]
    /// The log record's key.
    public var key: [UInt8]?

    public init(value: [UInt8], key: [UInt8]? = nil) { (self.value, self.key) = (value, key) }

    public static func decode(
        key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?
    ) throws(RecordFault) -> BytesRecord {
        BytesRecord(value: value.map { Array($0) } ?? [], key: key.map { Array($0) })
    }
    public func encode(into writer: inout ByteWriter) { writer.raw(value) }
    public func encodeKey(into writer: inout ByteWriter) -> Bool {
        guard let key else { return false }
        writer.raw(key)
        return true
    }

    public func store(into writer: inout ByteWriter) {
        value.store(into: &writer)
        key.store(into: &writer)
    }
    public static func load(from reader: inout ByteReader) throws -> BytesRecord {
        BytesRecord(value: try [UInt8].load(from: &reader), key: try [UInt8]?.load(from: &reader))
    }
}
