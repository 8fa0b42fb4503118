public import MillraceCore

/// When a window's results leave, and what they hold.
///
/// Without more, one result leaves when the watermark reaches the window's end, and a corrected one for each record
/// that comes within the allowed lateness.
public struct Trigger: Sendable, Hashable {
    /// How often, before the end or after it.
    public enum Repetition: Sendable, Hashable {
        /// After so many records of the key. Behind a pre-combining shuffle records come in bunches: at least so many.
        case count(Int)
        /// So long after the first record that has not been reported yet, by the wall clock.
        case every(TimeSpan)
    }
    public enum Panes: UInt8, Sendable, Hashable {
        /// Each result holds everything so far, and replaces the one before.
        case accumulating
        /// Each result holds what came since the one before.
        case discarding
        /// Each result holds everything so far, and the one before is taken back first.
        case retracting
    }
    public let early: Repetition?
    public let late: Repetition
    public let panes: Panes
    /// One result, when the lateness is over.
    public let isFinalOnly: Bool

    init(early: Repetition?, late: Repetition, panes: Panes, isFinalOnly: Bool) {
        for repetition in [early, late] {
            switch repetition {
            case .count(let n): precondition(n > 0, "a trigger needs at least one record")
            case .every(let span): precondition(span > .zero, "a trigger needs a positive time")
            case nil: break
            }
        }
        (self.early, self.late, self.panes, self.isFinalOnly) = (early, late, panes, isFinalOnly)
    }

    public static let atWatermark = Trigger(early: nil, late: .count(1), panes: .accumulating, isFinalOnly: false)
    /// At the watermark, and before and after it.
    public static func atWatermark(
        early: Repetition? = nil, late: Repetition = .count(1), panes: Panes = .accumulating
    ) -> Trigger { Trigger(early: early, late: late, panes: panes, isFinalOnly: false) }
    /// One result per window and key, when no record can change it any more.
    public static let final = Trigger(early: nil, late: .count(1), panes: .accumulating, isFinalOnly: true)

    /// Slices may be shared among windows: every window says one thing, once.
    @usableFromInline var isPlain: Bool { self == .atWatermark }
    /// Some results leave by the wall clock.
    var goesByWall: Bool {
        if case .every = early { return true }
        if case .every = late { return true }
        return false
    }
}

extension Trigger: CustomStringConvertible {
    public var description: String {
        if isFinalOnly { return "final only" }
        var text = "at the watermark"
        if let early { text += ", early \(early)" }
        return text + ", late \(late), \(panes)"
    }
}
