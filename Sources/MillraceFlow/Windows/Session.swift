public import MillraceCore

/// A window per key that ends when nothing came for a while.
public struct SessionWindow: Sendable, Hashable {
    @usableFromInline let gap: TimeSpan
    /// Values of a key whose times lie less than `gap` apart are in one session; it ends `gap` after its last value.
    public static func session(gap: TimeSpan) -> SessionWindow {
        precondition(gap > .zero, "a session needs a positive gap")
        return SessionWindow(gap: gap)
    }
}

/// One session of a key that may still grow, or get late records.
public struct OpenSession<Accumulator: Storable>: Storable {
    @usableFromInline var first: EventTime
    @usableFromInline var last: EventTime
    @usableFromInline var accumulator: Accumulator
    /// Results with the bounds that the session has now.
    @usableFromInline var fired = 0
    /// The watermark has passed the end: what comes now is late.
    @usableFromInline var isOver = false
    /// Records since the last result.
    @usableFromInline var pending = 1
    /// The wall clock at which the records since the last result are to be reported.
    @usableFromInline var reportAt = EventTime.distantFuture
    /// Results that were sent and would have to be taken back if they were no longer right.
    @usableFromInline var sent: [SentSession<Accumulator>] = []
    @inlinable init(at time: EventTime, accumulator: Accumulator) {
        (first, last, self.accumulator) = (time, time, accumulator)
    }
    public func store(into writer: inout ByteWriter) {
        first.store(into: &writer)
        last.store(into: &writer)
        writer.unsignedVarint(UInt64(fired))
        isOver.store(into: &writer)
        writer.unsignedVarint(UInt64(pending))
        reportAt.store(into: &writer)
        accumulator.store(into: &writer)
        sent.store(into: &writer)
    }
    public static func load(from reader: inout ByteReader) throws -> OpenSession {
        try load(from: &reader) { try Accumulator.load(from: &$0) }
    }
    static func load(
        from reader: inout ByteReader, _ accumulator: (inout ByteReader) throws -> Accumulator
    ) throws -> OpenSession {
        let (first, last) = (try EventTime.load(from: &reader), try EventTime.load(from: &reader))
        let fired = Int(truncatingIfNeeded: try reader.unsignedVarint())
        let isOver = try Bool.load(from: &reader)
        let pending = Int(truncatingIfNeeded: try reader.unsignedVarint())
        let reportAt = try EventTime.load(from: &reader)
        var made = OpenSession(at: first, accumulator: try accumulator(&reader))
        (made.last, made.fired, made.isOver, made.pending) = (last, fired, isOver, pending)
        made.reportAt = reportAt
        let count = try reader.checked(count: try reader.unsignedVarint(), minimumElementBytes: 18, limit: .max)
        made.sent = try (0..<count).map { _ in try SentSession.load(from: &reader, accumulator) }
        return made
    }
}

/// A result of a session, as it was sent.
public struct SentSession<Accumulator: Storable>: Storable {
    @usableFromInline let first: EventTime
    @usableFromInline let last: EventTime
    @usableFromInline let accumulator: Accumulator
    @usableFromInline let index: Int
    @usableFromInline let timing: PaneInfo.Timing
    @inlinable init(
        first: EventTime, last: EventTime, accumulator: Accumulator, index: Int, timing: PaneInfo.Timing
    ) {
        (self.first, self.last, self.accumulator) = (first, last, accumulator)
        (self.index, self.timing) = (index, timing)
    }
    public func store(into writer: inout ByteWriter) {
        first.store(into: &writer)
        last.store(into: &writer)
        writer.unsignedVarint(UInt64(index))
        writer.byte(timing.rawValue)
        accumulator.store(into: &writer)
    }
    public static func load(from reader: inout ByteReader) throws -> SentSession {
        try load(from: &reader) { try Accumulator.load(from: &$0) }
    }
    static func load(
        from reader: inout ByteReader, _ accumulator: (inout ByteReader) throws -> Accumulator
    ) throws -> SentSession {
        let (first, last) = (try EventTime.load(from: &reader), try EventTime.load(from: &reader))
        let index = Int(truncatingIfNeeded: try reader.unsignedVarint())
        guard let timing = PaneInfo.Timing(rawValue: try reader.byte()) else {
            throw ByteFault(.unknownValue, at: reader.position)
        }
        return SentSession(
            first: first, last: last, accumulator: try accumulator(&reader), index: index, timing: timing)
    }
}

/// When a key's sessions want attention, and which of them a time belongs to.
@usableFromInline struct SessionRule: Sendable {
    @usableFromInline let gap: TimeSpan
    @usableFromInline let lateness: TimeSpan
    @usableFromInline let trigger: Trigger
    @inlinable init(gap: TimeSpan, lateness: TimeSpan, trigger: Trigger) {
        (self.gap, self.lateness, self.trigger) = (gap, lateness, trigger)
    }

    /// The watermark at which the first of some sessions is due.
    @inlinable func deadline<A>(_ items: [OpenSession<A>]) -> EventTime {
        var least = EventTime.distantFuture
        for item in items {
            let waits = item.isOver || trigger.isFinalOnly
            least = min(least, item.last + gap + (waits ? lateness : .zero))
        }
        return least
    }
    /// The sessions that a value at `time` belongs to: neighbours, since sessions are in the order of time. When there
    /// is none, the place of a new one.
    @inlinable func touching<A>(_ time: EventTime, _ items: [OpenSession<A>]) -> Range<Int> {
        var start = 0
        while start < items.count, time - items[start].last >= gap { start += 1 }
        var end = start
        while end < items.count, items[end].first - time < gap { end += 1 }
        return start..<end
    }
    var description: String {
        "session window, gap \(gap.seconds) s, lateness \(lateness.seconds) s, \(trigger)"
    }
}
