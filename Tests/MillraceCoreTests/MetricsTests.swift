import Foundation
import MillraceCore
import Testing

@Suite struct MetricsTests {
    @Test func countersLoseNothingUnderThreads() {
        let counter = Counter()
        let gauge = Gauge()
        let histogram = Histogram()
        DispatchQueue.concurrentPerform(iterations: 16) { index in
            for i in 0..<2_000 {
                counter.add(index)
                gauge.add(index % 2 == 0 ? 1 : -1)
                histogram.record(Int64(i))
            }
        }
        #expect(counter.value == 2_000 * 120)
        #expect(gauge.value == 0)
        #expect(histogram.snapshot().count == 32_000)
        #expect(histogram.snapshot().sum == 16 * 1_999_000)
    }

    @Test func quantilesAreWithinOneThirtySecondOfTheTruth() {
        for seed in UInt64(1)...20 {
            var random = SeededRandom(seed: seed)
            let histogram = Histogram()
            var values: [Int64] = []
            let bits = Int.random(in: 1...62, using: &random)
            for _ in 0..<2_000 {
                let value = Int64.random(in: 0..<1 << Int.random(in: 1...bits, using: &random), using: &random)
                values.append(value)
                histogram.record(value)
            }
            values.sort()
            let snapshot = histogram.snapshot()
            #expect(snapshot.maximum == values.last)
            for quantile in [0, 0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1] {
                let rank = max(1, Int((quantile * Double(values.count)).rounded(.up)))
                let (truth, answer) = (values[rank - 1], snapshot.value(at: quantile))
                let error = abs(Double(answer) - Double(truth))
                #expect(error <= Double(truth) / 32, "seed \(seed), quantile \(quantile): \(answer) for \(truth)")
            }
        }
    }

    @Test func smallValuesAreExactAndExtremesDoNotTrap() {
        for value in Int64(0)..<32 {
            let histogram = Histogram()
            histogram.record(value)
            #expect(histogram.snapshot().value(at: 0.5) == value)
        }
        let histogram = Histogram()
        histogram.record(.max)
        histogram.record(.min)
        histogram.record(5, times: 0)
        #expect(histogram.snapshot().maximum == .max)
        #expect(histogram.snapshot().count == 2)
        #expect(histogram.snapshot().value(at: 0) == 0)
        #expect(HistogramSnapshot().value(at: 0.5) == 0)
        #expect(HistogramSnapshot().mean == 0)
    }

    @Test func snapshotsMergeLikeTheirValues() {
        let (a, b, both) = (Histogram(), Histogram(), Histogram())
        for value in 0..<1_000 {
            (value % 3 == 0 ? a : b).record(Int64(value * value))
            both.record(Int64(value * value))
        }
        var merged = a.snapshot()
        merged.merge(b.snapshot())
        #expect(merged == both.snapshot())
        #expect(merged.count(upTo: 15) == 4)
        #expect(merged.count(upTo: .max) == 1_000)
        #expect(merged.count(upTo: -1) == 0)
    }

    @Test func theRegistryGivesTheSameMetricForTheSameLabels() {
        let registry = MetricRegistry()
        let a = registry.counter("appends_total", ["topic": "clicks", "partition": "0"], help: "Appended batches.")
        let b = registry.counter("appends_total", ["partition": "0", "topic": "clicks"])
        #expect(a === b)
        #expect(registry.counter("appends_total", ["topic": "views"]) !== a)
        a.add(3)
        registry.gauge("open_files").set(-7)
        registry.reading("lag", ["group": "g\"1\n"]) { 1.5 }
        let latency = registry.histogram("sync_nanoseconds")
        for value in 1...100 { latency.record(Int64(value)) }
        #expect(
            registry.snapshot().prometheusText() == """
                # HELP appends_total Appended batches.
                # TYPE appends_total counter
                appends_total{partition="0",topic="clicks"} 3
                appends_total{topic="views"} 0
                # TYPE lag gauge
                lag{group="g\\"1\\n"} 1.5
                # TYPE open_files gauge
                open_files -7
                # TYPE sync_nanoseconds summary
                sync_nanoseconds{quantile="0.5"} 50
                sync_nanoseconds{quantile="0.9"} 89
                sync_nanoseconds{quantile="0.99"} 97
                sync_nanoseconds{quantile="0.999"} 100
                sync_nanoseconds{quantile="1"} 100
                sync_nanoseconds_sum 5050
                sync_nanoseconds_count 100

                """)
        registry.remove("appends_total", ["topic": "views"])
        #expect(registry.snapshot().first?.samples.count == 1)
    }

    @Test func labelsFromUserInputCannotFillTheMemory() {
        let registry = MetricRegistry()
        for index in 0..<Limits.metricSeries + 500 {
            registry.counter("requests_total", ["path": "/\(index)"]).increment()
        }
        let samples = registry.snapshot()[0].samples
        #expect(samples.count == Limits.metricSeries + 1)
        let overflow = samples.filter { $0.labels == ["overflow": "true"] }
        #expect(overflow.count == 1)
        if case .number(let value)? = overflow.first?.value { #expect(value == 500) }
    }
}
