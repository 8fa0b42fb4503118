public import MillraceCore

/// What a window step does with its windows, besides the aggregate: flat, and copied nowhere on the way of a record.
public struct WindowRule: Sendable {
    @usableFromInline let window: TimeWindow
    @usableFromInline let lateness: Int64
    @usableFromInline let trigger: Trigger
    @usableFromInline init(window: TimeWindow, lateness: TimeSpan, trigger: Trigger, merges: Bool) {
        let shares = merges && lateness == .zero && trigger.isPlain
        self.window = shares ? window : window.whole
        (self.lateness, self.trigger) = (lateness.microseconds, trigger)
    }
    /// How many windows of a key a record's time and the lateness keep open, as far as it can be said: records ahead of
    /// the watermark open further ones.
    var openWindows: String {
        guard window.own == nil else { return "" }
        let length = window.isShared ? window.slice(0).end - window.slice(0).start : window.slide
        let span = (window.isShared ? window.size : window.size + lateness)
        return ", \((span + length - 1) / length) at a time"
    }
    var description: String {
        "\(window), lateness \(TimeSpan(microseconds: lateness).seconds) s, \(trigger)"
            + (window.isShared ? ", shared slices" : "")
    }
}

/// The open slices of a window step: raw storage behind one pointer, owned by the step's `WindowSlot`.
///
/// A slice is a whole window, or, when windows overlap and may share, the piece between two window edges. Slices are
/// few; keys are many: there is one table per slice, so a fired window goes as a whole.
@usableFromInline struct WindowCore<Key: StreamKey, Accumulator: Storable>: BitwiseCopyable {
    @usableFromInline typealias State = PaneState<Accumulator>
    @usableFromInline typealias Table = PaneTable<Key, PaneState<Accumulator>>
    @usableFromInline struct Words {
        // The slice of the last record, so that most records need no division and no search.
        @usableFromInline var start = Int64.max
        @usableFromInline var end = Int64.min
        @usableFromInline var table: Table
        /// Each record of the current slice may send a result.
        @usableFromInline var isWatched = false
        /// A record is in several windows, each with a table of its own.
        @usableFromInline let overlaps: Bool
        /// The watermark, and the wall clock, at which something has to be done next.
        @usableFromInline var nextDue = Int64.max
        @usableFromInline var nextWall = EventTime.distantFuture

        @usableFromInline let rule: WindowRule
        @usableFromInline let seed: UInt64
        @usableFromInline let name: String
        /// In the order of their starts.
        @usableFromInline var slices: [Slice<Key, Accumulator>] = []
        /// Slices that are over, kept until the store was told to forget them.
        @usableFromInline var dropped: [Slice<Key, Accumulator>] = []
        @usableFromInline var headerIsDirty = false
        /// Every window that ends here or before had its on-time moment.
        @usableFromInline var firedThrough = Int64.min
        @usableFromInline var reader: (any StateReader)?
        /// The table of a slice that is over, empty, for the next slice: windows come one after the other.
        @usableFromInline var spare: Table?
        /// Where a window's slices are put together; empty between firings.
        @usableFromInline var merged: Table?
        /// Keys of the last slice that was closed: how much room the next one will need.
        @usableFromInline var usualKeys = 8
        @usableFromInline let faults: StageFaults
        @usableFromInline init(rule: WindowRule, setup: StageSetup, name: String, none: Table) {
            (self.rule, self.name) = (rule, name)
            (seed, faults) = (setup.seed, setup.faultsInUse())
            table = none
            overlaps = rule.window.overlaps
        }
    }
    @usableFromInline let words: UnsafeMutablePointer<Words>

    @usableFromInline init(rule: WindowRule, setup: StageSetup, name: String) {
        words = .allocate(capacity: 1)
        let none = Table(capacity: 0, seed: setup.seed)
        words.initialize(to: Words(rule: rule, setup: setup, name: name, none: none))
        none.destroy()
    }
    @usableFromInline func destroy() {
        for slice in words.pointee.slices + words.pointee.dropped { slice.table.destroy() }
        freeSpare()
        words.deinitialize(count: 1)
        words.deallocate()
    }

    /// Makes the slice of a time the current one. False when it is over: the record is late.
    @inlinable @inline(never) func locate(_ time: Int64, watermark: EventTime) -> Bool {
        open(words.pointee.rule.window.slice(time).start, watermark: watermark)
    }

    /// Calls `body` with each open window of a time as the current slice, for windows that overlap and are kept whole.
    /// False when all are over.
    @inlinable @inline(never) func forEachWindow(
        of time: Int64, watermark: EventTime, _ body: () throws -> Void
    ) rethrows -> Bool {
        let window = words.pointee.rule.window
        var start = window.floor(time, to: window.slide)
        while start &- window.slide > time &- window.size { start &-= window.slide }
        var isOpen = false
        while start <= time {
            if open(start, watermark: watermark) {
                isOpen = true
                try body()
            }
            start &+= window.slide
        }
        leave()
        return isOpen
    }

    /// Makes the slice that begins at `start` the current one, as far as it is still open.
    @inlinable func open(_ start: Int64, watermark: EventTime) -> Bool {
        let rule = words.pointee.rule
        let last = rule.window.lastEnd(ofSliceAt: start)
        guard last.saturatingAdd(rule.lateness) > watermark.microseconds else { return false }
        var position = words.pointee.slices.count
        while position > 0, words.pointee.slices[position - 1].start > start { position -= 1 }
        if position > 0, words.pointee.slices[position - 1].start == start {
            enter(words.pointee.slices[position - 1])
            return true
        }
        words.pointee.firedThrough = max(words.pointee.firedThrough, watermark.microseconds)
        let table = takeTable()
        var slice = Slice(start: start, end: rule.window.end(ofSliceAt: start), table: table)
        // The on-time moment of a window that the watermark has passed is over, with nothing in it.
        slice.isFired = !rule.window.isShared && !rule.trigger.isFinalOnly && slice.end <= watermark.microseconds
        words.pointee.slices.insert(slice, at: position)
        words.pointee.headerIsDirty = true
        words.pointee.nextDue = min(words.pointee.nextDue, due(slice))
        enter(slice)
        return true
    }
    @inlinable func enter(_ slice: Slice<Key, Accumulator>) {
        words.pointee.start = slice.start
        words.pointee.end = slice.end
        words.pointee.table = slice.table
        words.pointee.isWatched = slice.isFired || words.pointee.rule.trigger.early != nil
    }
    /// The current slice's table is larger than the caches near the processor.
    @inlinable var isFar: Bool { words.pointee.start <= words.pointee.end && words.pointee.table.isFar }
    /// Asks for a key's slot in the current slice; there may be none.
    @inlinable @inline(__always) func prefetch(_ key: Key) {
        if words.pointee.start <= words.pointee.end { words.pointee.table.prefetch(key) }
    }
    /// An empty table with room for the usual number of keys.
    @inlinable func takeTable() -> Table {
        if let spare = words.pointee.spare.take() {
            if spare.capacity <= Swift.max(64, words.pointee.usualKeys &* 8) { return spare }
            spare.destroy()
        }
        return Table(capacity: words.pointee.usualKeys, seed: words.pointee.seed)
    }
    /// Keeps the table of a slice that is over for the next one, or frees it.
    @inlinable func giveBack(_ table: Table) {
        guard words.pointee.spare == nil else { return table.destroy() }
        table.reset(seed: words.pointee.seed)
        words.pointee.spare = table
    }
    @usableFromInline func freeSpare() {
        words.pointee.spare.take()?.destroy()
        words.pointee.merged.take()?.destroy()
    }
    var spareBytes: Int { (words.pointee.spare?.bytes ?? 0) + (words.pointee.merged?.bytes ?? 0) }
    /// No slice is current: the next record has to look for its own.
    @inlinable func leave() {
        words.pointee.start = .max
        words.pointee.end = .min
    }

    /// The watermark at which a slice needs attention.
    @inlinable func due(_ slice: Slice<Key, Accumulator>) -> Int64 {
        let rule = words.pointee.rule
        if rule.window.isShared {
            let next = rule.window.nextEnd(ofSliceTo: slice.end, from: words.pointee.firedThrough.saturatingAdd(1))
            return min(next, rule.window.lastEnd(ofSliceAt: slice.start))
        }
        let isOver = slice.end.saturatingAdd(rule.lateness)
        return slice.isFired || rule.trigger.isFinalOnly ? isOver : slice.end
    }
    @inlinable func findDue() {
        words.pointee.nextDue = words.pointee.slices.reduce(Int64.max) { min($0, due($1)) }
    }

    /// The first value of a key in the current slice: from the store when it may have one.
    @inlinable @inline(never) func missing(_ key: Key, _ fresh: () -> Accumulator) -> (value: State, stored: Bool) {
        if words.pointee.reader != nil, isPartlyStored, let found = readThrough(key) { return (found, true) }
        var state = State(accumulator: fresh())
        if words.pointee.end <= words.pointee.firedThrough { state.fired = State.bornLate }
        return (state, false)
    }
    /// Whether the store may have keys of the current slice that memory has not. Compiled where the types are known:
    /// every new key of every window asks.
    @inlinable var isPartlyStored: Bool {
        var index = words.pointee.slices.count
        while index > 0 {
            index -= 1
            if words.pointee.slices[index].start == words.pointee.start {
                return !words.pointee.slices[index].isComplete
            }
        }
        return false
    }
    @inlinable var keys: Int { words.pointee.slices.reduce(0) { $0 + $1.table.count } }
}

extension Int64 {
    @inlinable func saturatingAdd(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }
}
