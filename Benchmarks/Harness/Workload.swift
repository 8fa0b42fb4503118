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

    public let name: String
    /// What a unit is: `record`, `row`, `byte`.
    public let unit: String
    public let smallUnits: Int
    public let fullUnits: Int
    /// The most allocations per 1,000 units that pass; `nil` where they are not gated.
    public let allocationGate: Double?
    /// The ratio of CPU time to the control's that no noise explains: beyond it the compiler has lost something.
    public let ratioGate: Double?
    /// The ratio to the control that design.md holds us to, e.g. `≤ 1.2×`. Reported only: time is noisy.
    public let goal: String
    /// Whether the control computes the same answer, so that the hashes must be equal.
    public let controlAnswersTheSame: Bool
    public let run: @Sendable (_ units: Int) throws -> Outcome
    public let control: (name: String, run: @Sendable (_ units: Int) throws -> Outcome)?

    public init(
        _ name: String, unit: String = "record", small: Int, full: Int, allocationGate: Double? = nil,
        ratioGate: Double? = nil, goal: String = "",
        controlAnswersTheSame: Bool = true,
        control: (name: String, run: @Sendable (_ units: Int) throws -> Outcome)? = nil,
        run: @escaping @Sendable (_ units: Int) throws -> Outcome
    ) {
        (self.name, self.unit, smallUnits, fullUnits) = (name, unit, small, full)
        self.ratioGate = ratioGate
        (self.allocationGate, self.goal, self.controlAnswersTheSame) = (allocationGate, goal, controlAnswersTheSame)
        (self.run, self.control) = (run, control)
    }
}
