public import MillraceCore

/// Where a kernel's steps get their state from. Owns it: the pointers in `Flow.State` live as long as this object.
///
/// One thread at a time, as the kernel that owns it.
public final class StageSetup {
    /// Time as the step being made knows it. Lives as long as the setup.
    public internal(set) var clock: StageClock
    /// The stage's own.
    @usableFromInline let root: StageClock
    private var branches: [StageBranch] = []
    private var pairs: [StageSides] = []
    private var derived: [(clock: StageClock, promise: () -> EventTime)] = []
    /// Clocks that follow the wall instead of the watermark.
    private var arrivals: [StageClock] = []
    /// The first port of the branch whose steps are being made.
    private var firstPort = 0
    private var endedPorts: Set<Int> = []
    private var storedTimes: [EventTime] = []
    public private(set) var slots: [any StateSlot] = []
    public private(set) var sideOutputs: [String] = []
    /// Seeds the state tables' hashes, so that keys chosen from outside cannot pile up.
    public let seed: UInt64
    public let sides: SideOutputs
    public let isSource: Bool
    public private(set) var warnings: [String] = []
    public private(set) var refusal: Failure?
    @usableFromInline var owned: [AnyObject] = []
    /// What a step could not do, and what closures threw while no record was being processed.
    public let faults: StageFaults

    public init(seed: UInt64, isSource: Bool) {
        (self.seed, self.isSource) = (seed, isSource)
        root = StageClock()
        clock = root
        sides = SideOutputs()
        faults = StageFaults()
    }
    deinit {
        for clock in clocks { clock.destroy() }
        faults.destroy()
    }
    private var clocks: [StageClock] { [root] + branches.map(\.clock) + derived.map(\.clock) + arrivals }

    /// Time as the steps behind the one being made know it: a step that sends results when the watermark passes them
    /// moves it on, with `advance`, once they are out; else those results would be late for the steps behind.
    public func delayTime() -> StageClock {
        let before = clock
        return delayTime { before.watermark }
    }
    /// The same for a step that promises less than its own time; `promise` says what after a restore.
    @usableFromInline func delayTime(_ promise: @escaping () -> EventTime) -> StageClock {
        clock = StageClock()
        derived.append((clock, promise))
        return clock
    }
    /// Time as a step knows it that goes by when records arrive: the wall clock's. It ends with the input.
    @usableFromInline func arrivalTime() -> StageClock {
        clock = StageClock()
        arrivals.append(clock)
        return clock
    }
    var lateDropped: Int { clocks.reduce(0) { $0 + $1.lateDropped } }

    /// Makes the steps of one of several inputs, each with a time of its own; the stage's is the lowest of them.
    @usableFromInline func branch<S>(ports: Int, _ make: () -> S) -> StageBranch.Made<S> {
        let (parent, first) = (clock, firstPort)
        let child = StageClock()
        branches.append(StageBranch(clock: child, ports: first..<first + ports))
        clock = child
        defer { (clock, firstPort) = (parent, first + ports) }
        let state = make()
        return StageBranch.Made(clock: child, after: clock, state: state)
    }
    @usableFromInline func pair(_ sides: StageSides) { pairs.append(sides) }
    /// The inner ones first: what a step with several inputs knows is an input of the next such step.
    func combineClocks() { for pair in pairs { pair.combine() } }
    /// An input whose records stopped for `idleAfter` holds nobody back until it brings one again.
    func findIdleBranches(wall: EventTime, after idleAfter: TimeSpan?) {
        guard let idleAfter else { return }
        for branch in branches { branch.clock.tickIdleness(wall: wall, after: idleAfter) }
        combineClocks()
    }
    func keepAwake(port: Int, wall: EventTime) {
        for branch in branches where branch.ports.contains(port) { branch.clock.sawRecord(wall: wall) }
    }
    /// No record will come at a port any more. Returns whether that is so of all ports.
    func end(port: Int, of count: Int) -> Bool {
        endedPorts.insert(port)
        for branch in branches where branch.ports.allSatisfy(endedPorts.contains) { branch.clock.end() }
        combineClocks()
        return endedPorts.count == count
    }
    /// What each input has said of time so far: the stage's watermark is the lowest, and a replay must find the others
    /// where they were.
    private static let branchKey = StateSchema.prefix("", .header)
    func takeDelta(into delta: inout StateDelta) {
        // Behind a shuffle the producers' watermarks hold, and inputs say nothing of their own.
        guard isSource else { return }
        let times = branches.map(\.clock.observed)
        guard times != storedTimes else { return }
        storedTimes = times
        delta.put(key: { $0.raw(Self.branchKey) }) { times.store(into: &$0) }
    }
    private func restoreBranches(from reader: any StateReader) throws(Failure) {
        guard !branches.isEmpty else { return }
        try Self.branchKey.lending { (key) throws(Failure) in
            try reader.read(key) { bytes in
                guard let bytes else { return }
                self.faults.reading("time of the inputs") {
                    var input = ByteReader(bytes)
                    self.storedTimes = try [EventTime].load(from: &input)
                }
            }
        }
        // Another number of inputs than then: all start from the stage's watermark.
        guard storedTimes.count == branches.count else { return }
        for (branch, time) in zip(branches, storedTimes) { branch.clock.raise(toAtLeast: time) }
    }

    /// The inputs of a step with several start from where they were, and not before the stage's watermark.
    func restore(from reader: any StateReader, watermark: EventTime) throws(Failure) {
        try restoreBranches(from: reader)
        root.raise(toAtLeast: watermark)
        for branch in branches { branch.clock.raise(toAtLeast: watermark) }
        // In the order of the steps: each goes by the time of the one before.
        for (clock, promise) in derived { clock.advance(to: promise()) }
    }
    func setWall(_ wall: EventTime, futureLimit: TimeSpan) {
        for clock in clocks { clock.setWall(wall, futureLimit: futureLimit) }
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
        isSource && !(derived.map(\.clock) + arrivals).contains { $0.words == clock.words } ? clock.takeOverTime() : -1
    }
    /// For steps that send results without a record at hand.
    @usableFromInline func faultsInUse() -> StageFaults {
        faults.words.pointee.isUsed = true
        return faults
    }
    /// Keeps an object alive as long as the kernel.
    public func keep(_ object: AnyObject) { owned.append(object) }
}

/// One input of a step with several: its time, and the stage's ports it reads.
@usableFromInline struct StageBranch {
    let clock: StageClock
    let ports: Range<Int>

    @usableFromInline struct Made<State> {
        @usableFromInline let clock: StageClock
        /// Time as the branch's last step leaves it.
        @usableFromInline let after: StageClock
        @usableFromInline let state: State
    }
}

/// The clocks of a step with two inputs: its own is the lower of theirs.
public struct StageSides: BitwiseCopyable {
    @usableFromInline let clock: StageClock
    @usableFromInline let left: StageClock
    @usableFromInline let right: StageClock
    @usableFromInline init(clock: StageClock, left: StageClock, right: StageClock) {
        (self.clock, self.left, self.right) = (clock, left, right)
    }
    /// Moves the step's time on. An input that is idle or over holds nobody back, and both say nothing when both are;
    /// nor do they when a step behind brings a time of its own.
    @inlinable @inline(__always) func combine() {
        if clock.hasTurns { return }
        let leftTime = left.isSilent ? EventTime.distantFuture : left.observed
        let rightTime = right.isSilent ? EventTime.distantFuture : right.observed
        let lower = min(leftTime, rightTime)
        if lower > clock.observed, lower != .distantFuture { clock.raise(toAtLeast: lower) }
    }
}
