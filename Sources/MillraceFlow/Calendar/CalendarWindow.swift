import MillraceCore

/// Days, weeks or months of a time zone as windows: as long as they are there, 23 and 25 hours included.
public struct CalendarWindow: WindowBounds, Hashable {
    public enum Unit: Sendable, Hashable {
        case day
        /// Begins on this day of the week: 1 is Monday, 7 Sunday.
        case week(startingOn: Int)
        case month
    }
    public let unit: Unit
    public let zone: CalendarZone

    public init(_ unit: Unit, in zone: CalendarZone) {
        if case .week(let day) = unit { precondition(day >= 1 && day <= 7, "a week starts on day 1 to 7") }
        (self.unit, self.zone) = (unit, zone)
    }
    public var name: String {
        switch unit {
        case .day: "day in \(zone)"
        case .week(let day): "week from day \(day) in \(zone)"
        case .month: "month in \(zone)"
        }
    }

    public func bounds(containing time: Int64) -> (start: Int64, end: Int64) {
        // Far from the ends of what counts as a date, so that nothing overflows.
        let limit = Self.farthest
        let seconds = min(max(time.flooredDivision(by: 1_000_000), -limit), limit)
        let local = seconds + zone.interval(seconds).offset
        var first = firstDay(local.flooredDivision(by: 86_400))
        var start = zone.start(ofDay: first)
        // Clocks set back over midnight show the day before once more; it stays in the window that had begun.
        while start > seconds {
            first = firstDay(first - 1)
            start = zone.start(ofDay: first)
        }
        while true {
            let next = followingDay(first)
            let end = zone.start(ofDay: next)
            if seconds < end { return (start * 1_000_000, end * 1_000_000) }
            (first, start) = (next, end)
        }
    }
    /// Some 100,000 years to either side, in seconds.
    private static let farthest: Int64 = 3_155_760_000_000

    /// The first day (since 1970) of the unit a day is in.
    private func firstDay(_ day: Int64) -> Int64 {
        switch unit {
        case .day: return day
        case .week(let startingOn):
            // 1970-01-01 was a Thursday, day 4.
            let shifted = day + 4 - Int64(startingOn)
            return shifted.flooredDivision(by: 7) * 7 - 4 + Int64(startingOn)
        case .month:
            let date = CivilDate(daysSince1970: day)
            return CivilDate(year: date.year, month: date.month, day: 1).daysSince1970
        }
    }
    private func followingDay(_ first: Int64) -> Int64 {
        switch unit {
        case .day: return first + 1
        case .week: return first + 7
        case .month:
            let date = CivilDate(daysSince1970: first)
            return first + CivilDate.days(in: date.month, of: date.year)
        }
    }
}

extension TimeWindow {
    /// Days from midnight to midnight by the clocks of a zone.
    public static func day(in zone: CalendarZone) -> TimeWindow { .custom(CalendarWindow(.day, in: zone)) }
    /// Weeks of seven such days, from Monday on or another day (7: Sunday).
    public static func week(in zone: CalendarZone, startingOn day: Int = 1) -> TimeWindow {
        .custom(CalendarWindow(.week(startingOn: day), in: zone))
    }
    /// Months by the calendar of a zone.
    public static func month(in zone: CalendarZone) -> TimeWindow { .custom(CalendarWindow(.month, in: zone)) }
}
