/// A whole number of any size, as CQL's varint: big-endian two's complement in the fewest bytes, at least one.
public struct BigInteger: Hashable, Sendable {
    public let bytes: [UInt8]

    public init(_ value: some FixedWidthInteger & SignedInteger) {
        self.init(twosComplement: withUnsafeBytes(of: value.bigEndian) { Array($0) })
    }

    /// Any big-endian two's complement bytes; no bytes are zero, as in Java's reading of an empty value.
    public init(twosComplement bytes: some Collection<UInt8>) {
        var rest = bytes[...]
        while rest.count > 1, let first = rest.first {
            let next = rest[rest.index(after: rest.startIndex)]
            guard (first == 0 && next < 0x80) || (first == 0xFF && next >= 0x80) else { break }
            rest = rest.dropFirst()
        }
        self.bytes = rest.isEmpty ? [0] : Array(rest)
    }

    public var isNegative: Bool { bytes[0] >= 0x80 }
    public var isZero: Bool { bytes == [0] }

    /// The value if it fits.
    public var int64: Int64? {
        guard bytes.count <= 8 else { return nil }
        return bytes.dropFirst().reduce(Int64(Int8(bitPattern: bytes[0]))) { $0 << 8 | Int64($1) }
    }

    /// Big-endian bytes of the absolute value.
    private var magnitude: [UInt8] {
        guard isNegative else { return bytes }
        var result = bytes.map { ~$0 }
        for i in result.indices.reversed() {
            result[i] &+= 1
            if result[i] != 0 { return result }
        }
        return [1] + result
    }

    /// Decimal digits of the absolute value, 0...9, without leading zeros; none for zero.
    /// Costs the square of the length.
    var digits: [UInt8] {
        var limbs: [UInt32] = []
        let magnitude = magnitude
        var end = magnitude.count
        while end > 0 {
            let start = max(0, end - 4)
            limbs.append(magnitude[start..<end].reduce(0) { $0 << 8 | UInt32($1) })
            end = start
        }
        var digits: [UInt8] = []
        while let top = limbs.last {
            if top == 0 {
                limbs.removeLast()
                continue
            }
            var remainder: UInt64 = 0
            for i in limbs.indices.reversed() {
                let current = remainder << 32 | UInt64(limbs[i])
                limbs[i] = UInt32(current / 1_000_000_000)
                remainder = current % 1_000_000_000
            }
            for _ in 0..<9 {
                digits.append(UInt8(remainder % 10))
                remainder /= 10
            }
        }
        while digits.last == 0 { digits.removeLast() }
        return digits.reversed()
    }

    /// From decimal digits 0...9. Costs the square of the length.
    init(isNegative: Bool, digits: some Sequence<UInt8>) {
        var limbs: [UInt32] = []
        for digit in digits {
            var carry = UInt64(digit)
            for i in limbs.indices {
                let current = UInt64(limbs[i]) * 10 + carry
                limbs[i] = UInt32(truncatingIfNeeded: current)
                carry = current >> 32
            }
            if carry > 0 { limbs.append(UInt32(carry)) }
        }
        var bytes: [UInt8] = [0]
        for limb in limbs.reversed() { withUnsafeBytes(of: limb.bigEndian) { bytes.append(contentsOf: $0) } }
        if isNegative {
            bytes = bytes.map { ~$0 }
            for i in bytes.indices.reversed() {
                bytes[i] &+= 1
                if bytes[i] != 0 { break }
            }
        }
        self.init(twosComplement: bytes)
    }
}

extension BigInteger: Comparable {
    public static func < (a: BigInteger, b: BigInteger) -> Bool {
        if a.isNegative != b.isNegative { return a.isNegative }
        if a.bytes.count != b.bytes.count { return (a.bytes.count < b.bytes.count) != a.isNegative }
        return a.bytes.lexicographicallyPrecedes(b.bytes)
    }
}

extension BigInteger: CustomStringConvertible, LosslessStringConvertible {
    public var description: String {
        let digits = digits
        if digits.isEmpty { return "0" }
        return (isNegative ? "-" : "") + String(decoding: digits.map { $0 + UInt8(ascii: "0") }, as: UTF8.self)
    }

    /// An optional sign and digits, nothing else; nil also when there are more digits than `BigDecimal.maximumDigits`.
    public init?(_ text: String) {
        var rest = text.utf8[...]
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
        guard !rest.isEmpty, rest.count <= BigDecimal.maximumDigits,
            rest.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        self.init(isNegative: isNegative, digits: rest.map { $0 - UInt8(ascii: "0") })
    }
}
