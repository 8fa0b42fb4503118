internal import MillraceCore

/// Dates and times as ISO 8601 text, in the Gregorian calendar extended to all years.
enum Calendar {
    static let millisecondsPerDay: Int64 = 86_400_000

    static func date(_ days: Int32) -> String {
        let (year, month, day) = civil(Int64(days))
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
    }

    /// `2026-03-01`, with a sign and more digits for years beyond 0...9999.
    static func date(_ text: some StringProtocol) -> Int32? { days(text).flatMap { Int32(exactly: $0) } }

    private static func days(_ text: some StringProtocol) -> Int64? {
        let isNegative = text.hasPrefix("-")
        let rest = isNegative || text.hasPrefix("+") ? text.dropFirst() : text[...]
        let parts = rest.split(separator: "-", omittingEmptySubsequences: false)
        // The years of Int64 milliseconds have nine digits.
        guard parts.count == 3, (4...9).contains(parts[0].utf8.count), parts[1].utf8.count == 2,
            parts[2].utf8.count == 2,
            let year = digits(parts[0]), let month = digits(parts[1]), let day = digits(parts[2])
        else { return nil }
        let signed = isNegative ? -year : year
        let result = number(year: signed, month: month, day: day)
        guard (1...12).contains(month), day >= 1, civil(result) == (signed, month, day) else { return nil }
        return result
    }

    /// Nine digits behind the point, as Cassandra writes it.
    static func time(_ nanoseconds: Int64) -> String {
        let seconds = nanoseconds / 1_000_000_000
        let clock = "\(padded(seconds / 3_600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
        return clock + "." + padded(nanoseconds % 1_000_000_000, 9)
    }

    /// `13:30`, `13:30:05` or with one to nine digits behind a point.
    static func time(_ text: some StringProtocol) -> Int64? {
        let halves = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let parts = halves[0].split(separator: ":", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), parts.allSatisfy({ $0.utf8.count == 2 }),
            let hours = digits(parts[0]), let minutes = digits(parts[1]),
            let seconds = parts.count == 3 ? digits(parts[2]) : 0, hours < 24, minutes < 60, seconds < 60
        else { return nil }
        var nanoseconds = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000_000
        if halves.count == 2 {
            guard parts.count == 3, (1...9).contains(halves[1].utf8.count), let fraction = digits(halves[1]) else {
                return nil
            }
            nanoseconds += (0..<(9 - halves[1].utf8.count)).reduce(fraction) { value, _ in value * 10 }
        }
        return nanoseconds
    }

    /// `2026-03-01T12:00:00.250Z`, always with three digits behind the point.
    static func timestamp(_ milliseconds: Int64) -> String {
        var (days, rest) = milliseconds.quotientAndRemainder(dividingBy: millisecondsPerDay)
        if rest < 0 { (days, rest) = (days - 1, rest + millisecondsPerDay) }
        let (year, month, day) = civil(days)
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T" + time(rest * 1_000_000).dropLast(6) + "Z"
    }

    /// Milliseconds as a number, or a date with a time and a zone (`Z`, `+02:00`, `+0200`); without a time it is
    /// midnight, and without a zone it is UTC. Parts of a millisecond are refused, since they would be lost.
    static func timestamp(_ text: String) -> Int64? {
        if let number = Int64(text), !text.hasPrefix("+") { return number }
        let halves = text.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == "T" || $0 == " " }
        guard let days = days(halves[0]) else { return nil }
        // The first day there is begins before the first millisecond there is.
        let midnight = Int128(days) * Int128(millisecondsPerDay)
        guard halves.count == 2 else { return Int64(exactly: midnight) }
        var clock = halves[1]
        var shift: Int64 = 0
        if clock.hasSuffix("Z") {
            clock = clock.dropLast()
        } else if let sign = clock.lastIndex(where: { $0 == "+" || $0 == "-" }) {
            let zone = clock[clock.index(after: sign)...].filter { $0 != ":" }
            guard zone.utf8.count == 4, let value = digits(zone), value % 100 < 60, value / 100 <= 18 else {
                return nil
            }
            shift = (value / 100 * 60 + value % 100) * 60_000 * (clock[sign] == "-" ? -1 : 1)
            clock = clock[..<sign]
        }
        guard let nanoseconds = time(clock), nanoseconds % 1_000_000 == 0 else { return nil }
        return Int64(exactly: midnight + Int128(nanoseconds / 1_000_000 - shift))
    }

    static func digits(_ text: some StringProtocol) -> Int64? {
        text.utf8.allSatisfy { (48...57).contains($0) } ? Int64(text) : nil
    }

    static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value.magnitude)
        return (value < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    /// Eras of 400 years that begin on the first of March, so that the leap day is the last of its year.
    private static func civil(_ day: Int64) -> (Int64, Int64, Int64) {
        var (era, dayOfEra) = (day + 719_468).quotientAndRemainder(dividingBy: 146_097)
        if dayOfEra < 0 { (era, dayOfEra) = (era - 1, dayOfEra + 146_097) }
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let march = (5 * dayOfYear + 2) / 153
        let month = march < 10 ? march + 3 : march - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * march + 2) / 5 + 1)
    }

    private static func number(year: Int64, month: Int64, day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        var (era, yearOfEra) = year.quotientAndRemainder(dividingBy: 400)
        if yearOfEra < 0 { (era, yearOfEra) = (era - 1, yearOfEra + 400) }
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
