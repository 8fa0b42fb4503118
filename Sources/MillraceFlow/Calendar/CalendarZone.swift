public import MillraceCore

/// A time zone: how far local clocks are from UTC at any time, past or future.
///
/// Read once, where the pipeline is configured, and kept in the pipeline as a property. Holds a table of all changes,
/// so that a lookup is a binary search without allocation.
public struct CalendarZone: Sendable, Hashable, CustomStringConvertible {
    public let name: String
    /// Each change's time in seconds since 1970 UTC, and the seconds to add to UTC from then on. The first is before
    /// all time.
    let changes: [Int64]
    let offsets: [Int32]
    /// From here on the rule repeats every 400 years, which are a whole number of weeks.
    let repeatsFrom: Int64

    static let cycle: Int64 = 146_097 * 86_400

    init(name: String, changes: [Int64], offsets: [Int32], repeatsFrom: Int64) {
        precondition(changes.count == offsets.count && !changes.isEmpty, "a zone has an offset at all times")
        (self.name, self.changes, self.offsets, self.repeatsFrom) = (name, changes, offsets, repeatsFrom)
    }

    public static let utc = CalendarZone(name: "UTC", changes: [.min], offsets: [0], repeatsFrom: .max)
    /// Always the same distance from UTC, rounded to seconds. Needs no file.
    public static func fixed(_ fromUTC: TimeSpan) -> CalendarZone {
        let seconds = fromUTC.microseconds / 1_000_000
        precondition(seconds.magnitude < 86_400, "a zone is less than a day from UTC")
        return CalendarZone(
            name: "UTC\(seconds < 0 ? "-" : "+")\(seconds.magnitude)s", changes: [.min], offsets: [Int32(seconds)],
            repeatsFrom: .max)
    }
    public var description: String { name }

    /// The interval of constant offset that a time (seconds since 1970 UTC) is in.
    func interval(_ time: Int64) -> (start: Int64, end: Int64, offset: Int64) {
        // Folded into the last 400 years of the table, and back.
        let fold = time >= repeatsFrom ? (time - repeatsFrom) / Self.cycle * Self.cycle : 0
        let wanted = time - fold
        var (low, high) = (0, changes.count)
        while low < high {
            let middle = (low + high) / 2
            if changes[middle] <= wanted { low = middle + 1 } else { high = middle }
        }
        // A fold never leads before the first change, so `low` is at least 1.
        let start = changes[low - 1]
        let end = low < changes.count ? changes[low] : .max
        return (start == .min ? .min : start + fold, end == .max ? .max : end + fold, Int64(offsets[low - 1]))
    }
    /// Seconds that local clocks are ahead of UTC.
    public func offset(at time: EventTime) -> TimeSpan {
        .seconds(interval(time.microseconds.flooredDivision(by: 1_000_000)).offset)
    }

    /// The first moment (seconds since 1970 UTC) at which local clocks show midnight of a day or later. When clocks
    /// skip midnight it is the moment they skip it; a day that was left out begins when the next one does.
    func start(ofDay day: Int64) -> Int64 {
        let local = day * 86_400
        // Offsets are less than 26 hours, so no earlier interval can show that time.
        var at = interval(local - 26 * 3_600)
        while true {
            let moment = max(at.start, local - at.offset)
            if moment < at.end { return moment }
            at = interval(at.end)
        }
    }
}
