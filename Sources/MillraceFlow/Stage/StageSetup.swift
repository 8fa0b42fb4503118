public import MillraceCore

/// Where a kernel's steps get their state from. Owns it: the pointers in `Flow.State` live as long as this object.
///
/// One thread at a time, as the kernel that owns it.
public final class StageSetup {
    /// Time as the step being made knows it. Lives as long as the setup.
    public internal(set) var clock: StageClock
    /// The stage's own.
    @usableFromInline let root: StageClock
    private var children: [StageClock] = []
    private var derived: [StageClock] = []
    public private(set) var slots: [any StateSlot] = []
    public private(set) var sideOutputs: [String] = []
    /// Seeds the state tables' hashes, so that keys chosen from outside cannot pile up.
    public let seed: UInt64
    public let sides: SideOutputs
    public let isSource: Bool
    public private(set) var warnings: [String] = []
    public private(set) var refusal: Failure?
    @usableFromInline var owned: [AnyObject] = []

    public init(seed: UInt64, isSource: Bool) {
        (self.seed, self.isSource) = (seed, isSource)
        root = StageClock()
        clock = root
        sides = SideOutputs()
    }
    deinit {
        root.destroy()
        for clock in children + derived { clock.destroy() }
    }

    /// Time as the steps behind the one being made know it: a step that sends results when the watermark passes them
    /// moves it on, with `advance`, once they are out; else those results would be late for the steps behind.
    public func delayTime() -> StageClock {
        clock = StageClock()
        derived.append(clock)
        return clock
    }
    var lateDropped: Int { (children + derived).reduce(root.lateDropped) { $0 + $1.lateDropped } }

    /// Makes the steps of one of several inputs, each with a time of its own; the stage's is the lowest of them.
    @usableFromInline func branch<S>(_ make: () -> S) -> S {
        let parent = clock
        let child = StageClock()
        children.append(child)
        clock = child
        defer { clock = parent }
        return make()
    }
    func combineClocks() {
        guard let first = children.first else { return }
        root.raise(toAtLeast: children.dropFirst().reduce(first.observed) { min($0, $1.observed) })
    }
    /// The inputs of a step with several start from the stage's watermark, the lowest of theirs.
    func restore(watermark: EventTime) {
        root.raise(toAtLeast: watermark)
        for child in children { child.raise(toAtLeast: watermark) }
        for clock in derived { clock.advance(to: watermark) }
    }
    func setWall(_ wall: EventTime, futureLimit: TimeSpan) {
        root.setWall(wall, futureLimit: futureLimit)
        for clock in children + derived { clock.setWall(wall, futureLimit: futureLimit) }
    }

    /// Registers a stateful step.
    public func add(_ slot: any StateSlot) { slots.append(slot) }
    /// Notes what cannot work: the plan fails with it.
    public func refuse(_ message: String, advice: String) {
        if refusal == nil { refusal = Failure(.invalidArgument, message, advice: advice) }
    }
    /// Notes state that grows with the number of keys.
    public func warnUnbounded(_ name: String) {
        warnings.append(
            "state \"\(name)\" grows with the number of keys for ever; give it a time after which keys are forgotten")
    }
    /// Whether the step being made moves the watermark, as a number to compare with; never in a stage behind a shuffle,
    /// where the producers' watermarks hold.
    public func takeOverTime() -> Int {
        isSource && !derived.contains { $0.words == clock.words } ? clock.takeOverTime() : -1
    }
    /// Keeps an object alive as long as the kernel.
    public func keep(_ object: AnyObject) { owned.append(object) }
}

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
