/// What a figure should reach, as people write it. Those of one bound can be judged: `≤ 1.2×` of the control's CPU
/// time, `≤ 8 ns` of CPU time a unit, `wall < 1×`. Others, such as `p99 ≤ 3×`, are only shown.
public struct Goal: Sendable, Hashable {
    enum Kind: Hashable { case cpuRatio, wallRatio, cpuNanoseconds }

    public let text: String
    let bound: Double?
    let kind: Kind

    public init(_ text: String) {
        self.text = text
        var words = text.split(separator: " ")[...]
        let isWall = words.first == "wall"
        if isWall { words.removeFirst() }
        guard let sign = words.popFirst(), ["≤", "<"].contains(sign), let figure = words.popFirst(), words.count < 2
        else {
            (bound, kind) = (nil, .cpuRatio)
            return
        }
        if figure.hasSuffix("×"), words.isEmpty {
            (bound, kind) = (Double(figure.dropLast()), isWall ? .wallRatio : .cpuRatio)
        } else {
            let scales: [Substring: Double] = ["ns": 1, "µs": 1e3, "ms": 1e6]
            let scale = words.first.flatMap { scales[$0] }
            (bound, kind) = (scale.flatMap { scale in Double(figure).map { $0 * scale } }, .cpuNanoseconds)
        }
    }

    /// `nil` where the goal cannot be judged from what was measured.
    public func isMet(by measurement: Measurement) -> Bool? {
        guard let bound else { return nil }
        switch kind {
        case .cpuRatio: return measurement.control.map { $0.bestRatio.median <= bound }
        case .wallRatio: return measurement.control.map { $0.ratio.median <= bound }
        case .cpuNanoseconds: return measurement.cpuNanoseconds.median <= bound
        }
    }
}
