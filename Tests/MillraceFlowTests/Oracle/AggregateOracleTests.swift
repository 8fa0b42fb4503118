import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

private struct Local<A: MergeableAggregate>: Pipeline where A.Element == Click {
    var window: TimeWindow
    var outOfOrder: TimeSpan
    var aggregate: A
    var body: some Flow<Click, Pane<String, A.Result>> {
        Events<Click>().keyed().window(window, at: \.at, outOfOrder: outOfOrder).aggregate(aggregate)
    }
}
private struct Combined<A: MergeableAggregate>: Pipeline where A.Element == Click {
    var window: TimeWindow
    var outOfOrder: TimeSpan
    var aggregate: A
    var body: some Flow<Click, Pane<String, A.Result>> {
        Events<Click>().keyed(by: \.page).window(window, at: \.at, outOfOrder: outOfOrder).aggregate(aggregate)
    }
}

/// Every aggregate against its definition over the list of a window's records, where the records are, behind a shuffle,
/// and put together from shared slices.
@Suite struct AggregateOracleTests {
    private struct Place: Hashable { var key: String, start: Int64 }

    private func check<A: MergeableAggregate>(
        _ aggregate: A, salt: UInt64, _ meaning: ([Click]) -> A.Result, _ equal: (A.Result, A.Result) -> Bool
    ) throws where A.Element == Click {
        for seed in Seeds.all {
            var stream = RandomStream(seed, salt: salt)
            let slide = Int64(stream.random.below(5) + 1)
            let size = slide * Int64(stream.random.below(3) + 1)
            let window = TimeWindow.sliding(.microseconds(size), every: .microseconds(slide))
            let isLocal = stream.random.chance(1, in: 2)
            if isLocal {
                let pipeline = Local(window: window, outOfOrder: stream.outOfOrder, aggregate: aggregate)
                try play(PipelineDriver(pipeline, seed: seed), &stream, size, slide, meaning, equal)
            } else {
                let pipeline = Combined(window: window, outOfOrder: stream.outOfOrder, aggregate: aggregate)
                try play(PipelineDriver(pipeline, seed: seed), &stream, size, slide, meaning, equal)
            }
        }
    }
    private func play<P: Pipeline, R>(
        _ driver: PipelineDriver<P>, _ stream: inout RandomStream, _ size: Int64, _ slide: Int64,
        _ meaning: ([Click]) -> R, _ equal: (R, R) -> Bool
    ) throws where P.Input == Click, P.Output == Pane<String, R> {
        var windows: [Place: [Click]] = [:]
        for _ in 0..<25 {
            try stream.disturb(driver)
            let click = stream.next()
            let time = click.at.microseconds
            for start in (time - size - slide)...time
            where start % slide == 0 && start <= time && time < start + size && start + size > stream.watermark {
                windows[Place(key: click.page, start: start), default: []].append(click)
            }
            driver.feed(click)
        }
        driver.advance(to: EventTime(microseconds: .max / 2))
        var found: [Place: R] = [:]
        for pane in driver.output { found[Place(key: pane.key, start: pane.start.microseconds)] = pane.value }
        #expect(driver.output.count == found.count, "seed \(stream.seed)")
        #expect(Set(found.keys) == Set(windows.keys), "seed \(stream.seed)")
        for (place, clicks) in windows {
            guard let value = found[place] else { continue }
            let expected = meaning(clicks)
            #expect(equal(value, expected), "seed \(stream.seed): \(value) is not \(expected)")
        }
    }
    private func close(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-9 * (1 + abs(a) + abs(b)) }
    private static func mean(_ clicks: [Click]) -> Double {
        Double(clicks.reduce(0) { $0 + $1.amount }) / Double(clicks.count)
    }

    @Test func count() throws { try check(Count(), salt: 31, { $0.count }, ==) }
    @Test func sum() throws { try check(Sum(\.amount), salt: 32, { $0.reduce(0) { $0 + $1.amount } }, ==) }
    @Test func min() throws { try check(Min(\.amount), salt: 33, { $0.map(\.amount).sorted()[0] }, ==) }
    @Test func max() throws { try check(Max(\.amount), salt: 34, { $0.map(\.amount).sorted(by: >)[0] }, ==) }
    @Test func mean() throws { try check(Mean(\.amount), salt: 35, Self.mean, close) }
    @Test func variance() throws {
        try check(
            Variance(\.amount), salt: 36,
            { clicks in
                let mean = Self.mean(clicks)
                let squares = clicks.map { (Double($0.amount) - mean) * (Double($0.amount) - mean) }
                return squares.reduce(0, +) / Double(clicks.count)
            }, close)
    }
    @Test func reduce() throws {
        let longer = Reduce<Click> { a, b in
            Click(page: a.page, amount: a.amount &+ b.amount, at: Swift.max(a.at, b.at))
        }
        try check(
            longer, salt: 37,
            { clicks in
                Click(
                    page: clicks[0].page, amount: clicks.reduce(0) { $0 + $1.amount },
                    at: clicks.map(\.at).sorted(by: >)[0])
            }, ==)
    }
    /// Of equal times the order between partitions and slices is nobody's: the time decides.
    @Test func first() throws {
        try check(First<Click>(), salt: 38, { $0.min { $0.at < $1.at } ?? $0[0] }) { $0.at == $1.at }
    }
    @Test func last() throws {
        try check(Last<Click>(), salt: 39, { $0.max { $0.at < $1.at } ?? $0[0] }) { $0.at == $1.at }
    }
    @Test func topN() throws {
        try check(
            TopN<Click>(3) { $0.amount > $1.amount }, salt: 40,
            { Array($0.sorted { $0.amount > $1.amount }.prefix(3)) }
        ) { $0.map(\.amount) == $1.map(\.amount) }
    }
    @Test func distinctCount() throws {
        try check(DistinctCount(\.amount), salt: 41, { Set($0.map(\.amount)).count }, ==)
    }
    @Test func several() throws {
        let most = Max<Click, Int>(\.amount)
        let two = Both(most, Count<Click>()) { (max: Int, count: Int) -> [Int] in [max, count] }
        let three = Both(Sum<Click, Int>(\.amount), two) { (sum: Int, rest: [Int]) -> [Int] in [sum] + rest }
        func meaning(_ clicks: [Click]) -> [Int] {
            let amounts = clicks.map(\.amount).sorted()
            return [amounts.reduce(0, +), amounts[amounts.count - 1], amounts.count]
        }
        try check(three, salt: 42, meaning, ==)
    }
}
