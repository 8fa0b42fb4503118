/// A small fast generator whose every run can be repeated from its seed (SplitMix64).
///
/// The only randomness in the core; a node seeds one from the system and hands out children by `split`.
public struct SeededRandom: RandomNumberGenerator, Sendable {
    @usableFromInline var state: UInt64

    @inlinable public init(seed: UInt64) { state = seed }

    @inlinable public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// An independent generator. What is drawn from either later does not change the other.
    public mutating func split() -> SeededRandom { SeededRandom(seed: next() ^ 0xD1B5_4A32_D192_ED03) }

    /// True with a chance of `numerator` in `denominator`.
    public mutating func chance(_ numerator: UInt64, in denominator: UInt64) -> Bool {
        next(upperBound: denominator) < numerator
    }
}
