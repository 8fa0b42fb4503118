internal import MillraceCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Where a value lies between two ends of a chart, with marks at round values.
struct Axis {
    private let low: Double
    private let high: Double
    private let isLogarithmic: Bool
    private let start: Double
    private let length: Double

    /// From 0 to a little more than the greatest value.
    static func linear(to greatest: Double, start: Double, length: Double) -> Axis {
        Axis(low: 0, high: max(greatest, 1e-12), isLogarithmic: false, start: start, length: length)
    }
    /// From the power of ten, or its double or five times, at or below the least value to the one at or above the
    /// greatest.
    static func logarithmic(_ values: [Double], start: Double, length: Double) -> Axis {
        let positive = values.filter { $0 > 0 }
        let (least, greatest) = (positive.min() ?? 1, positive.max() ?? 1)
        let low = round125(least).last { $0 <= least * 1.000_001 } ?? least
        let high = round125(greatest).first { $0 >= greatest * 0.999_999 } ?? greatest
        return Axis(
            low: low, high: high > low ? high : low * 10, isLogarithmic: true, start: start, length: length)
    }

    func place(_ value: Double) -> Double {
        let part = isLogarithmic ? log(max(value, low) / low) / log(high / low) : value / high
        return start + min(max(part, 0), 1.02) * length
    }

    /// Round values to draw marks at: at most about eight.
    var marks: [Double] {
        if isLogarithmic {
            var all: [Double] = []
            var powers: [Double] = []
            var power = pow(10, floor(log10(low)))
            while power <= high {
                let round = [power, 2 * power, 5 * power].filter { $0 >= low * 0.999_999 && $0 <= high * 1.000_001 }
                all += round
                if round.first == power { powers.append(power) }
                power *= 10
            }
            return all.count <= 8 ? all : powers
        }
        let step = Self.round125(high / 5).first { $0 >= high / 5 } ?? high
        return Array(stride(from: 0, through: high, by: step))
    }

    /// The round values around one: 1, 2 and 5 times the powers of ten.
    private static func round125(_ value: Double) -> [Double] {
        let power = pow(10, floor(log10(max(value, 1e-12))))
        return [0.5, 1, 2, 5, 10].map { $0 * power }
    }
}
