import Foundation
import MillraceCore
import MillraceFlow

/// A small record whose key, time and number are all there is.
struct Row: Record, Codable, Hashable, Comparable, CustomStringConvertible {
    var k: Int
    var t: Int64
    var n: Int
    var at: EventTime { .seconds(t) }
    static func < (a: Row, b: Row) -> Bool { (a.k, a.t, a.n) < (b.k, b.t, b.n) }
    var description: String { "\(k)@\(t)#\(n)" }
}
/// The same as another type, so that sides cannot be mixed up.
struct Other: Record, Codable, Hashable, Comparable, CustomStringConvertible {
    var k: Int
    var t: Int64
    var n: Int
    var at: EventTime { .seconds(t) }
    static func < (a: Other, b: Other) -> Bool { (a.k, a.t, a.n) < (b.k, b.t, b.n) }
    var description: String { "\(k)@\(t)#\(n)" }
}

/// The seeds of a randomised test: few by default, `MILLRACE_SEEDS` of them, or the one to replay in `MILLRACE_SEED`.
func testSeeds(_ count: UInt64) -> [UInt64] {
    let environment = ProcessInfo.processInfo.environment
    if let seed = environment["MILLRACE_SEED"].flatMap({ UInt64($0) }) { return [seed] }
    return Array(0..<(environment["MILLRACE_SEEDS"].flatMap { UInt64($0) } ?? count))
}
