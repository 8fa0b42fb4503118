public enum MetricKind: String, Sendable { case counter, gauge, histogram }

/// Names and values that tell one series of a metric from another, in the order of their names.
public struct MetricLabels: Hashable, Sendable, Comparable, ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral {
    public let pairs: [Pair]
    public struct Pair: Hashable, Sendable {
        public let name: String, value: String
    }

    public init(_ pairs: [(String, String)]) {
        self.pairs = pairs.map { Pair(name: $0.0, value: $0.1) }.sorted { $0.name < $1.name }
    }
    public init(dictionaryLiteral elements: (String, String)...) { self.init(elements) }
    /// Only the empty literal `[]`.
    public init(arrayLiteral elements: Never...) { self.init([]) }

    static let overflow: MetricLabels = ["overflow": "true"]

    public static func < (a: MetricLabels, b: MetricLabels) -> Bool {
        a.pairs.lexicographicallyPrecedes(b.pairs) { ($0.name, $0.value) < ($1.name, $1.value) }
    }
}

public enum MetricValue: Sendable {
    case number(Double)
    case histogram(HistogramSnapshot)
}

public struct MetricSample: Sendable {
    public let labels: MetricLabels
    public let value: MetricValue
}

/// One metric with all its series at one moment.
public struct MetricSnapshot: Sendable {
    public let name: String
    public let kind: MetricKind
    public let help: String
    public let samples: [MetricSample]
}

extension [MetricSnapshot] {
    /// The text format that Prometheus scrapes (version 0.0.4). Histograms are given as summaries with quantiles.
    public func prometheusText() -> String {
        var text = ""
        for metric in self {
            if !metric.help.isEmpty { text += "# HELP \(metric.name) \(escaped(metric.help, quotes: false))\n" }
            text += "# TYPE \(metric.name) \(metric.kind == .histogram ? "summary" : metric.kind.rawValue)\n"
            for sample in metric.samples {
                switch sample.value {
                case .number(let number): text += line(metric.name, sample.labels.pairs, number)
                case .histogram(let snapshot): text += summary(metric.name, sample.labels.pairs, snapshot)
                }
            }
        }
        return text
    }

    private func summary(_ name: String, _ labels: [MetricLabels.Pair], _ values: HistogramSnapshot) -> String {
        var text = ""
        for (quantile, number) in [("0.5", 0.5), ("0.9", 0.9), ("0.99", 0.99), ("0.999", 0.999), ("1", 1)] {
            let label = MetricLabels.Pair(name: "quantile", value: quantile)
            text += line(
                name, labels + [label], number == 1 ? Double(values.maximum) : Double(values.value(at: number)))
        }
        return text + line(name + "_sum", labels, Double(values.sum))
            + line(name + "_count", labels, Double(values.count))
    }

    private func line(_ name: String, _ labels: [MetricLabels.Pair], _ value: Double) -> String {
        var text = name
        if !labels.isEmpty {
            text +=
                "{" + labels.map { "\($0.name)=\"\(escaped($0.value, quotes: true))\"" }.joined(separator: ",") + "}"
        }
        let whole = Int64(exactly: value).map { String($0) }
        let number = whole ?? (value.isNaN ? "NaN" : value.isInfinite ? (value < 0 ? "-Inf" : "+Inf") : "\(value)")
        return text + " " + number + "\n"
    }

    private func escaped(_ text: String, quotes: Bool) -> String {
        var out = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\"" where quotes: out += "\\\""
            default: out.unicodeScalars.append(character)
            }
        }
        return out
    }
}
