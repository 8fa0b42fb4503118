/// All metrics of a node by name and labels, made on first use and read by whoever renders them.
///
/// A name has at most `Limits.metricSeries` label sets; what comes after that shares one series labelled
/// `overflow="true"`, so that user input that ends up in a label cannot fill the memory. Ask for a metric once and keep
/// it: the look-up takes a lock.
public final class MetricRegistry: Sendable {
    private struct Family {
        var kind: MetricKind
        var help: String
        var series: [MetricLabels: Series] = [:]
    }
    private enum Series {
        case counter(Counter), gauge(Gauge), histogram(Histogram), reading(@Sendable () -> Double)
    }
    private let families = Lock<[String: Family]>([:])

    public init() {}

    public func counter(_ name: String, _ labels: MetricLabels = [], help: String = "") -> Counter {
        let series = series(name, labels, .counter, help) { .counter(Counter()) }
        guard case .counter(let counter) = series else { preconditionFailure("\(name) is not a counter") }
        return counter
    }
    public func gauge(_ name: String, _ labels: MetricLabels = [], help: String = "") -> Gauge {
        let series = series(name, labels, .gauge, help) { .gauge(Gauge()) }
        guard case .gauge(let gauge) = series else { preconditionFailure("\(name) is not a gauge that is set") }
        return gauge
    }
    public func histogram(_ name: String, _ labels: MetricLabels = [], help: String = "") -> Histogram {
        let series = series(name, labels, .histogram, help) { .histogram(Histogram()) }
        guard case .histogram(let histogram) = series else { preconditionFailure("\(name) is not a histogram") }
        return histogram
    }
    /// A gauge that is asked when someone looks. `read` runs on the thread that takes the snapshot, without a lock.
    public func reading(
        _ name: String, _ labels: MetricLabels = [], help: String = "", _ read: @escaping @Sendable () -> Double
    ) {
        remove(name, labels)
        _ = series(name, labels, .gauge, help) { .reading(read) }
    }

    /// Forgets one series, for what has gone for good (a deleted topic).
    public func remove(_ name: String, _ labels: MetricLabels) {
        let removed = families.withLock { $0[name]?.series.removeValue(forKey: labels) }
        _ = removed
    }

    private func series(
        _ name: String, _ labels: MetricLabels, _ kind: MetricKind, _ help: String, _ make: () -> Series
    ) -> Series {
        families.withLock { families in
            precondition(
                families[name] != nil || families.count < Limits.metricNames, "more metrics than Limits.metricNames")
            var family = families[name] ?? Family(kind: kind, help: help)
            precondition(family.kind == kind, "\(name) is a \(family.kind.rawValue) already")
            if family.help.isEmpty { family.help = help }
            let isFull = family.series.count >= Limits.metricSeries
            let labels = family.series[labels] == nil && isFull ? MetricLabels.overflow : labels
            let series = family.series[labels] ?? make()
            family.series[labels] = series
            families[name] = family
            return series
        }
    }

    /// Every metric with its values, sorted by name and labels.
    public func snapshot() -> [MetricSnapshot] {
        let families = families.withLock { $0 }
        return families.sorted { $0.key < $1.key }.map { name, family in
            let samples = family.series.sorted { $0.key < $1.key }.map { labels, series in
                let value: MetricValue =
                    switch series {
                    case .counter(let counter): .number(Double(counter.value))
                    case .gauge(let gauge): .number(Double(gauge.value))
                    case .reading(let read): .number(read())
                    case .histogram(let histogram): .histogram(histogram.snapshot())
                    }
                return MetricSample(labels: labels, value: value)
            }
            return MetricSnapshot(name: name, kind: family.kind, help: family.help, samples: samples)
        }
    }
}
