import MillraceCore

/// What one event's random numbers are made into. A stream is made while it is measured, so none of this
/// divides.
struct Draws {
    private var random: SeededRandom

    /// - Parameter number: of the event; each has draws of its own, so that any of them can be made alone.
    init(seed: UInt64, event number: Int64) {
        random = SeededRandom(seed: seed &+ UInt64(number) &* 0xA076_1D64_78BD_642F)
    }

    mutating func next() -> UInt64 { random.next() }
    /// Below `bound`; the lowest numbers are more likely by less than 1 in 2⁴⁰.
    mutating func below(_ bound: UInt64) -> UInt64 { random.next().multipliedFullWidth(by: bound).high }
    /// Between 1.00 and 1,000,000.00 in cents; every order of magnitude equally likely.
    mutating func price() -> Int64 {
        let magnitude: UInt64 =
            switch below(6) {
            case 0: 100
            case 1: 1_000
            case 2: 10_000
            case 3: 100_000
            case 4: 1_000_000
            default: 10_000_000
            }
        return Int64(magnitude + below(magnitude * 9))
    }
    mutating func pick(_ names: [ShortText]) -> ShortText { names[Int(below(UInt64(names.count)))] }
}
