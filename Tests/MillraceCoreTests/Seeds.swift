import Foundation

/// The seeds of a randomised test: `MILLRACE_SEED` repeats one of them, `MILLRACE_SCALE` multiplies how many there are.
enum Seeds {
    static func first(_ count: Int) -> [UInt64] {
        let environment = ProcessInfo.processInfo.environment
        if let seed = environment["MILLRACE_SEED"].flatMap({ UInt64($0) }) { return [seed] }
        let scale = environment["MILLRACE_SCALE"].flatMap { Double($0) } ?? 1
        return (0..<UInt64(max(1, Double(count) * scale))).map { $0 }
    }
    static func hint(_ seed: UInt64) -> String { "repeat with MILLRACE_SEED=\(seed)" }
}
