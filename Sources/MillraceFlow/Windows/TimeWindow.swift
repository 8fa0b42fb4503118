public import MillraceCore

/// A window of event time that is the same for all keys.
public struct TimeWindow: Sendable, Hashable {
    /// The length, the distance between starts, and what starts are aligned to, in microseconds.
    public let size: Int64
    public let slide: Int64
    public let offset: Int64
    /// The length of the pieces that are kept: the window's own, or what all overlapping windows have in common.
    public let slice: Int64

    init(size: Int64, slide: Int64, offset: Int64) {
        precondition(size > 0 && slide > 0 && slide <= size, "a window needs a positive size and a slide within it")
        self.size = size
        self.slide = slide
        self.offset = (offset % slide + slide) % slide
        slice = slide == size ? size : TimeWindow.commonDivisor(size, slide)
    }
    static func commonDivisor(_ a: Int64, _ b: Int64) -> Int64 { b == 0 ? a : commonDivisor(b, a % b) }

    /// Windows overlap, and are put together from slices.
    @inlinable var isShared: Bool { slice != size }

    /// Back to back: each record is in one window. Windows start at multiples of `size` since 1970 UTC, plus `offset`.
    public static func tumbling(_ size: TimeSpan, offset: TimeSpan = .zero) -> TimeWindow {
        TimeWindow(size: size.microseconds, slide: size.microseconds, offset: offset.microseconds)
    }
    /// A window of `size` begins every `slide`; a record is in several of them. They share their pieces, so the cost
    /// per record is that of a tumbling window.
    public static func sliding(_ size: TimeSpan, every slide: TimeSpan, offset: TimeSpan = .zero) -> TimeWindow {
        TimeWindow(size: size.microseconds, slide: slide.microseconds, offset: offset.microseconds)
    }

    /// The start of the slice that a time is in.
    @inlinable func sliceStart(_ time: Int64) -> Int64 { floor(time, to: slice) }

    /// The last aligned time at or before `time`.
    @inlinable func floor(_ time: Int64, to step: Int64) -> Int64 {
        let shifted = time &- offset
        var quotient = shifted / step
        if shifted % step < 0 { quotient -= 1 }
        return quotient &* step &+ offset
    }
}

extension TimeWindow: CustomStringConvertible {
    public var description: String {
        let length = TimeSpan(microseconds: size).seconds
        return size == slide
            ? "tumbling \(length) s" : "sliding \(length) s every \(TimeSpan(microseconds: slide).seconds) s"
    }
}
