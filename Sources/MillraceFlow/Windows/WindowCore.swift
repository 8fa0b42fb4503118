public import MillraceCore

/// What a window keeps per key.
public struct PaneState<Accumulator: Storable>: Sendable {
    public var accumulator: Accumulator
    /// Early and late results sent so far, and whether the key came after the on-time moment. The on-time result
    /// itself is not counted, so that sending it leaves the stored state as it is.
    @usableFromInline var fired: UInt32 = 0
    @inlinable init(accumulator: Accumulator) { self.accumulator = accumulator }
    @inlinable static var bornLate: UInt32 { 1 << 31 }
    /// The index of the next result, once the on-time moment is over.
    @inlinable var nextIndex: Int { Int(fired & ~PaneState.bornLate) + (fired & PaneState.bornLate == 0 ? 1 : 0) }
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
    @usableFromInline init(start: Int64, end: Int64, table: PaneTable<Key, PaneState<Accumulator>>) {
        (self.start, self.end, self.table) = (start, end, table)
    }
}

/// The open slices of a window step: raw storage behind one pointer, owned by the step's `WindowSlot`.
///
/// A slice is a whole window, or, when windows overlap and may share, the piece between two window edges. Slices are
/// few; keys are many: there is one table per slice, so a fired window goes as a whole.
@usableFromInline struct WindowCore<Key: StreamKey, Accumulator: Storable>: BitwiseCopyable {
    @usableFromInline typealias Table = PaneTable<Key, PaneState<Accumulator>>
    @usableFromInline struct Words {
        // The slice of the last record, so that most records need no division and no search.
        @usableFromInline var start = Int64.max
        @usableFromInline var end = Int64.min
        @usableFromInline var table: Table
        @usableFromInline var isFired = false
        /// The watermark at which something has to be done next.
        @usableFromInline var nextDue = Int64.max

        @usableFromInline let window: TimeWindow
        @usableFromInline let lateness: Int64
        @usableFromInline let seed: UInt64
        /// In the order of their starts.
        @usableFromInline var slices: [Slice<Key, Accumulator>] = []
        /// Slices that are over, kept until the store was told to forget them.
        @usableFromInline var dropped: [Slice<Key, Accumulator>] = []
        @usableFromInline var headerIsDirty = false
        /// Shared slices: every window that ends here or before has fired.
        @usableFromInline var firedThrough = Int64.min
        @usableFromInline var reader: (any StateReader)?
        @usableFromInline var name: String
        @usableFromInline init(window: TimeWindow, lateness: TimeSpan, seed: UInt64, name: String, none: Table) {
            (self.window, self.lateness, self.seed, self.name) = (window, lateness.microseconds, seed, name)
            table = none
        }
    }
    @usableFromInline let words: UnsafeMutablePointer<Words>

    @usableFromInline init(window: TimeWindow, lateness: TimeSpan, seed: UInt64, name: String) {
        words = .allocate(capacity: 1)
        let none = Table(capacity: 0, seed: seed)
        words.initialize(to: Words(window: window, lateness: lateness, seed: seed, name: name, none: none))
        none.destroy()
    }
    @usableFromInline func destroy() {
        for slice in words.pointee.slices + words.pointee.dropped { slice.table.destroy() }
        words.deinitialize(count: 1)
        words.deallocate()
    }

    /// Makes the slice of a time the current one. False when it is over: the record is late.
    @inlinable @inline(never) func locate(_ time: Int64, watermark: EventTime) -> Bool {
        let start = words.pointee.window.sliceStart(time)
        return open(start, watermark: watermark)
    }

    /// Makes the slice that begins at `start` the current one, as far as it is still open.
    @inlinable func open(_ start: Int64, watermark: EventTime) -> Bool {
        let window = words.pointee.window
        let end = start &+ window.slice
        guard lastEnd(start).saturatingAdd(words.pointee.lateness) > watermark.microseconds else { return false }
        var position = words.pointee.slices.count
        while position > 0, words.pointee.slices[position - 1].start > start { position -= 1 }
        if position > 0, words.pointee.slices[position - 1].start == start {
            enter(words.pointee.slices[position - 1])
            return true
        }
        var slice = Slice(start: start, end: end, table: Table(capacity: 8, seed: words.pointee.seed))
        // A window that the watermark has passed already has had its on-time moment, with nothing in it.
        slice.isFired = !window.isShared && end <= watermark.microseconds
        words.pointee.slices.insert(slice, at: position)
        words.pointee.headerIsDirty = true
        words.pointee.firedThrough = max(words.pointee.firedThrough, watermark.microseconds)
        words.pointee.nextDue = min(words.pointee.nextDue, due(slice))
        enter(slice)
        return true
    }
    @inlinable func enter(_ slice: Slice<Key, Accumulator>) {
        words.pointee.start = slice.start
        words.pointee.end = slice.end
        words.pointee.table = slice.table
        words.pointee.isFired = slice.isFired
    }
    @inlinable func leave() {
        words.pointee.start = .max
        words.pointee.end = .min
    }

    /// The end of the last window that a slice is part of.
    @inlinable func lastEnd(_ start: Int64) -> Int64 {
        let window = words.pointee.window
        guard window.isShared else { return start.saturatingAdd(window.slice) }
        // Windows begin at multiples of `slide`: the last one that holds the slice begins at or before it.
        return window.floor(start, to: window.slide).saturatingAdd(window.size)
    }
    /// The end of the first window of a slice that has not fired.
    @inlinable func nextEnd(_ slice: Slice<Key, Accumulator>) -> Int64 {
        let window = words.pointee.window
        let from = max(slice.end, words.pointee.firedThrough.saturatingAdd(1))
        let end = window.floor(from &- window.size &- 1, to: window.slide) &+ window.slide &+ window.size
        return end
    }
    /// The watermark at which a slice needs attention.
    @inlinable func due(_ slice: Slice<Key, Accumulator>) -> Int64 {
        if words.pointee.window.isShared { return min(nextEnd(slice), lastEnd(slice.start)) }
        return slice.isFired ? slice.end.saturatingAdd(words.pointee.lateness) : slice.end
    }
    @inlinable func findDue() {
        words.pointee.nextDue = words.pointee.slices.reduce(Int64.max) { min($0, due($1)) }
    }

    /// The first value of a key in the current slice: from the store when it may have one.
    @inlinable @inline(never) func missing(_ key: Key, _ fresh: () -> Accumulator) -> (
        value: PaneState<Accumulator>, stored: Bool
    ) {
        if words.pointee.reader != nil, let found = readThrough(key) { return (found, true) }
        var state = PaneState(accumulator: fresh())
        if words.pointee.isFired { state.fired = PaneState<Accumulator>.bornLate }
        return (state, false)
    }
}

extension Int64 {
    @inlinable func saturatingAdd(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }
}
