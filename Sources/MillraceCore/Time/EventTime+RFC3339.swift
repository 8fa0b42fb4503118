/// Times as people and other systems write them: `2026-11-21T05:00:00.25Z`, `2026-11-21T06:00:00+01:00`.
extension EventTime {
    /// Reads RFC 3339: date, `T` or a space, time, an optional fraction, and `Z` or an offset, which must be there.
    /// Digits beyond the microsecond are cut off. A leap second is the second after it. `nil` for anything else.
    public init?(rfc3339 text: UnsafeRawBufferPointer) {
        guard text.count >= 20, let year = text.decimal(0, 4), text[4] == UInt8(ascii: "-"),
            let month = text.decimal(5, 2), text[7] == UInt8(ascii: "-"), let day = text.decimal(8, 2),
            text[10] | 0x20 == UInt8(ascii: "t") || text[10] == UInt8(ascii: " "),
            let hour = text.decimal(11, 2), text[13] == UInt8(ascii: ":"), let minute = text.decimal(14, 2),
            text[16] == UInt8(ascii: ":"), let second = text.decimal(17, 2)
        else { return nil }
        guard month >= 1, month <= 12, day >= 1, day <= CivilDate.days(in: month, of: year), hour <= 23, minute <= 59,
            second <= 60
        else { return nil }
        var at = 19
        var fraction: Int64 = 0
        if text[at] == UInt8(ascii: ".") {
            at += 1
            var scale: Int64 = 100_000
            let first = at
            while at < text.count, let digit = text.decimal(at, 1) {
                fraction += digit * scale
                scale /= 10
                at += 1
            }
            if at == first { return nil }
        }
        guard at < text.count else { return nil }
        var offset: Int64 = 0
        if text[at] | 0x20 == UInt8(ascii: "z") {
            at += 1
        } else {
            guard text[at] == UInt8(ascii: "+") || text[at] == UInt8(ascii: "-"), at + 6 == text.count,
                let hours = text.decimal(at + 1, 2), text[at + 3] == UInt8(ascii: ":"),
                let minutes = text.decimal(at + 4, 2), hours <= 23, minutes <= 59
            else { return nil }
            offset = (hours * 60 + minutes) * (text[at] == UInt8(ascii: "-") ? -60 : 60)
            at += 6
        }
        guard at == text.count else { return nil }
        let days = CivilDate(year: year, month: month, day: day).daysSince1970
        let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset
        self.init(microseconds: seconds * 1_000_000 + fraction)
    }
}

extension EventTime: Codable {
    /// A whole number is microseconds since 1970; a text is RFC 3339.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        do {
            self.init(microseconds: try container.decode(Int64.self))
        } catch DecodingError.typeMismatch {
            var text = try container.decode(String.self)
            guard let time = text.withUTF8({ EventTime(rfc3339: UnsafeRawBufferPointer($0)) }) else {
                throw DecodingError.dataCorruptedError(
                    in: container, debugDescription: "\(text) is not a time as RFC 3339 writes it")
            }
            self = time
        }
    }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(microseconds)
    }
}

extension UnsafeRawBufferPointer {
    /// `count` decimal digits from `start` on; `nil` when one is something else.
    fileprivate func decimal(_ start: Int, _ count: Int) -> Int64? {
        var value: Int64 = 0
        for i in start..<start + count {
            let digit = self[i] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            value = value * 10 + Int64(digit)
        }
        return value
    }
}
