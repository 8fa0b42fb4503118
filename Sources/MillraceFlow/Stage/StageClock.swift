public import MillraceCore

/// The stage's time, shared by its steps: a handle to a few words.
public struct StageClock: BitwiseCopyable {
    @usableFromInline struct Words {
        @usableFromInline var watermark = EventTime.distantPast
        @usableFromInline var observed = EventTime.distantPast
        @usableFromInline var wall = EventTime.distantPast
        @usableFromInline var ceiling = EventTime.distantFuture
        /// Counts the steps that bring a time of their own; the last one moves the watermark.
        @usableFromInline var turns = 0
        @usableFromInline var takesLogTime = false
        @usableFromInline var logTimeBound = TimeSpan.zero
        @usableFromInline var lateDropped = 0
        /// One of several inputs that holds nobody back: no record for a while, or none ever again.
        @usableFromInline var isIdle = false
        @usableFromInline var hasEnded = false
        /// The wall clock at the last record.
        @usableFromInline var lastRecord = EventTime.distantPast
        @usableFromInline init() {}
    }
    @usableFromInline let words: UnsafeMutablePointer<Words>

    init() {
        words = .allocate(capacity: 1)
        words.initialize(to: Words())
    }
    func destroy() { words.deallocate() }

    /// What the stage holds to be over: the higher of what it was told and what its own records say.
    @inlinable @inline(__always) public var watermark: EventTime { words.pointee.watermark }
    /// What the stage's own records say, by its watermark strategy; `distantPast` before the first.
    @inlinable public var observed: EventTime { words.pointee.observed }
    /// The last wall-clock reading the stage was given.
    @inlinable public var wall: EventTime { words.pointee.wall }

    /// Times beyond this are too far ahead of the wall clock.
    @inlinable public var ceiling: EventTime { words.pointee.ceiling }

    /// A record of this time was seen, under a strategy that holds the watermark `bound` behind the highest.
    @inlinable @inline(__always) public func observe(_ time: EventTime, bound: TimeSpan) {
        let candidate = time.microseconds &- bound.microseconds
        if candidate > words.pointee.observed.microseconds { raise(to: candidate, time, bound) }
    }
    @inlinable @inline(__always) func raise(to candidate: Int64, _ time: EventTime, _ bound: TimeSpan) {
        var candidate = candidate
        if time > words.pointee.ceiling { candidate = (words.pointee.ceiling - bound).microseconds }
        words.pointee.observed.microseconds = max(words.pointee.observed.microseconds, candidate)
        words.pointee.watermark.microseconds = max(words.pointee.watermark.microseconds, candidate)
    }
    @inlinable @inline(__always) func observe(_ time: EventTime, bound: TimeSpan, turn: Int) {
        if words.pointee.turns == turn { observe(time, bound: bound) }
    }
    @usableFromInline func takeLogTime(bound: TimeSpan) {
        words.pointee.takesLogTime = true
        words.pointee.logTimeBound = bound
    }
    @usableFromInline func takeOverTime() -> Int {
        words.pointee.takesLogTime = false
        words.pointee.turns += 1
        return words.pointee.turns
    }
    @usableFromInline var takesLogTime: Bool { words.pointee.takesLogTime }
    @usableFromInline var logTimeBound: TimeSpan { words.pointee.logTimeBound }
    /// A step brings a time of its own.
    @inlinable @inline(__always) var hasTurns: Bool { words.pointee.turns > 0 }
    @inlinable @inline(__always) var isSilent: Bool { words.pointee.isIdle || words.pointee.hasEnded }
    /// A record came in at one of several inputs.
    @inlinable @inline(__always) func sawRecord() {
        words.pointee.lastRecord = words.pointee.wall
        words.pointee.isIdle = false
    }
    func sawRecord(wall: EventTime) {
        words.pointee.lastRecord = wall
        words.pointee.isIdle = false
    }
    func tickIdleness(wall: EventTime, after: TimeSpan) {
        if words.pointee.lastRecord == .distantPast { words.pointee.lastRecord = wall }
        words.pointee.isIdle = wall - words.pointee.lastRecord >= after
    }
    func end() { words.pointee.hasEnded = true }
    @inlinable public var lateDropped: Int { words.pointee.lateDropped }
    @inlinable func countLate() { words.pointee.lateDropped += 1 }
    @usableFromInline func raise(toAtLeast time: EventTime) {
        words.pointee.observed = max(words.pointee.observed, time)
        words.pointee.watermark = max(words.pointee.watermark, time)
    }
    public func advance(to watermark: EventTime) {
        words.pointee.watermark = max(words.pointee.watermark, watermark)
    }
    @usableFromInline func setWall(_ wall: EventTime, futureLimit: TimeSpan) {
        words.pointee.wall = wall
        // Before the wall is known nothing is too far ahead.
        words.pointee.ceiling = wall == .distantPast ? .distantFuture : wall + futureLimit
    }
}
