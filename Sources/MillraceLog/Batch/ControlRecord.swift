public import MillraceCore

/// What a control batch says. Control batches hold one record and are never handed to applications.
public enum ControlRecord: Hashable, Sendable {
    /// Ends the producer's open transaction on this partition: its records are to be skipped.
    case abort(coordinatorEpoch: Int32)
    /// Ends the producer's open transaction on this partition: its records are valid.
    case commit(coordinatorEpoch: Int32)
    /// The producer has no record before this time left to send here. Millrace's own, on internal logs; Kafka's clients
    /// skip control types they do not know.
    case watermark(EventTime)

    /// The types in the key. Kafka has given out 0 to 6; ours is "MW".
    enum Kind {
        static let abort: Int16 = 0, commit: Int16 = 1, watermark: Int16 = 0x4D57
    }
    static let version: Int16 = 0

    /// True for the two that end a transaction.
    public var isTransactionMarker: Bool {
        switch self {
        case .abort, .commit: true
        case .watermark: false
        }
    }

    var key: [UInt8] {
        var writer = ByteWriter(capacity: 4)
        writer.integer(Self.version)
        switch self {
        case .abort: writer.integer(Kind.abort)
        case .commit: writer.integer(Kind.commit)
        case .watermark: writer.integer(Kind.watermark)
        }
        return writer.bytes
    }
    var value: [UInt8] {
        var writer = ByteWriter(capacity: 10)
        writer.integer(Self.version)
        switch self {
        case .abort(let epoch), .commit(let epoch): writer.integer(epoch)
        case .watermark(let time): writer.integer(time.microseconds)
        }
        return writer.bytes
    }

    /// Reads a control record. Nil for a type this program does not know, which readers skip. Versions above ours may
    /// carry more bytes behind what we read.
    public init?(_ record: RecordView) throws(ByteFault) {
        guard let keyBytes = record.key else { throw ByteFault(.truncated, at: 0) }
        var key = ByteReader(keyBytes)
        guard try key.integer(Int16.self) >= 0 else { throw ByteFault(.unknownValue, at: 0) }
        let kind = try key.integer(Int16.self)
        guard [Kind.abort, Kind.commit, Kind.watermark].contains(kind) else { return nil }
        guard let valueBytes = record.value else { throw ByteFault(.truncated, at: 0) }
        var value = ByteReader(valueBytes)
        guard try value.integer(Int16.self) >= 0 else { throw ByteFault(.unknownValue, at: 0) }
        switch kind {
        case Kind.abort: self = .abort(coordinatorEpoch: try value.integer())
        case Kind.commit: self = .commit(coordinatorEpoch: try value.integer())
        default: self = .watermark(EventTime(microseconds: try value.integer()))
        }
    }
}

extension RecordBatchView {
    /// The control record of a control batch; nil for a data batch, an emptied one and an unknown type.
    public func controlRecord() throws(ByteFault) -> ControlRecord? {
        guard header.attributes.isControl, header.recordCount > 0 else { return nil }
        // Nobody compresses a control batch; one that is compressed is not ours to guess at.
        guard header.attributes.compression == .none else { throw ByteFault(.unknownValue, at: 21) }
        var cursor = RecordCursor(storedBody, of: header)
        guard let record = try cursor.next() else { return nil }
        return try ControlRecord(record)
    }
}
