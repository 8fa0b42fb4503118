public import MillraceCore

/// Windows that follow no fixed length: calendar days and months.
public protocol WindowBounds: Sendable {
    /// The window a time is in, in microseconds since 1970 UTC: `start` is in it, `end` is not. Windows neither overlap
    /// nor leave gaps.
    func bounds(containing time: Int64) -> (start: Int64, end: Int64)
    /// For plans and the schema of stored state.
    var name: String { get }
}

/// A window of event time that is the same for all keys.
public struct TimeWindow: Sendable {
    @usableFromInline enum Kind: UInt8, Sendable { case tumbling, sliding, cumulative, bounds }
    @usableFromInline let kind: Kind
    /// The length, the distance between starts, and what starts are aligned to, in microseconds.
    @usableFromInline let size: Int64
    @usableFromInline let slide: Int64
    @usableFromInline let offset: Int64
    @usableFromInline let own: (any WindowBounds)?
    /// Windows that overlap are put together from slices they have in common.
    @usableFromInline var isShared: Bool

    init(_ kind: Kind, size: Int64, slide: Int64, offset: Int64, own: (any WindowBounds)? = nil) {
        precondition(size > 0 && slide > 0 && slide <= size, "a window needs a positive size and a step within it")
        self.kind = kind
        self.size = size
        self.slide = slide
        let alignment = kind == .cumulative ? size : slide
        self.offset = (offset % alignment + alignment) % alignment
        self.own = own
        isShared = kind == .cumulative || slide != size
    }

    /// Back to back: each record is in one window. Windows start at multiples of `size` since 1970 UTC, plus `offset`.
    public static func tumbling(_ size: TimeSpan, offset: TimeSpan = .zero) -> TimeWindow {
        TimeWindow(.tumbling, size: size.microseconds, slide: size.microseconds, offset: offset.microseconds)
    }
    /// A window of `size` begins every `slide`; a record is in several of them.
    ///
    /// With an aggregate that merges, no lateness and the plain trigger, windows share their pieces, and a record costs
    /// what it costs in a tumbling window; otherwise it is added to each of its windows.
    public static func sliding(_ size: TimeSpan, every slide: TimeSpan, offset: TimeSpan = .zero) -> TimeWindow {
        TimeWindow(.sliding, size: size.microseconds, slide: slide.microseconds, offset: offset.microseconds)
    }
    /// Windows that begin together every `size`, and end one `step` after the other: the day so far, every hour.
    /// `size` must be a multiple of `step`.
    public static func cumulative(_ size: TimeSpan, every step: TimeSpan, offset: TimeSpan = .zero) -> TimeWindow {
        precondition(
            step > .zero && size.microseconds % step.microseconds == 0, "a cumulative window is a multiple of its step")
        return TimeWindow(.cumulative, size: size.microseconds, slide: step.microseconds, offset: offset.microseconds)
    }
    /// One window for all time: results leave by an early trigger, and at the end of the input.
    public static var global: TimeWindow { .custom(AllTime()) }
    /// Windows with bounds of their own.
    public static func custom(_ bounds: any WindowBounds) -> TimeWindow {
        TimeWindow(.bounds, size: 1, slide: 1, offset: 0, own: bounds)
    }

    /// The same windows kept one by one.
    @usableFromInline var whole: TimeWindow {
        var window = self
        window.isShared = false
        return window
    }
    /// A record is in several windows that are kept one by one.
    @inlinable var overlaps: Bool { !isShared && slide != size }

    /// The slice that a time is in: the window itself, or the piece all windows around it have in common. For windows
    /// that overlap and are kept whole, the last one.
    @usableFromInline func slice(_ time: Int64) -> (start: Int64, end: Int64) {
        if let own { return own.bounds(containing: time) }
        guard isShared else {
            let start = floor(time, to: slide)
            return (start, start &+ size)
        }
        let length = kind == .cumulative ? slide : TimeWindow.commonDivisor(size, slide)
        let start = floor(time, to: length)
        return (start, start &+ length)
    }
    /// The end of a slice or whole window that starts at `start`.
    @usableFromInline func end(ofSliceAt start: Int64) -> Int64 {
        if !isShared, own == nil { return start &+ size }
        return slice(start).end
    }
    static func commonDivisor(_ a: Int64, _ b: Int64) -> Int64 { b == 0 ? a : commonDivisor(b, a % b) }

    /// The end of the last window that a slice is part of.
    @usableFromInline func lastEnd(ofSliceAt start: Int64) -> Int64 {
        guard isShared else { return end(ofSliceAt: start) }
        return floor(start, to: kind == .cumulative ? size : slide) &+ size
    }
    /// Shared slices: the end of the first window at `from` or later that holds the slice ending at `sliceEnd`.
    @usableFromInline func nextEnd(ofSliceTo sliceEnd: Int64, from: Int64) -> Int64 {
        let least = max(sliceEnd, from)
        guard kind == .sliding else { return floor(least &- 1, to: slide) &+ slide }
        return floor(least &- size &- 1, to: slide) &+ slide &+ size
    }
    /// Shared slices: the start of the window that ends at `end`.
    @usableFromInline func start(ofWindowTo end: Int64) -> Int64 {
        kind == .cumulative ? floor(end &- 1, to: size) : end &- size
    }

    /// The last aligned time at or before `time`.
    @usableFromInline func floor(_ time: Int64, to step: Int64) -> Int64 {
        let shifted = time &- offset
        var quotient = shifted / step
        if shifted % step < 0 { quotient -= 1 }
        return quotient &* step &+ offset
    }
}

/// One window that never ends. Its bounds are far from the ends of time, so that adding to them does not overflow.
struct AllTime: WindowBounds {
    func bounds(containing time: Int64) -> (start: Int64, end: Int64) { (Int64.min / 4, Int64.max / 4) }
    var name: String { "global" }
}

extension TimeWindow: CustomStringConvertible {
    public var description: String {
        func seconds(_ microseconds: Int64) -> String { "\(TimeSpan(microseconds: microseconds).seconds) s" }
        var text =
            switch kind {
            case .bounds: own?.name ?? "window"
            case .tumbling: "tumbling \(seconds(size))"
            case .sliding: "sliding \(seconds(size)) every \(seconds(slide))"
            case .cumulative: "cumulative \(seconds(size)) every \(seconds(slide))"
            }
        if offset != 0 { text += " offset \(seconds(offset))" }
        return text
    }
}
