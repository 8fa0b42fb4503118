/// A workload's cost and answers, taken in turn with its control's.
public struct Measurement: Sendable, Codable {
    /// What the workload is held against in the same run.
    public struct Control: Sendable, Codable {
        public var name: String
        public var nanoseconds: Spread
        /// Pair by pair, so that a machine whose speed drifts does not move it: our time over the control's.
        public var ratio: Spread
        /// The same of the CPU time: what other programs on the machine disturb least. `nil` where the control is
        /// another program that tells its time alone.
        public var cpuRatio: Spread?
        /// What is judged and drawn.
        public var bestRatio: Spread { cpuRatio ?? ratio }

        public init(name: String, nanoseconds: Spread, ratio: Spread, cpuRatio: Spread?) {
            (self.name, self.nanoseconds, self.ratio, self.cpuRatio) = (name, nanoseconds, ratio, cpuRatio)
        }
    }
    /// A figure of the workload's own.
    public struct Extra: Sendable, Codable {
        public var name: String
        public var value: Double

        public init(name: String, value: Double) { (self.name, self.value) = (name, value) }
    }

    public private(set) var kind = ResultLine.Kind.workload
    public var name: String
    public var unit: String
    public var units: Int
    /// How many executions were timed.
    public var runs: Int
    public var goalText: String
    /// Per unit.
    public var nanoseconds: Spread
    public var cpuNanoseconds: Spread
    /// `nil` where the machine does not count them.
    public var allocationsPer1000: Double?
    public var instructionsPerUnit: Double?
    public var control: Control?
    /// The most that was resident during a run; where the machine cannot tell, during the process so far.
    public var peakBytes: Int64 = 0
    /// In hexadecimal digits.
    public var hash = ""
    /// A wrong answer has no figure: reports leave its times out.
    public var isWrong = false
    public var extra: [Extra] = []
    /// Why the measurement does not count: a wrong answer, or a gate that did not hold.
    public var complaints: [String] = []

    public var goal: Goal { Goal(goalText) }
    /// The part of the name before the first dot.
    public var area: String { String(name.prefix { $0 != "." }) }
    public var nameInArea: String { name.contains(".") ? String(name.dropFirst(area.count + 1)) : name }

    public init(
        name: String, unit: String, units: Int, runs: Int, goal: String = "", nanoseconds: Spread,
        cpuNanoseconds: Spread
    ) {
        (self.name, self.unit, self.units, self.runs, goalText) = (name, unit, units, runs, goal)
        (self.nanoseconds, self.cpuNanoseconds) = (nanoseconds, cpuNanoseconds)
    }
}
