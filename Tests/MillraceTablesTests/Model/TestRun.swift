import Foundation
import MillraceCore
import Testing

/// Seed and size of the randomised tests: `MILLRACE_SEED` repeats a run, `MILLRACE_SCALE` multiplies its length.
enum TestRun {
    static let seed: UInt64 =
        ProcessInfo.processInfo.environment["MILLRACE_SEED"].flatMap { UInt64($0) }
        ?? UInt64.random(in: 1...999_999_999)
    static let scale: Double = ProcessInfo.processInfo.environment["MILLRACE_SCALE"].flatMap { Double($0) } ?? 1

    static func count(_ base: Int) -> Int { max(1, Int(Double(base) * scale)) }

    /// A generator of the run's seed, different for each test.
    static func random(_ name: String) -> SeededRandom {
        SeededRandom(seed: name.utf8.reduce(seed) { $0 &* 31 &+ UInt64($1) })
    }

    /// Says how to repeat the run.
    static var replay: Comment { "repeat with MILLRACE_SEED=\(seed)" }
}

extension SeededRandom {
    mutating func below(_ n: Int) -> Int { Int(next(upperBound: UInt64(n))) }
    mutating func pick<C: RandomAccessCollection>(_ choices: C) -> C.Element where C.Index == Int {
        choices[choices.startIndex + below(choices.count)]
    }
    mutating func oneIn(_ n: UInt64) -> Bool { chance(1, in: n) }
}
