internal import MillraceCore

/// `unscaled × 10^-scale`, as CQL's decimal. 1.0 and 1.00 are different values that compare the same.
public struct BigDecimal: Hashable, Sendable {
    public let unscaled: BigInteger
    public let scale: Int32
    public init(unscaled: BigInteger, scale: Int32) { (self.unscaled, self.scale) = (unscaled, scale) }

    /// Digits that fit `Limits.bigNumberBytes`: a byte holds 2.4 of them.
    static let maximumDigits = Limits.bigNumberBytes * 12 / 5

    /// The value as `0.d₁d₂d₃… × 10^exponent`, d₁ and the last digit not zero: equal values have equal parts.
    struct Normal {
        var isNegative: Bool
        var exponent: Int64
        /// 0...9; none for zero.
        var digits: [UInt8]
    }
    var normal: Normal {
        var digits = unscaled.digits
        let exponent = Int64(digits.count) - Int64(scale)
        while digits.last == 0 { digits.removeLast() }
        return digits.isEmpty
            ? Normal(isNegative: false, exponent: 0, digits: [])
            : Normal(isNegative: unscaled.isNegative, exponent: exponent, digits: digits)
    }
    /// Nil when no scale can express it.
    init?(_ normal: Normal) {
        var digits = normal.digits
        if digits.isEmpty {
            self.init(unscaled: BigInteger(0), scale: 0)
            return
        }
        let (wide, overflow) = Int64(digits.count).subtractingReportingOverflow(normal.exponent)
        guard !overflow, wide <= Int64(Int32.max) else { return nil }
        var scale = wide
        if scale < Int64(Int32.min) {
            let missing = Int64(Int32.min) - scale
            guard missing <= Int64(BigDecimal.maximumDigits - digits.count) else { return nil }
            digits.append(contentsOf: repeatElement(0, count: Int(missing)))
            scale = Int64(Int32.min)
        }
        guard let scale = Int32(exactly: scale) else { return nil }
        self.init(unscaled: BigInteger(isNegative: normal.isNegative, digits: digits), scale: scale)
    }

    /// Numeric order: negative, zero or positive as a is below, equal to or above b.
    static func order(_ a: BigDecimal, _ b: BigDecimal) -> Int {
        let (a, b) = (a.normal, b.normal)
        func sign(_ n: Normal) -> Int { n.digits.isEmpty ? 0 : n.isNegative ? -1 : 1 }
        if sign(a) != sign(b) { return sign(a) < sign(b) ? -1 : 1 }
        if a.exponent != b.exponent { return a.exponent < b.exponent ? -sign(a) : sign(a) }
        if a.digits == b.digits { return 0 }
        return a.digits.lexicographicallyPrecedes(b.digits) ? -sign(a) : sign(a)
    }
}

extension BigDecimal: CustomStringConvertible, LosslessStringConvertible {
    /// As Java writes a BigDecimal, so that reading it back gives the same unscaled value and scale.
    public var description: String {
        let digits = unscaled.isZero ? "0" : String(decoding: unscaled.digits.map { $0 + 48 }, as: UTF8.self)
        let sign = unscaled.isNegative ? "-" : ""
        let adjusted = Int64(digits.utf8.count) - 1 - Int64(scale)
        if scale == 0 { return sign + digits }
        if scale > 0, adjusted >= -6 {
            let point = digits.utf8.count - Int(scale)
            if point > 0 {
                return sign + digits.prefix(point) + "." + digits.dropFirst(point)
            }
            return sign + "0." + String(repeating: "0", count: -point) + digits
        }
        let fraction = digits.utf8.count > 1 ? "." + digits.dropFirst() : ""
        return sign + digits.prefix(1) + fraction + "E" + (adjusted > 0 ? "+" : "") + String(adjusted)
    }

    /// Reads `-12.50`, `3E+7`, `.5`; nil for anything else or for more digits than `maximumDigits`.
    public init?(_ text: String) {
        var digits: [UInt8] = []
        var (scale, isNegative, hasPoint): (Int64, Bool, Bool) = (0, false, false)
        var rest = text.utf8[...]
        if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            isNegative = sign == UInt8(ascii: "-")
            rest = rest.dropFirst()
        }
        while let byte = rest.first {
            if byte == UInt8(ascii: "."), !hasPoint {
                hasPoint = true
            } else if (48...57).contains(byte) {
                digits.append(byte - 48)
                if hasPoint { scale += 1 }
            } else {
                break
            }
            rest = rest.dropFirst()
        }
        guard !digits.isEmpty, digits.count <= BigDecimal.maximumDigits else { return nil }
        if let letter = rest.first {
            guard letter == UInt8(ascii: "e") || letter == UInt8(ascii: "E"), rest.count <= 12,
                let exponent = Int64(String(decoding: rest.dropFirst(), as: UTF8.self))
            else { return nil }
            scale -= exponent
        }
        guard let scale = Int32(exactly: scale) else { return nil }
        self.init(unscaled: BigInteger(isNegative: isNegative, digits: digits), scale: scale)
    }
}
