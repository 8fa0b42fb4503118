internal import MillraceCore

/// The least, middle and greatest of some figures.
public struct Spread: Sendable, Codable, Hashable {
    public let least, median, greatest: Double

    public init(_ figures: [Double]) {
        let sorted = figures.sorted()
        (least, greatest) = (sorted.first ?? 0, sorted.last ?? 0)
        median = sorted.isEmpty ? 0 : (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }

    public init(from decoder: any Decoder) throws {
        var figures = try decoder.unkeyedContainer()
        least = try figures.decode(Double.self)
        median = try figures.decode(Double.self)
        greatest = try figures.decode(Double.self)
    }
    public func encode(to encoder: any Encoder) throws {
        var figures = encoder.unkeyedContainer()
        for figure in [least, median, greatest] { try figures.encode(figure) }
    }

    /// How far the figures are from the median, in parts of it: half of their range.
    var halfRange: Double { median == 0 ? 0 : (greatest - least) / 2 / median }
}
