import MillraceCore
import Testing

@testable import MillraceLog

@Suite struct StoreCrashTests {
    static let steps: [StoreStep] = [.append, .roll, .commitPosition, .compact, .retain, .crash]

    /// All sequences of one to three steps.
    static var sequences: [[StoreStep]] {
        let one = steps.map { [$0] }
        let two = one.flatMap { first in steps.map { first + [$0] } }
        return one + two + two.flatMap { first in steps.map { first + [$0] } }
    }

    /// Runs a prelude, then the steps with the power going at the n-th call of the disk, then recovery and the checks.
    func run(_ sequence: [StoreStep], powerOffAt call: Int?, seed: UInt64) throws -> Int {
        let workload = try StoreWorkload(seed: seed)
        for step in [StoreStep.append, .append, .roll, .append, .append, .append, .roll, .appendWritten] {
            workload.perform(step)
        }
        let before = workload.bench.disk.callCount()
        if let call { workload.bench.disk.powerOff(atCall: call) }
        for step in sequence { workload.perform(step) }
        let calls = workload.bench.disk.callCount() - before
        workload.crash()
        let context = "\(sequence) power off at call \(call ?? 0) seed \(seed)"
        // Recovery itself may die, again and again.
        if seed % 3 == 0 {
            for _ in 0..<5 {
                workload.bench.disk.powerOff(atCall: Int.random(in: 1...30, using: &workload.random))
                _ = try? workload.bench.open()
                workload.crash()
            }
        }
        try workload.verify(context)
        workload.crash()
        try workload.verify(context + ", crashed again")
        return calls
    }

    /// Parts of the long proofs, so that they use more than one core.
    static let parts = 0..<4

    @Test(arguments: parts) func everyWorkloadOfUpToThreeStepsSurvivesAPowerCutAtEveryCall(part: Int) throws {
        var runs = 0
        for (number, sequence) in Self.sequences.enumerated() where number % Self.parts.count == part {
            let calls = try run(sequence, powerOffAt: nil, seed: proofSeed &+ UInt64(number))
            let stride = proofScale > 0 ? 1 : 10
            for call in Swift.stride(from: 1 + number % stride, through: calls, by: stride) {
                for round in 0..<max(1, proofScale) {
                    let seed = proofSeed &+ UInt64(number * 1_000 + call) &+ UInt64(round) << 32
                    _ = try run(sequence, powerOffAt: call, seed: seed)
                    runs += 1
                }
            }
        }
        #expect(runs > (proofScale > 0 ? 2_000 : 200))
    }

    /// 20,000 workloads, three of them on a disk, one after the other.
    @Test(arguments: parts) func randomWorkloadsSurviveCrashes(part: Int) throws {
        let rounds = (proofScale > 0 ? 6_668 * proofScale : 400) / Self.parts.count
        for round in part * rounds..<(part + 1) * rounds {
            let seed = proofSeed &+ UInt64(round) &* 7_919
            let workload = try StoreWorkload(seed: seed)
            var trail: [StoreStep] = []
            for _ in 0..<3 {
                let calls = Int.random(in: 1...150, using: &workload.random)
                workload.bench.disk.powerOff(atCall: calls)
                for _ in 0..<Int.random(in: 1...12, using: &workload.random) {
                    let step = StoreStep.allCases.randomElement(using: &workload.random)!
                    trail.append(step)
                    workload.perform(step)
                }
                workload.crash()
                try workload.verify("seed \(seed) \(trail)")
            }
        }
    }

    /// Every errno at every call, once and for good, and room again afterwards.
    @Test(arguments: [IOFault.inputOutput, IOFault.noSpace, IOFault.quota, IOFault.tooManyFiles])
    func everyFailingCallLeavesWhatWasAcknowledged(_ errno: Int32) throws {
        let steps: [StoreStep] = [
            .append, .commitPosition, .append, .roll, .append, .compact, .append, .retain, .restart, .append, .roll,
            .append,
        ]
        func attempt(_ call: Int?, sticky: Bool) throws -> Int {
            let workload = try StoreWorkload(seed: 11)
            let before = workload.bench.disk.callCount()
            if let call { workload.bench.disk.fail(at: call, with: errno, sticky: sticky) }
            for step in steps { workload.perform(step) }
            let calls = workload.bench.disk.callCount() - before
            // The process ends and starts anew on a disk that works again.
            workload.bench.disk.clearFaults()
            if (call ?? 0) % 2 == 0 {
                workload.crash()
            } else {
                workload.bench.dropStore(); workload.bench.disk.killProcess()
            }
            try workload.verify("errno \(errno) at call \(call ?? 0)\(sticky ? " and on" : "")")
            return calls
        }
        let calls = try attempt(nil, sticky: false)
        #expect(calls > 80)
        for call in 1...calls {
            for sticky in [false, true] { _ = try attempt(call, sticky: sticky) }
        }
    }
}
