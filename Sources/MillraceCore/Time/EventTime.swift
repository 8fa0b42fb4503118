/// A point on the wall's time line: microseconds since 1970-01-01T00:00:00Z. Negative before.
///
/// One unit everywhere: the event time of a record, a watermark, a commit's id and a cell's write timestamp are all
/// microseconds. Kafka's milliseconds are converted at the log's edge.
public struct EventTime: Hashable, Comparable, Sendable, BitwiseCopyable {
    public var microseconds: Int64

    @inlinable public init(microseconds: Int64) { self.microseconds = microseconds }

    /// Before every record: the watermark of a stage that has seen nothing.
    public static let distantPast = EventTime(microseconds: .min)
    /// After every record: the watermark of an input that has ended.
    public static let distantFuture = EventTime(microseconds: .max)

    @inlinable public static func microseconds(_ n: Int64) -> EventTime { EventTime(microseconds: n) }
    @inlinable public static func milliseconds(_ n: Int64) -> EventTime {
        EventTime(microseconds: n.saturating(times: 1_000))
    }
    @inlinable public static func seconds(_ n: Int64) -> EventTime {
        EventTime(microseconds: n.saturating(times: 1_000_000))
    }

    @inlinable public static func < (a: EventTime, b: EventTime) -> Bool { a.microseconds < b.microseconds }

    /// Saturates at both ends, so that "end of input minus lateness" stays the end of input.
    @inlinable public static func + (t: EventTime, d: TimeSpan) -> EventTime {
        if t == .distantFuture || t == .distantPast { return t }
        return EventTime(microseconds: t.microseconds.saturating(plus: d.microseconds))
    }
    @inlinable public static func - (t: EventTime, d: TimeSpan) -> EventTime {
        if t == .distantFuture || t == .distantPast { return t }
        return EventTime(microseconds: t.microseconds.saturating(minus: d.microseconds))
    }
    @inlinable public static func - (a: EventTime, b: EventTime) -> TimeSpan {
        TimeSpan(microseconds: a.microseconds.saturating(minus: b.microseconds))
    }
}

/// A length of time in microseconds; may be negative.
public struct TimeSpan: Hashable, Comparable, Sendable, BitwiseCopyable {
    public var microseconds: Int64

    @inlinable public init(microseconds: Int64) { self.microseconds = microseconds }

    public static let zero = TimeSpan(microseconds: 0)

    @inlinable public static func microseconds(_ n: Int64) -> TimeSpan { TimeSpan(microseconds: n) }
    @inlinable public static func milliseconds(_ n: Int64) -> TimeSpan {
        TimeSpan(microseconds: n.saturating(times: 1_000))
    }
    @inlinable public static func seconds(_ n: Int64) -> TimeSpan {
        TimeSpan(microseconds: n.saturating(times: 1_000_000))
    }
    @inlinable public static func minutes(_ n: Int64) -> TimeSpan { seconds(n.saturating(times: 60)) }
    @inlinable public static func hours(_ n: Int64) -> TimeSpan { seconds(n.saturating(times: 3_600)) }
    @inlinable public static func days(_ n: Int64) -> TimeSpan { seconds(n.saturating(times: 86_400)) }

    @inlinable public static func < (a: TimeSpan, b: TimeSpan) -> Bool { a.microseconds < b.microseconds }
    @inlinable public static func + (a: TimeSpan, b: TimeSpan) -> TimeSpan {
        TimeSpan(microseconds: a.microseconds.saturating(plus: b.microseconds))
    }
    @inlinable public static func - (a: TimeSpan, b: TimeSpan) -> TimeSpan {
        TimeSpan(microseconds: a.microseconds.saturating(minus: b.microseconds))
    }
    @inlinable public static func * (a: TimeSpan, n: Int64) -> TimeSpan {
        TimeSpan(microseconds: a.microseconds.saturating(times: n))
    }

    /// Seconds with their fraction, for people and metrics.
    public var seconds: Double { Double(microseconds) / 1_000_000 }
}

extension Int64 {
    @inlinable func saturating(plus other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }
    @inlinable func saturating(minus other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other > 0 ? .min : .max) : difference
    }
    @inlinable func saturating(times other: Int64) -> Int64 {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? ((self < 0) == (other < 0) ? .max : .min) : product
    }
}
