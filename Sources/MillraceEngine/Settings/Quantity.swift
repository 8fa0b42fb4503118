internal import MillraceCore

/// Durations and sizes as people write them in a configuration: `50ms`, `2s`, `5m`, `64MiB`, `1GB`.
enum Quantity {
    private static let spans: [(suffix: String, microseconds: Int64)] = [
        ("us", 1), ("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000), ("d", 86_400_000_000),
    ]
    private static let sizes: [(suffix: String, bytes: Int)] = [
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("kB", 1_000), ("KB", 1_000), ("MB", 1_000_000),
        ("GB", 1_000_000_000), ("B", 1),
    ]

    static func span(_ text: String) -> TimeSpan? {
        guard let (number, suffix) = split(text), let unit = spans.first(where: { $0.suffix == suffix }) else {
            return nil
        }
        return TimeSpan(microseconds: number) * unit.microseconds
    }

    static func bytes(_ text: String) -> Int? {
        guard let (number, suffix) = split(text) else { return nil }
        let unit = suffix.isEmpty ? 1 : sizes.first { $0.suffix == suffix }?.bytes
        guard let unit else { return nil }
        let (product, overflow) = Int(number).multipliedReportingOverflow(by: unit)
        return overflow ? nil : product
    }

    /// The largest unit that divides the value, so that what is printed can be read back.
    static func text(_ span: TimeSpan) -> String {
        let unit = spans.last { span.microseconds % $0.microseconds == 0 } ?? spans[0]
        return span.microseconds == 0 ? "0s" : "\(span.microseconds / unit.microseconds)\(unit.suffix)"
    }

    static func text(bytes: Int) -> String {
        for (suffix, size) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
        where bytes >= size && bytes % size == 0 {
            return "\(bytes / size)\(suffix)"
        }
        return "\(bytes)B"
    }

    /// `12ms` → (12, "ms"). Digits only: no sign, no fraction.
    private static func split(_ text: String) -> (Int64, String)? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int64(digits) else { return nil }
        return (number, String(text.dropFirst(digits.count)))
    }
}
