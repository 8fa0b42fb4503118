extension UniqueID: CustomStringConvertible, LosslessStringConvertible {
    public var description: String {
        let digits = withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { Array(Hex.text($0).utf8) }
        let parts = [digits[0..<8], digits[8..<12], digits[12..<16], digits[16..<20], digits[20..<32]]
        return parts.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "-")
    }

    /// Five groups of hexadecimal digits, in either case.
    public init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.map(\.utf8.count) == [8, 4, 4, 4, 12], let bytes = Hex.bytes(parts.joined()) else { return nil }
        let halves = [bytes[..<8], bytes[8...]].map { $0.reduce(0 as UInt64) { $0 << 8 | UInt64($1) } }
        self.init(high: halves[0], low: halves[1])
    }
}

extension InternetAddress: CustomStringConvertible, LosslessStringConvertible {
    /// Dotted numbers, or RFC 5952's form of an IPv6 address.
    public var description: String {
        let bytes = bytes
        guard isV6 else { return bytes.map { String($0) }.joined(separator: ".") }
        let groups = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        // The first longest run of two or more zero groups becomes "::".
        var (best, start): (Range<Int>, Int) = (0..<0, 0)
        for i in 0...8 where i == 8 || groups[i] != 0 {
            if i - start > max(best.count, 1) { best = start..<i }
            start = i + 1
        }
        func text(_ groups: ArraySlice<UInt16>) -> String {
            groups.map { String($0, radix: 16) }.joined(separator: ":")
        }
        return best.isEmpty
            ? text(groups[...]) : text(groups[..<best.lowerBound]) + "::" + text(groups[best.upperBound...])
    }

    public init?(_ text: String) {
        guard text.utf8.contains(UInt8(ascii: ":")) else {
            guard let v4 = InternetAddress.v4(text[...]) else { return nil }
            self.init(v4: v4)
            return
        }
        // "::" may stand once, for one or more groups of zeros.
        let halves = InternetAddress.halves(text)
        guard let front = InternetAddress.groups(halves.front, isLast: halves.back == nil) else { return nil }
        var groups = front
        if let back = halves.back {
            guard let back = InternetAddress.groups(back, isLast: true), front.count + back.count < 8 else {
                return nil
            }
            groups += Array(repeating: 0, count: 8 - front.count - back.count) + back
        }
        guard groups.count == 8 else { return nil }
        let parts = [groups[..<4], groups[4...]].map { $0.reduce(0 as UInt64) { $0 << 16 | UInt64($1) } }
        self.init(v6High: parts[0], low: parts[1])
    }

    private static func halves(_ text: String) -> (front: Substring, back: Substring?) {
        let bytes = text.utf8
        for i in bytes.indices {
            let next = bytes.index(after: i)
            if next < bytes.endIndex, bytes[i] == UInt8(ascii: ":"), bytes[next] == UInt8(ascii: ":") {
                return (text[..<i], text[bytes.index(after: next)...])
            }
        }
        return (text[...], nil)
    }

    /// Groups of up to four hexadecimal digits; at the end also an IPv4 address.
    private static func groups(_ text: Substring, isLast: Bool) -> [UInt16]? {
        if text.isEmpty { return [] }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        var groups: [UInt16] = []
        for (i, part) in parts.enumerated() {
            if isLast, i == parts.count - 1, part.utf8.contains(UInt8(ascii: ".")) {
                guard let v4 = v4(part) else { return nil }
                groups += [UInt16(v4 >> 16), UInt16(truncatingIfNeeded: v4)]
            } else {
                guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy({ Hex.digit($0) != nil }),
                    let group = UInt16(part, radix: 16)
                else { return nil }
                groups.append(group)
            }
        }
        return groups
    }

    private static func v4(_ text: Substring) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt32 = 0
        for part in parts {
            // Leading zeros mean octal to some programs, so they are refused.
            guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ (48...57).contains($0) }),
                part.utf8.count == 1 || part.utf8.first != UInt8(ascii: "0"), let byte = UInt8(part)
            else { return nil }
            address = address << 8 | UInt32(byte)
        }
        return address
    }
}

extension CalendarDuration: CustomStringConvertible, LosslessStringConvertible {
    private static let units: [(name: String, months: Int64, days: Int64, nanoseconds: Int64)] = [
        ("y", 12, 0, 0), ("mo", 1, 0, 0), ("w", 0, 7, 0), ("d", 0, 1, 0), ("h", 0, 0, 3_600_000_000_000),
        ("m", 0, 0, 60_000_000_000), ("s", 0, 0, 1_000_000_000), ("ms", 0, 0, 1_000_000), ("us", 0, 0, 1_000),
        ("ns", 0, 0, 1),
    ]

    /// `1y2mo3d4h5m6s7ms8us9ns`, with a minus in front when negative, as Cassandra writes it.
    public var description: String {
        var (months, days, rest) = (UInt64(months.magnitude), UInt64(days.magnitude), nanoseconds.magnitude)
        var text = ""
        for unit in CalendarDuration.units where unit.name != "w" {
            var count: UInt64 = 0
            if unit.months > 0 {
                (count, months) = months.quotientAndRemainder(dividingBy: UInt64(unit.months))
            } else if unit.days > 0 {
                (count, days) = days.quotientAndRemainder(dividingBy: UInt64(unit.days))
            } else {
                (count, rest) = rest.quotientAndRemainder(dividingBy: UInt64(unit.nanoseconds))
            }
            if count > 0 { text += "\(count)\(unit.name)" }
        }
        if text.isEmpty { return "0s" }
        return (self.months < 0 || self.days < 0 || nanoseconds < 0 ? "-" : "") + text
    }

    /// Reads what `description` writes: numbers with units from large to small, each at most once. Also `µs` and weeks.
    public init?(_ text: String) {
        var rest = Substring(text.replacingMicro())
        let isNegative = rest.hasPrefix("-")
        if isNegative { rest = rest.dropFirst() }
        var (months, days, nanoseconds): (Int64, Int64, Int64) = (0, 0, 0)
        var lastUnit = -1
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { ("0"..."9").contains($0) }
            rest = rest.dropFirst(digits.count)
            let name = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(name.count)
            guard let count = UInt64(digits), let index = CalendarDuration.units.firstIndex(where: { $0.name == name }),
                index > lastUnit
            else { return nil }
            lastUnit = index
            let unit = CalendarDuration.units[index]
            // Summed as negative numbers, of which there is one more.
            func subtract(_ size: Int64, from sum: inout Int64) -> Bool {
                if size == 0 { return true }
                let (product, isBig) = UInt64(size).multipliedReportingOverflow(by: count)
                guard !isBig, product <= UInt64(Int64.max) + 1 else { return false }
                let (total, isBeyond) = sum.subtractingReportingOverflow(Int64(truncatingIfNeeded: product))
                guard !isBeyond || product == UInt64(Int64.max) + 1 && sum == 0 else { return false }
                sum = total
                return true
            }
            guard subtract(unit.months, from: &months), subtract(unit.days, from: &days),
                subtract(unit.nanoseconds, from: &nanoseconds)
            else { return nil }
        }
        if !isNegative {
            guard nanoseconds != .min, months != .min, days != .min else { return nil }
            (months, days, nanoseconds) = (-months, -days, -nanoseconds)
        }
        guard let months = Int32(exactly: months), let days = Int32(exactly: days) else { return nil }
        self.init(months: months, days: days, nanoseconds: nanoseconds)
    }
}

extension String {
    /// Both signs for micro as the letter u.
    fileprivate func replacingMicro() -> String {
        String(String.UnicodeScalarView(unicodeScalars.map { $0 == "\u{B5}" || $0 == "\u{3BC}" ? "u" : $0 }))
    }
}
