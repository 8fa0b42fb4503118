import MillraceCore

/// Points in time as text in UTC, both ways, without a calendar library.
enum CivilTime {
    /// `2026-03-01T12:00:00.250Z`: milliseconds, and microseconds when there are any.
    static func text(_ time: EventTime) -> String { render(time, separator: "T") + "Z" }
    /// `2026-03-01 12:00:00.250`, for columns.
    static func column(_ time: EventTime) -> String { render(time, separator: " ") }

    private static func render(_ time: EventTime, separator: String) -> String {
        if time == .distantPast { return "distant past" }
        if time == .distantFuture { return "distant future" }
        let (days, rest) = floorDivide(time.microseconds, 86_400_000_000)
        let (year, month, day) = civil(fromDays: days)
        let (seconds, micros) = (rest / 1_000_000, rest % 1_000_000)
        let clock = "\(two(seconds / 3_600)):\(two(seconds % 3_600 / 60)):\(two(seconds % 60))"
        let fraction = micros % 1_000 == 0 ? digits(micros / 1_000, 3) : digits(micros, 6)
        return "\(digits(year, 4))-\(two(month))-\(two(day))\(separator)\(clock).\(fraction)"
    }

    /// Reads what `text` writes, with any part of the time missing, or a count of milliseconds since 1970.
    static func parse(_ text: String) -> EventTime? {
        if let milliseconds = Int64(text) { return .milliseconds(milliseconds) }
        var text = text[...]
        if text.hasSuffix("Z") || text.hasSuffix("z") { text = text.dropLast() }
        let halves = text.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == "T" || $0 == "t" || $0 == " " }
        let date = halves[0].split(separator: "-", omittingEmptySubsequences: false).map { Int64($0) }
        guard date.count == 3, let year = date[0], let month = date[1], let day = date[2] else { return nil }
        guard (0...9_999).contains(year), (1...12).contains(month), (1...31).contains(day) else { return nil }
        guard civil(fromDays: daysFromCivil(year, month, day)) == (year, month, day) else { return nil }
        var micros = daysFromCivil(year, month, day) * 86_400_000_000
        if halves.count == 2 {
            guard let clock = parseClock(halves[1]) else { return nil }
            micros += clock
        }
        return EventTime(microseconds: micros)
    }
    private static func parseClock(_ text: Substring) -> Int64? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2 || parts.count == 3, let hour = Int64(parts[0]), let minute = Int64(parts[1]) else {
            return nil
        }
        guard (0...23).contains(hour), (0...59).contains(minute) else { return nil }
        var micros = (hour * 60 + minute) * 60_000_000
        if parts.count == 3 {
            let second = parts[2].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
            guard let whole = Int64(second[0]), (0...59).contains(whole) else { return nil }
            micros += whole * 1_000_000
            if second.count == 2 {
                guard (1...9).contains(second[1].count), second[1].allSatisfy({ $0.isASCII && $0.isNumber }) else {
                    return nil
                }
                micros += Int64(String(second[1]).padding(6).prefix(6)) ?? 0
            }
        }
        return micros
    }

    /// Days since 1970-01-01 of a date in the proleptic Gregorian calendar, counted in eras of 400 years from March.
    private static func daysFromCivil(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let y = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = floorDivide(y, 400)
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
    private static func civil(fromDays days: Int64) -> (Int64, Int64, Int64) {
        let (era, dayOfEra) = floorDivide(days + 719_468, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let m = (5 * dayOfYear + 2) / 153
        let (day, month) = (dayOfYear - (153 * m + 2) / 5 + 1, m < 10 ? m + 3 : m - 9)
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
    private static func floorDivide(_ a: Int64, _ b: Int64) -> (Int64, Int64) {
        let (quotient, rest) = a.quotientAndRemainder(dividingBy: b)
        return rest < 0 ? (quotient - 1, rest + b) : (quotient, rest)
    }
    private static func two(_ value: Int64) -> String { digits(value, 2) }
    private static func digits(_ value: Int64, _ count: Int) -> String {
        let text = String(value.magnitude)
        return (value < 0 ? "-" : "") + String(repeating: "0", count: max(0, count - text.count)) + text
    }
}

extension String {
    fileprivate func padding(_ count: Int) -> String {
        self + String(repeating: "0", count: max(0, count - self.count))
    }
}
