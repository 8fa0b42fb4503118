internal import CPlatform
internal import CountingAllocator
internal import MillraceCore

/// The cost of a piece of an execution, for workloads that must make something ready before it or clear up behind.
public struct Part: Sendable {
    public var wallSeconds: Double
    public var cpuSeconds: Double
    /// -1 where they cannot be counted.
    public var allocations: Int64

    public init(wallSeconds: Double, cpuSeconds: Double, allocations: Int64 = -1) {
        (self.wallSeconds, self.cpuSeconds, self.allocations) = (wallSeconds, cpuSeconds, allocations)
    }

    public static func timing<R>(_ body: () throws -> R) rethrows -> (R, Part) {
        let clock = ContinuousClock()
        let (allocations, cpu, start) = (counted_allocations(), mr_process_cpu_ns(), clock.now)
        let result = try body()
        let (seconds, attoseconds) = start.duration(to: clock.now).components
        return (
            result,
            Part(
                wallSeconds: Double(seconds) + Double(attoseconds) * 1e-18,
                cpuSeconds: Double(mr_process_cpu_ns() - cpu) * 1e-9,
                allocations: allocations < 0 ? -1 : counted_allocations() - allocations)
        )
    }
}

/// What one execution cost.
struct Sample {
    var part: Part
    var outcome: Workload.Outcome
    var wallSeconds: Double { part.wallSeconds }
    var cpuSeconds: Double { part.cpuSeconds }
    var allocations: Int64 { part.allocations }

    static func of(_ units: Int, _ run: (Int) throws -> Workload.Outcome) rethrows -> Sample {
        let (outcome, whole) = try Part.timing { try run(units) }
        return Sample(part: outcome.part ?? whole, outcome: outcome)
    }
}

/// A workload's samples, taken in turn with its control's.
public struct Measurement: Sendable {
    public let name: String
    public let unit: String
    public let goal: String
    public let units: Int
    public let nanosecondsPerUnit: Spread
    public let cpuNanosecondsPerUnit: Spread
    /// -1 where they cannot be counted.
    public let allocationsPer1000: Double
    public let controlName: String?
    public let controlNanosecondsPerUnit: Spread?
    /// Pair by pair, so that a machine whose speed drifts does not move it: our time over the control's.
    public let ratio: Spread?
    /// The same of the CPU time: what other programs on the machine disturb least.
    public let cpuRatio: Spread?
    public let peakBytes: Int64
    public let hash: UInt64
    public let extra: [(name: String, value: Double)]
    /// Why the measurement does not count: a wrong answer, or a gate that did not hold.
    public let complaints: [String]

    public static func of(_ workload: Workload, units: Int, runs: Int) throws -> Measurement {
        var ours: [Sample] = []
        var controls: [Sample] = []
        // One round of each to warm caches, files and branch predictors; not counted.
        _ = try workload.run(units)
        if let control = workload.control { _ = try control.run(units) }
        for _ in 0..<runs {
            ours.append(try Sample.of(units, workload.run))
            if let control = workload.control { controls.append(try Sample.of(units, control.run)) }
        }
        return Measurement(workload, units: units, ours: ours, controls: controls)
    }

    private init(_ workload: Workload, units: Int, ours: [Sample], controls: [Sample]) {
        func perUnit(_ samples: [Sample], _ seconds: (Sample) -> Double) -> Spread {
            Spread(samples.map { seconds($0) * 1e9 / Double(max(1, $0.outcome.units)) })
        }
        (name, unit, goal, self.units) = (workload.name, workload.unit, workload.goal, units)
        nanosecondsPerUnit = perUnit(ours) { $0.wallSeconds }
        cpuNanosecondsPerUnit = perUnit(ours) { $0.cpuSeconds }
        controlName = workload.control?.name
        controlNanosecondsPerUnit = controls.isEmpty ? nil : perUnit(controls) { $0.wallSeconds }
        ratio = controls.isEmpty ? nil : Spread(zip(ours, controls).map { $0.wallSeconds / max($1.wallSeconds, 1e-12) })
        cpuRatio =
            controls.isEmpty ? nil : Spread(zip(ours, controls).map { $0.cpuSeconds / max($1.cpuSeconds, 1e-12) })
        let counts = ours.filter { $0.allocations >= 0 }.map {
            Double($0.allocations) * 1000 / Double(max(1, $0.outcome.units))
        }
        allocationsPer1000 = counts.min() ?? -1
        peakBytes = mr_peak_resident_bytes()
        hash = ours[0].outcome.hash
        let beside = controls.isEmpty ? [] : controls[controls.count / 2].outcome.extra
        extra =
            ours[ours.count / 2].outcome.extra
            + beside.map { ("\(workload.control?.name ?? "control") \($0.name)", $0.value) }

        var complaints: [String] = []
        if ours.contains(where: { $0.outcome.hash != ours[0].outcome.hash }) {
            complaints.append("two runs gave different answers")
        }
        if workload.controlAnswersTheSame, let control = controls.first, control.outcome.hash != hash {
            complaints.append("the answer differs from \(workload.control?.name ?? "the control")")
        }
        if let gate = workload.allocationGate, allocationsPer1000 > gate {
            complaints.append("\(allocationsPer1000) allocations per 1,000 \(workload.unit)s, the gate is \(gate)")
        }
        let least = zip(ours, controls).map { $0.cpuSeconds / max($1.cpuSeconds, 1e-9) }.min()
        if let gate = workload.ratioGate, let least, least > gate {
            complaints.append("\(Report.digits(least)) times the control's CPU time, the gate is \(gate)")
        }
        self.complaints = complaints
    }
}

/// The least, middle and greatest of some figures.
public struct Spread: Sendable {
    public let least, median, greatest: Double
    init(_ figures: [Double]) {
        let sorted = figures.sorted()
        (least, greatest) = (sorted.first ?? 0, sorted.last ?? 0)
        median = sorted.isEmpty ? 0 : (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
}
