public import MillraceCore

/// One record of a log, lent for the length of a call.
public struct RawRecord: BitwiseCopyable {
    public var offset: Int64
    /// The log's time of the record.
    public var timestamp: EventTime
    public var key: UnsafeRawBufferPointer?
    public var value: UnsafeRawBufferPointer?
    public init(
        offset: Int64, timestamp: EventTime, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?
    ) {
        (self.offset, self.timestamp, self.key, self.value) = (offset, timestamp, key, value)
    }
}

/// What can enter a stage from bytes.
public protocol StageRecord: Sendable {
    /// Logs the stage reads: 1, but for joins and merges of different logs.
    static var portCount: Int { get }
    /// `time` holds the log's time and may be set to a better one.
    static func decode(_ raw: RawRecord, port: Int, time: inout EventTime) throws -> Self
    /// What takes the values of a port as they are; `nil` for one whose values come as bytes only.
    static func inlet<I: InletPath, Q: FlowPath, S: StageSink>(
        port: Int, by _: I.Type, _ seat: InletSeat<Q, S>, _ pipeline: Q.P, _ state: Q.F.State
    ) -> Any? where I.Value == Self, I.Input == Q.F.StageInput, Q.F.Output == S.Value
}

/// What can be sent through a shuffle.
public protocol ShuffleRecord: StageRecord {
    /// The hash that picks the partition: the same in every process.
    var partitionHash: UInt64 { get }
    func encode(key: inout ByteWriter, value: inout ByteWriter, time: EventTime)
}

extension Record {
    @inlinable public static var portCount: Int { 1 }
    @inlinable @inline(__always) public static func decode(
        _ raw: RawRecord, port: Int, time: inout EventTime
    ) throws -> Self { try decode(key: raw.key, value: raw.value) }
}

/// A value with the key it was grouped by.
public struct Keyed<Key: StreamKey, Value: Sendable>: Sendable {
    public var key: Key
    public var value: Value
    @inlinable @inline(__always) public init(key: Key, value: Value) { (self.key, self.value) = (key, value) }
}

extension Keyed: Equatable where Value: Equatable {}
extension Keyed: Hashable where Value: Hashable {}

extension Keyed: Storable where Value: Storable {
    @inlinable public func store(into writer: inout ByteWriter) {
        key.store(into: &writer)
        value.store(into: &writer)
    }
    @inlinable public static func load(from reader: inout ByteReader) throws -> Keyed {
        Keyed(key: try .load(from: &reader), value: try .load(from: &reader))
    }
}

extension Keyed: StageRecord where Value: Storable {
    @inlinable public static var portCount: Int { 1 }
    @inlinable public static func decode(_ raw: RawRecord, port: Int, time: inout EventTime) throws -> Self {
        try StageBytes.decode(raw, &time) { key, value in
            Keyed(key: try Key.load(from: &key), value: try Value.load(from: &value))
        }
    }
}

extension Keyed: ShuffleRecord where Value: Storable {
    @inlinable public var partitionHash: UInt64 { key.streamHash(seed: 0) }
    @inlinable public func encode(key keyBytes: inout ByteWriter, value bytes: inout ByteWriter, time: EventTime) {
        key.store(into: &keyBytes)
        time.store(into: &bytes)
        value.store(into: &bytes)
    }
}

/// The frame of a shuffle record: key bytes; event time in microseconds, then the payload.
@usableFromInline enum StageBytes {
    @inlinable static func decode<T>(
        _ raw: RawRecord, _ time: inout EventTime,
        _ body: (_ key: inout ByteReader, _ value: inout ByteReader) throws -> T
    ) throws -> T {
        guard let keyBytes = raw.key, let valueBytes = raw.value else { throw ByteFault(.truncated, at: 0) }
        var key = ByteReader(keyBytes)
        var value = ByteReader(valueBytes)
        time = try EventTime.load(from: &value)
        let made = try body(&key, &value)
        try key.expectEnd()
        try value.expectEnd()
        return made
    }
}
