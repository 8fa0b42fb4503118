import MillraceCore

/// A POSIX rule for local time, as at the end of a time zone file: `CET-1CEST,M3.5.0,M10.5.0/3`.
struct ZoneRule {
    struct Summer {
        var offset: Int32
        var start: Moment
        var end: Moment
    }
    /// A day of the year and seconds after its midnight, by the clock in force before it.
    struct Moment {
        enum Day {
            /// 1 … 365, 29 February never counted.
            case julian(Int64)
            /// 0 … 365, 29 February counted.
            case zeroBased(Int64)
            /// Of a month, the n-th (5: the last) day of the week (0: Sunday).
            case weekday(month: Int64, week: Int64, day: Int64)
        }
        var day: Day
        var seconds: Int64
    }
    let standard: Int32
    let summer: Summer?

    /// Both changes of a year, in the order of time.
    func changes(in year: Int64) -> [(time: Int64, offset: Int32)] {
        guard let summer else { return [] }
        let start = (time: summer.start.seconds(in: year) - Int64(standard), offset: summer.offset)
        let end = (time: summer.end.seconds(in: year) - Int64(summer.offset), offset: standard)
        return start.time < end.time ? [start, end] : [end, start]
    }

    init?(_ text: [UInt8]) {
        var reader = Reader(text: text)
        guard reader.name(), let standard = reader.offset() else { return nil }
        self.standard = -standard
        if reader.isAtEnd {
            summer = nil
            return
        }
        guard reader.name() else { return nil }
        var offset = self.standard + 3_600
        if reader.peek != UInt8(ascii: ",") {
            guard let given = reader.offset() else { return nil }
            offset = -given
        }
        guard reader.take(","), let start = reader.moment(), reader.take(","), let end = reader.moment(),
            reader.isAtEnd
        else { return nil }
        summer = Summer(offset: offset, start: start, end: end)
    }

    private struct Reader {
        let text: [UInt8]
        var at = 0
        init(text: [UInt8]) { self.text = text }

        var isAtEnd: Bool { at == text.count }
        var peek: UInt8 { at < text.count ? text[at] : 0 }
        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard peek == UInt8(ascii: character) else { return false }
            at += 1
            return true
        }
        /// Letters, or anything between angle brackets.
        mutating func name() -> Bool {
            let start = at
            if take("<") {
                while at < text.count, peek != UInt8(ascii: ">") { at += 1 }
                return take(">")
            }
            while (peek | 0x20) >= UInt8(ascii: "a"), (peek | 0x20) <= UInt8(ascii: "z") { at += 1 }
            return at > start
        }
        mutating func number() -> Int64? {
            let start = at
            var value: Int64 = 0
            while peek >= UInt8(ascii: "0"), peek <= UInt8(ascii: "9"), at - start < 4 {
                value = value * 10 + Int64(peek - UInt8(ascii: "0"))
                at += 1
            }
            return at > start ? value : nil
        }
        /// `[+-]h[:m[:s]]` in seconds, up to a week.
        mutating func time() -> Int64? {
            let isNegative = take("-")
            if !isNegative { _ = take("+") }
            guard let hours = number(), hours <= 167 else { return nil }
            var seconds = hours * 3_600
            if take(":") {
                guard let minutes = number(), minutes < 60 else { return nil }
                seconds += minutes * 60
                if take(":") {
                    guard let rest = number(), rest < 60 else { return nil }
                    seconds += rest
                }
            }
            return isNegative ? -seconds : seconds
        }
        mutating func offset() -> Int32? {
            guard let seconds = time(), abs(seconds) < 26 * 3_600 else { return nil }
            return Int32(seconds)
        }
        mutating func moment() -> Moment? {
            var day: Moment.Day
            if take("M") {
                guard let month = number(), take("."), let week = number(), take("."), let weekday = number(),
                    month >= 1, month <= 12, week >= 1, week <= 5, weekday <= 6
                else { return nil }
                day = .weekday(month: month, week: week, day: weekday)
            } else if take("J") {
                guard let n = number(), n >= 1, n <= 365 else { return nil }
                day = .julian(n)
            } else {
                guard let n = number(), n <= 365 else { return nil }
                day = .zeroBased(n)
            }
            guard take("/") else { return Moment(day: day, seconds: 7_200) }
            return time().map { Moment(day: day, seconds: $0) }
        }
    }
}

extension ZoneRule.Moment {
    /// Local seconds since 1970 in a year.
    func seconds(in year: Int64) -> Int64 {
        let newYear = CivilDate(year: year, month: 1, day: 1).daysSince1970
        let isLeap = CivilDate.days(in: 2, of: year) == 29
        let date: Int64
        switch day {
        case .julian(let n): date = newYear + n - 1 + (isLeap && n >= 60 ? 1 : 0)
        case .zeroBased(let n): date = newYear + n
        case .weekday(let month, let week, let weekday):
            let first = CivilDate(year: year, month: month, day: 1).daysSince1970
            // 1970-01-01 was a Thursday, the fourth day from Sunday.
            let firstWeekday = ((first + 4) % 7 + 7) % 7
            var found = first + (weekday - firstWeekday + 7) % 7 + (week - 1) * 7
            if found >= first + CivilDate.days(in: month, of: year) { found -= 7 }
            date = found
        }
        return date * 86_400 + seconds
    }
}
