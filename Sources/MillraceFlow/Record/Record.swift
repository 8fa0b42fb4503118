public import MillraceCore

/// What a log holds and a pipeline reads: a value with a byte form.
///
/// A `Codable` struct needs nothing more (`struct Click: Record, Codable`): it is JSON in the log, in state and in
/// shuffles. `FieldRecord` reads that JSON faster, `BinaryRecord` is a compact layout of one's own for all three.
///
/// The byte form has two uses. `decode`/`encode` is the log's: what other programs see. `store`/`load` (`Storable`)
/// is Millrace's own, for state tables and shuffles.
public protocol Record: Storable, StageRecord {
    /// Reads a log record. A throw makes it a bad record: it goes to the dead letters with its position and the
    /// error's text. `value` is `nil` for a record without a value (a tombstone). The bytes are lent for the call.
    static func decode(key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?) throws -> Self
    /// Appends the value's bytes as the log keeps them.
    func encode(into writer: inout ByteWriter)
    /// Appends the record's key; false when the record has none (the default).
    func encodeKey(into writer: inout ByteWriter) -> Bool
}

extension Record {
    @inlinable public func encodeKey(into writer: inout ByteWriter) -> Bool { false }
}

/// A record whose key is one of its own fields, so that `.keyed()` works without a shuffle: the log's partitions are
/// already split by it. The log's producers write `key.store(into:)` as the record's key.
public protocol KeyedRecord: Record {
    associatedtype Key: StreamKey
    var key: Key { get }
}

extension KeyedRecord {
    @inlinable public func encodeKey(into writer: inout ByteWriter) -> Bool {
        key.store(into: &writer)
        return true
    }
}
