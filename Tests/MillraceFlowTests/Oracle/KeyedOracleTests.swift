import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

private struct Once: Pipeline {
    var span: TimeSpan
    var outOfOrder: TimeSpan
    var body: some Flow<Click, Keyed<String, Click>> {
        Events<Click>().timed(by: \.at, outOfOrder: outOfOrder).keyed().deduplicate(within: span)
    }
}
private struct Totals: Pipeline {
    var forget: TimeSpan?
    var outOfOrder: TimeSpan
    var body: some Flow<Click, Keyed<String, [Int]>> {
        Events<Click>().timed(by: \.at, outOfOrder: outOfOrder).keyed()
            .running(TopN(3) { $0.amount > $1.amount }, forgetAfter: forget, named: "top")
            .running(Amounts(), forgetAfter: forget, named: "list")
    }
    /// The best so far after every record, as a list of lists.
    struct Amounts: Aggregate {
        func makeAccumulator() -> [Int] { [] }
        func add(_ best: [Click], to list: inout [Int]) { list = best.map(\.amount) }
        func result(of list: [Int]) -> [Int] { list }
    }
}
private struct Latest: Pipeline {
    var body: some Flow<Click, Keyed<String, Pair<Click, Versions?>>> {
        Events<Click>().timed(by: \.at).keyed().leftJoin(latest: Events<Versions>().timed(by: \.at).keyed())
    }
}
private struct Versions: TestRecord, KeyedRecord, Hashable {
    var page: String
    var number: Int
    var at: EventTime
    var key: String { page }
    func store(into writer: inout ByteWriter) {
        page.store(into: &writer)
        number.store(into: &writer)
        at.store(into: &writer)
    }
    static func load(from reader: inout ByteReader) throws -> Versions {
        Versions(page: try .load(from: &reader), number: try .load(from: &reader), at: try .load(from: &reader))
    }
}

@Suite struct KeyedOracleTests {
    @Test func deduplicateEqualsOracle() throws {
        for seed in Seeds.times(3) {
            var stream = RandomStream(seed, salt: 21)
            let span = Int64(stream.random.below(10) + 1)
            let driver = try PipelineDriver(
                Once(span: .microseconds(span), outOfOrder: stream.outOfOrder), seed: seed)
            /// The latest that passed of each key, until the watermark is `span` beyond it.
            var passed: [String: Int64] = [:]
            for step in 0..<40 {
                try stream.disturb(driver)
                if stream.isWatermark() {
                    driver.advance(to: EventTime(microseconds: stream.watermark))
                    passed = passed.filter { $0.value + span > stream.watermark }
                    continue
                }
                let click = stream.next()
                passed = passed.filter { $0.value + span > stream.watermark }
                let time = click.at.microseconds
                let isNew = passed[click.page].map { abs($0 - time) >= span } ?? true
                if isNew { passed[click.page] = max(passed[click.page] ?? time, time) }
                driver.feed(click)
                #expect(driver.output.map(\.value) == (isNew ? [click] : []), "seed \(seed) step \(step)")
                // One that was let through though the watermark was beyond it is forgotten with the next record.
                passed = passed.filter { $0.value + span > stream.watermark || $0.key == click.page }
                driver.removeOutput()
            }
            driver.advance(to: EventTime(microseconds: .max / 2))
            #expect(driver.stateEntries == 0)
        }
    }

    /// Two running aggregates, one behind the other, forgotten by event time.
    @Test func runningEqualsOracle() throws {
        for seed in Seeds.times(3) {
            var stream = RandomStream(seed, salt: 22)
            let forget: Int64? = stream.random.chance(1, in: 2) ? nil : Int64(stream.random.below(15) + 1)
            let driver = try PipelineDriver(
                Totals(forget: forget.map { .microseconds($0) }, outOfOrder: stream.outOfOrder), seed: seed)
            var all: [String: (amounts: [Int], touched: Int64)] = [:]
            for step in 0..<40 {
                try stream.disturb(driver)
                if stream.isWatermark() {
                    driver.advance(to: EventTime(microseconds: stream.watermark))
                    if let forget { all = all.filter { $0.value.touched + forget > stream.watermark } }
                    continue
                }
                let click = stream.next()
                let time = click.at.microseconds
                if let forget {
                    all = all.filter { $0.value.touched + forget > stream.watermark }
                    if let held = all[click.page], held.touched + forget <= time { all[click.page] = nil }
                }
                let held = all[click.page] ?? ([], time)
                all[click.page] = (held.amounts + [click.amount], max(held.touched, time))
                driver.feed(click)
                let best = (all[click.page]?.amounts ?? []).sorted(by: >).prefix(3)
                #expect(driver.output.map(\.value) == [Array(best)], "seed \(seed) step \(step) forget \(forget ?? 0)")
                driver.removeOutput()
            }
        }
    }

    @Test func latestJoinEqualsOracle() throws {
        for seed in Seeds.times(2) {
            var stream = RandomStream(seed, salt: 23)
            let driver = try PipelineDriver(Latest(), seed: seed)
            var newest: [String: Versions] = [:]
            for step in 0..<30 {
                try stream.disturb(driver)
                let click = stream.next()
                if stream.random.chance(1, in: 2) {
                    let version = Versions(page: click.page, number: step, at: click.at)
                    if newest[click.page].map({ $0.at <= version.at }) ?? true { newest[click.page] = version }
                    driver.feed(other: version, port: 1)
                    #expect(driver.output.isEmpty)
                } else {
                    driver.feed(click)
                    #expect(
                        driver.output.map(\.value) == [Pair(click, newest[click.page])], "seed \(seed) step \(step)")
                }
                driver.removeOutput()
            }
        }
    }
}
