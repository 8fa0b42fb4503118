extension EventTime: CustomStringConvertible {
    /// `2026-11-21T05:03:00.123456Z`; zeros at the end of the fraction are left out. Years beyond 9999 keep all digits.
    public var description: String {
        if self == .distantPast { return "distant past" }
        if self == .distantFuture { return "distant future" }
        let (day, micros) = divided(microseconds, by: 86_400_000_000)
        let (year, month, dayOfMonth) = civil(day)
        let seconds = micros / 1_000_000
        var text = padded(year, 4) + "-" + padded(month, 2) + "-" + padded(dayOfMonth, 2)
        text += "T" + padded(seconds / 3_600, 2) + ":" + padded(seconds / 60 % 60, 2) + ":" + padded(seconds % 60, 2)
        var fraction = micros % 1_000_000
        if fraction != 0 {
            var digits: Int64 = 6
            while fraction % 10 == 0 { (fraction, digits) = (fraction / 10, digits - 1) }
            text += "." + padded(fraction, Int(digits))
        }
        return text + "Z"
    }
}

extension TimeSpan: CustomStringConvertible {
    /// In the largest unit that leaves no fraction: `250ms`, `10s`, `-5m`, `36h`, `1500001us`.
    public var description: String {
        if microseconds == 0 { return "0s" }
        for (size, unit) in [(3_600_000_000, "h"), (60_000_000, "m"), (1_000_000, "s"), (1_000, "ms")]
            as [(Int64, String)]
        where microseconds % size == 0 {
            return "\(microseconds / size)\(unit)"
        }
        return "\(microseconds)us"
    }
}

/// Floor division with a remainder that is never negative.
private func divided(_ value: Int64, by size: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: size)
    return remainder < 0 ? (quotient - 1, remainder + size) : (quotient, remainder)
}

/// Year, month and day of a day number since 1970-01-01 in the Gregorian calendar, counted in eras of 400 years that
/// begin on the first of March, so that the leap day is the last of its year.
private func civil(_ day: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let (era, dayOfEra) = divided(day + 719_468, by: 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let march = (5 * dayOfYear + 2) / 153
    let month = march < 10 ? march + 3 : march - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * march + 2) / 5 + 1)
}

private func padded(_ value: Int64, _ width: Int) -> String {
    let digits = String(value.magnitude)
    return (value < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
}
