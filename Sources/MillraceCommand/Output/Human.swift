import MillraceCore

/// Sizes, counts and durations as people read and write them.
enum Human {
    /// `512 B`, `4.0 KiB`, `1.3 GiB`.
    static func text(bytes: Int64) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
        var (value, unit) = (Double(bytes), 0)
        while abs(value) >= 1_024, unit < units.count - 1 { (value, unit) = (value / 1_024, unit + 1) }
        return unit == 0 ? "\(bytes) B" : "\(decimal(value, digits: value < 100 ? 1 : 0)) \(units[unit])"
    }

    /// `1,234,567`.
    static func text(count: Int64) -> String {
        let digits = Array(String(count.magnitude))
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return count < 0 ? "-" + text : text
    }

    /// Two units at most: `3d 4h`, `2m 5s`, `1.25s`, `830ms`, `12µs`.
    static func text(span: TimeSpan) -> String {
        if span.microseconds < 0 {
            return "-" + text(span: TimeSpan(microseconds: span.microseconds == .min ? .max : -span.microseconds))
        }
        let micros = span.microseconds
        let seconds = micros / 1_000_000
        switch micros {
        case 0: return "0s"
        case ..<1_000: return "\(micros)µs"
        case ..<1_000_000: return "\(decimal(Double(micros) / 1_000, digits: micros < 10_000 ? 1 : 0))ms"
        case ..<60_000_000: return "\(trimmed(Double(micros) / 1_000_000))s"
        case ..<3_600_000_000: return pair(seconds / 60, "m", seconds % 60, "s")
        case ..<86_400_000_000: return pair(seconds / 3_600, "h", seconds % 3_600 / 60, "m")
        default: return pair(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h")
        }
    }
    private static func pair(_ a: Int64, _ aUnit: String, _ b: Int64, _ bUnit: String) -> String {
        b == 0 ? "\(a)\(aUnit)" : "\(a)\(aUnit) \(b)\(bUnit)"
    }
    private static func trimmed(_ value: Double) -> String {
        var text = decimal(value, digits: 2)
        while text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
        return text
    }

    /// A number with a fixed count of digits behind the point.
    static func decimal(_ value: Double, digits: Int) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
        var scale: Int64 = 1
        for _ in 0..<digits { scale *= 10 }
        let scaled = Int64((abs(value) * Double(scale)).rounded())
        let sign = value < 0 && scaled != 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(scaled)" }
        let rest = String(scaled % scale)
        return "\(sign)\(scaled / scale).\(String(repeating: "0", count: digits - rest.count))\(rest)"
    }

    /// `64MiB`, `1.5GiB`, `100MB`, `4096`.
    static func bytes(from text: String) -> Int64? {
        scaled(
            text,
            [
                ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("K", 1 << 10), ("M", 1 << 20),
                ("G", 1 << 30), ("kB", 1_000), ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("B", 1),
                ("", 1),
            ])
    }
    /// `500ms`, `2h`, `7d`.
    static func span(from text: String) -> TimeSpan? {
        scaled(
            text,
            [
                ("us", 1), ("µs", 1), ("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000),
                ("d", 86_400_000_000), ("w", 604_800_000_000),
            ]
        ).map { TimeSpan(microseconds: $0) }
    }
    private static func scaled(_ text: String, _ units: [(suffix: String, factor: Int64)]) -> Int64? {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let suffix = text.dropFirst(number.count).drop { $0 == " " }
        guard let unit = units.first(where: { $0.suffix == suffix }) else { return nil }
        if let whole = Int64(number) {
            let (product, overflow) = whole.multipliedReportingOverflow(by: unit.factor)
            return overflow ? nil : product
        }
        guard let value = Double(number), value >= 0, value * Double(unit.factor) < 9e18 else { return nil }
        return Int64(value * Double(unit.factor))
    }
}

extension String {
    func padded(to width: Int) -> String { self + String(repeating: " ", count: Swift.max(0, width - count)) }
    func paddedLeft(to width: Int) -> String { String(repeating: " ", count: Swift.max(0, width - count)) + self }
}
