public import MillraceCore

/// Names a commit, orders it and dates it: strictly increasing microseconds since 1970, and the write timestamp of
/// every cell of the commit that did not bring its own.
public struct CommitID: Hashable, Comparable, Sendable, BitwiseCopyable, CustomStringConvertible {
    public let microseconds: Int64
    public init(microseconds: Int64) { self.microseconds = microseconds }
    public static func < (a: CommitID, b: CommitID) -> Bool { a.microseconds < b.microseconds }
    public var time: EventTime { EventTime(microseconds: microseconds) }
    public var description: String { String(microseconds) }
}

/// The hybrid clock: the wall's microseconds, but never twice the same and never back. Not thread-safe.
struct HybridClock: Sendable {
    private(set) var last: Int64
    mutating func next(wall: EventTime) -> Int64 {
        last = max(last &+ 1, wall.microseconds)
        return last
    }
    mutating func raise(to value: Int64) { last = max(last, value) }
}
