public import MillraceCore

/// What a window keeps per key.
public struct PaneState<Accumulator: Storable>: Sendable {
    public var accumulator: Accumulator
    /// Early and late results sent so far, and whether the key came after the on-time moment. The on-time result
    /// itself is not counted, so that sending it leaves the stored state as it is.
    @usableFromInline var fired: UInt32 = 0
    /// Records since the last result, as far as a trigger needs to know.
    @usableFromInline var pending: UInt32 = 0
    /// For windows that retract: what the last result was made of.
    @usableFromInline var last: LastFired<Accumulator>?

    @inlinable init(accumulator: Accumulator) { self.accumulator = accumulator }
    @inlinable static var bornLate: UInt32 { 1 << 31 }
    /// The index of the next result before the on-time moment, or at it.
    @inlinable var earlyIndex: Int { Int(fired & ~PaneState.bornLate) }
    /// The index of the next result once the on-time moment is over.
    @inlinable var lateIndex: Int { earlyIndex + (fired & PaneState.bornLate == 0 ? 1 : 0) }
}

/// In an object, so that windows that do not retract pay one word for it.
@usableFromInline final class LastFired<Accumulator: Storable>: Sendable {
    @usableFromInline let accumulator: Accumulator
    @usableFromInline let index: Int
    @usableFromInline let timing: PaneInfo.Timing
    @usableFromInline init(_ accumulator: Accumulator, _ index: Int, _ timing: PaneInfo.Timing) {
        (self.accumulator, self.index, self.timing) = (accumulator, index, timing)
    }
}

extension PaneState: Storable {
    public func store(into writer: inout ByteWriter) {
        writer.unsignedVarint(UInt64(fired))
        writer.unsignedVarint(UInt64(pending))
        accumulator.store(into: &writer)
        guard let last else { return writer.byte(0) }
        writer.byte(1 + last.timing.rawValue)
        writer.unsignedVarint(UInt64(last.index))
        last.accumulator.store(into: &writer)
    }
    public static func load(from reader: inout ByteReader) throws -> PaneState {
        try load(from: &reader) { try Accumulator.load(from: &$0) }
    }
    /// With accumulators read in another way: of an older version.
    static func load(
        from reader: inout ByteReader, _ accumulator: (inout ByteReader) throws -> Accumulator
    ) throws -> PaneState {
        let fired = UInt32(truncatingIfNeeded: try reader.unsignedVarint())
        let pending = UInt32(truncatingIfNeeded: try reader.unsignedVarint())
        var state = PaneState(accumulator: try accumulator(&reader))
        (state.fired, state.pending) = (fired, pending)
        let tag = try reader.byte()
        guard tag != 0 else { return state }
        guard let timing = PaneInfo.Timing(rawValue: tag - 1) else {
            throw ByteFault(.unknownValue, at: reader.position)
        }
        let index = Int(truncatingIfNeeded: try reader.unsignedVarint())
        state.last = LastFired(try accumulator(&reader), index, timing)
        return state
    }
}

/// One slice of event time with the keys that were in it.
@usableFromInline struct Slice<Key: StreamKey, Accumulator: Storable>: BitwiseCopyable {
    @usableFromInline let start: Int64
    @usableFromInline let end: Int64
    @usableFromInline let table: PaneTable<Key, PaneState<Accumulator>>
    /// The watermark passed the end and the on-time results are out.
    @usableFromInline var isFired = false
    /// Every key the store has for this slice is in the table too.
    @usableFromInline var isComplete = true
    /// The wall clock at which keys with unreported records are to be reported.
    @usableFromInline var reportAt = EventTime.distantFuture
    @usableFromInline init(start: Int64, end: Int64, table: PaneTable<Key, PaneState<Accumulator>>) {
        (self.start, self.end, self.table) = (start, end, table)
    }
}
