/// The sixteen attribute bits of a batch.
public struct BatchAttributes: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    public var rawValue: UInt16
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

    @usableFromInline static let compressionMask: UInt16 = 0b111
    @usableFromInline static let appendTimeBit: UInt16 = 1 << 3
    @usableFromInline static let transactionalBit: UInt16 = 1 << 4
    @usableFromInline static let controlBit: UInt16 = 1 << 5
    @usableFromInline static let deleteHorizonBit: UInt16 = 1 << 6
    @usableFromInline static let knownBits: UInt16 = 0b111_1111

    @inlinable public init(
        compression: Compression = .none, isLogAppendTime: Bool = false, isTransactional: Bool = false,
        isControl: Bool = false, hasDeleteHorizon: Bool = false
    ) {
        rawValue =
            UInt16(compression.rawValue) | (isLogAppendTime ? Self.appendTimeBit : 0)
            | (isTransactional ? Self.transactionalBit : 0) | (isControl ? Self.controlBit : 0)
            | (hasDeleteHorizon ? Self.deleteHorizonBit : 0)
    }

    /// False when a bit is set, or a codec named, that Kafka has not defined.
    @inlinable public var isKnown: Bool { rawValue & ~Self.knownBits == 0 && rawValue & Self.compressionMask <= 4 }
    /// The codec; `.none` for a code that is not defined, which parsing refuses beforehand.
    @inlinable public var compression: Compression {
        Compression(rawValue: UInt8(rawValue & Self.compressionMask)) ?? .none
    }
    /// True when the log set the batch's time (LogAppendTime), false when the producer did (CreateTime).
    @inlinable public var isLogAppendTime: Bool { rawValue & Self.appendTimeBit != 0 }
    @inlinable public var isTransactional: Bool { rawValue & Self.transactionalBit != 0 }
    @inlinable public var isControl: Bool { rawValue & Self.controlBit != 0 }
    /// True when compaction has put the time at which tombstones and markers may go into the base timestamp.
    @inlinable public var hasDeleteHorizon: Bool { rawValue & Self.deleteHorizonBit != 0 }
}
