public import BenchmarkReport
internal import CPlatform
internal import Counters
internal import MillraceCore

extension Measurement {
    public static func of(_ workload: Workload, units: Int, runs: Int) throws -> Measurement {
        // One round of each to warm caches, files and branch predictors; not counted.
        _ = try workload.run(units)
        if let control = workload.control { _ = try control.run(units) }
        // The most that is resident while ours runs: the control's and earlier workloads' is not in it.
        _ = forget_peak_memory()
        let first = try Sample(of: units, workload.run)
        let peak = peak_memory()
        var ours = [first]
        var controls: [Sample] = []
        for run in 0..<runs {
            if run > 0 { ours.append(try Sample(of: units, workload.run)) }
            if let control = workload.control { controls.append(try Sample(of: units, control.run)) }
        }
        return Measurement(
            workload, units: units, ours: ours, controls: controls, peak: peak < 0 ? mr_peak_resident_bytes() : peak)
    }

    private init(_ workload: Workload, units: Int, ours: [Sample], controls: [Sample], peak: Int64) {
        self.init(
            name: workload.name, unit: workload.unit, units: units, runs: ours.count, goal: workload.goal.text,
            nanoseconds: Spread(ours.map { $0.perUnit($0.part.wallSeconds * 1e9) }),
            cpuNanoseconds: Spread(ours.map { $0.perUnit($0.part.cpuSeconds * 1e9) }))
        allocationsPer1000 = ours.compactMap { run in run.part.allocations.map { run.perUnit(Double($0) * 1_000) } }
            .min()
        instructionsPerUnit = ours.compactMap { run in run.part.instructions.map { run.perUnit(Double($0)) } }.min()
        let cpuRatios = zip(ours, controls).map { $0.part.cpuSeconds / max($1.part.cpuSeconds, 1e-9) }
        control = workload.control.map { control in
            Control(
                name: control.name,
                nanoseconds: Spread(controls.map { $0.perUnit($0.part.wallSeconds * 1e9) }),
                ratio: Spread(zip(ours, controls).map { $0.part.wallSeconds / max($1.part.wallSeconds, 1e-9) }),
                cpuRatio: Spread(cpuRatios))
        }
        peakBytes = peak
        hash = String(ours[0].outcome.hash, radix: 16)
        let beside = controls.isEmpty ? [] : controls[controls.count / 2].outcome.extra
        extra =
            ours[ours.count / 2].outcome.extra.map { Extra(name: $0.name, value: $0.value) }
            + beside.map { Extra(name: "\(workload.control?.name ?? "control") \($0.name)", value: $0.value) }
        let answer = ours[0].outcome.hash
        if ours.contains(where: { $0.outcome.hash != answer }) {
            complaints.append("two runs gave different answers")
        }
        if workload.controlAnswersTheSame, let name = control?.name,
            controls.contains(where: { $0.outcome.hash != answer })
        {
            complaints.append("the answer differs from \(name)'s")
        }
        isWrong = !complaints.isEmpty
        check(workload.gates, leastRatio: cpuRatios.min())
    }

    private mutating func check(_ gates: Workload.Gates, leastRatio: Double?) {
        func beyond(_ figure: Double?, _ gate: Double?) -> (Double, Double)? {
            guard let figure, let gate, figure > gate else { return nil }
            return (figure, gate)
        }
        if let (count, gate) = beyond(allocationsPer1000, gates.allocationsPer1000) {
            complaints.append("\(Digits.of(count)) allocations per 1,000 \(unit)s, the gate is \(Digits.of(gate))")
        }
        #if arch(x86_64)
            if let (count, gate) = beyond(instructionsPerUnit, gates.instructionsPerUnit) {
                complaints.append("\(Digits.of(count)) instructions per \(unit), the gate is \(Digits.of(gate))")
            }
        #endif
        if let (ratio, gate) = beyond(leastRatio, gates.ratio) {
            complaints.append("\(Digits.of(ratio)) times the control's CPU time, the gate is \(Digits.of(gate))")
        }
    }
}

/// What one execution cost.
private struct Sample {
    var part: Part
    var outcome: Workload.Outcome

    init(of units: Int, _ run: (Int) throws -> Workload.Outcome) rethrows {
        let (outcome, whole) = try Part.timing { try run(units) }
        (part, self.outcome) = (outcome.part ?? whole, outcome)
    }

    func perUnit(_ figure: Double) -> Double { figure / Double(max(1, outcome.units)) }
}
