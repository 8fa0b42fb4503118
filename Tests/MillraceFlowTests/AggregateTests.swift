import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

/// Each aggregate over random values in several partitions, with restarts, against a recomputation.
@Suite struct AggregateTests {
    struct Stats: Sendable, Hashable {
        var count: Int
        var sum: Int
        var mean: Double
    }
    struct Several: Pipeline {
        var body: some Flow<Click, Pane<String, Stats>> {
            Events<Click>().keyed(by: \.page).window(.tumbling(.seconds(10)), at: \.at, outOfOrder: .seconds(1_000))
                .aggregate(Count(), Sum(\.amount), Mean(\.amount), to: Stats.self) {
                    Stats(count: $0, sum: $1, mean: $2)
                }
        }
    }
    struct One<A: MergeableAggregate>: Pipeline where A.Element == Click {
        var aggregate: A
        var body: some Flow<Click, Pane<String, A.Result>> {
            Events<Click>().keyed(by: \.page).window(.tumbling(.seconds(10)), at: \.at, outOfOrder: .seconds(1_000))
                .aggregate(aggregate)
        }
    }

    func clicks(_ random: inout SeededRandom) -> [Click] {
        (0..<40).map { _ in
            Click(
                page: ["a", "b", "c"][random.below(3)], amount: random.below(20) - 5,
                at: EventTime(microseconds: Int64(random.below(40_000_000))))
        }
    }
    func check<A: MergeableAggregate>(
        _ aggregate: A, _ isRight: (A.Result, [Click]) -> Bool
    ) throws where A.Element == Click {
        for seed in 1...20 as ClosedRange<UInt64> {
            var random = SeededRandom(seed: seed)
            let all = clicks(&random)
            let driver = try PipelineDriver(One(aggregate: aggregate), partitions: 3)
            for click in all {
                driver.feed(click, to: random.below(3))
                if random.chance(1, in: 5) { try driver.restart() }
            }
            driver.advance(to: .distantFuture)
            #expect(driver.plan.describe().contains("pre-combine"))
            var seen = 0
            for pane in driver.output {
                let members = all.filter { $0.page == pane.key && $0.at >= pane.start && $0.at < pane.end }
                seen += members.count
                #expect(isRight(pane.value, members), "seed \(seed) \(A.self) \(pane)")
            }
            #expect(seen == all.count, "seed \(seed) \(A.self)")
        }
    }

    @Test func numbers() throws {
        try check(Count()) { $0 == $1.count }
        try check(Sum(\.amount)) { $0 == $1.map(\.amount).reduce(0, +) }
        try check(Min(\.amount)) { $0 == $1.map(\.amount).min() }
        try check(Max(\.amount)) { $0 == $1.map(\.amount).max() }
        try check(Mean(\.amount)) { abs($0 - Double($1.map(\.amount).reduce(0, +)) / Double($1.count)) < 1e-9 }
        try check(Variance(\.amount)) { found, members in
            let mean = Double(members.map(\.amount).reduce(0, +)) / Double(members.count)
            let squares = members.map { (Double($0.amount) - mean) * (Double($0.amount) - mean) }
            return abs(found - squares.reduce(0, +) / Double(members.count)) < 1e-9
        }
    }
    @Test func values() throws {
        try check(First()) { $0.at == $1.map(\.at).min() }
        try check(Last()) { $0.at == $1.map(\.at).max() }
        try check(Reduce { $0.at < $1.at ? $0 : $1 }) { $0.at == $1.map(\.at).min() }
        try check(TopN(3, by: { $0.amount > $1.amount })) { found, members in
            found.map(\.amount) == Array(members.map(\.amount).sorted(by: >).prefix(3))
        }
        try check(DistinctCount(\.amount)) { $0 == Set($1.map(\.amount)).count }
        try check(Both(Count(), Max(\.amount)) { [$0, $1] }) { found, members in
            found == [members.count, members.map(\.amount).max() ?? 0]
        }
    }
    @Test func severalInOnePass() throws {
        let driver = try PipelineDriver(Several())
        for amount in [1, 2, 6] { driver.feed(Click("a", 3, amount: amount)) }
        driver.advance(to: .distantFuture)
        #expect(driver.output.map(\.value) == [Stats(count: 3, sum: 9, mean: 3)])
    }
}
