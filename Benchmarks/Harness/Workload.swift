public import BenchmarkReport

/// One thing that is measured: a function over a number of units whose answer is hashed, and the control it is held
/// against in the same run.
public struct Workload: Sendable {
    /// What one execution did. Two executions over the same units must give the same hash.
    public struct Outcome: Sendable {
        public var units: Int
        public var hash: UInt64
        /// Figures of the workload's own, e.g. `p99 ms`; shown beside the common ones.
        public var extra: [(name: String, value: Double)]
        /// What is measured of the execution; nil is all of it.
        public var part: Part?
        public init(units: Int, hash: UInt64, extra: [(name: String, value: Double)] = [], part: Part? = nil) {
            (self.units, self.hash, self.extra, self.part) = (units, hash, extra, part)
        }
    }

    /// The most of something that passes. Wide enough for noise and compilers, narrow enough for what they must catch.
    public struct Gates: Sendable {
        public var allocationsPer1000: Double?
        /// Of x86-64; other processors count differently and are not held to it.
        public var instructionsPerUnit: Double?
        /// Calls of `swift_retain`. Counted by simulation alone: `Benchmarks/Instructions/run`.
        public var retainsPerUnit: Double?
        /// CPU time over the control's.
        public var ratio: Double?
    }

    public let name: String
    /// What a unit is: `record`, `row`, `byte`.
    public let unit: String
    public let smallUnits: Int
    public let fullUnits: Int
    public let gates: Gates
    /// What design.md holds us to, e.g. `≤ 1.2×`. Reported only: time is noisy.
    public let goal: Goal
    /// Whether the control computes the same answer, so that the hashes must be equal.
    public let controlAnswersTheSame: Bool
    public let run: @Sendable (_ units: Int) throws -> Outcome
    public let control: (name: String, run: @Sendable (_ units: Int) throws -> Outcome)?

    /// - Parameters:
    ///   - allocationGate: per 1,000 units; `instructionGate` and `retainGate` are per unit.
    ///   - ratioGate: the ratio of CPU time to the control's that no noise explains.
    public init(
        _ name: String, unit: String = "record", small: Int, full: Int, allocationGate: Double? = nil,
        instructionGate: Double? = nil, retainGate: Double? = nil, ratioGate: Double? = nil, goal: String = "",
        controlAnswersTheSame: Bool = true,
        control: (name: String, run: @Sendable (_ units: Int) throws -> Outcome)? = nil,
        run: @escaping @Sendable (_ units: Int) throws -> Outcome
    ) {
        (self.name, self.unit, smallUnits, fullUnits) = (name, unit, small, full)
        gates = Gates(
            allocationsPer1000: allocationGate, instructionsPerUnit: instructionGate, retainsPerUnit: retainGate,
            ratio: ratioGate)
        (self.goal, self.controlAnswersTheSame) = (Goal(goal), controlAnswersTheSame)
        (self.run, self.control) = (run, control)
    }
}
