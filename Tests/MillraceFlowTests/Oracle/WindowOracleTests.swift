import Foundation
import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

struct LocalSum: Pipeline {
    var window: TimeWindow
    var lateness: TimeSpan
    var outOfOrder: TimeSpan
    var trigger: Trigger
    var body: some Flow<Click, Pane<String, Int>> {
        Events<Click>().keyed()
            .window(window, at: \.at, lateness: lateness, outOfOrder: outOfOrder, trigger: trigger)
            .sum(\.amount)
    }
}
struct ShuffledSum: Pipeline {
    var window: TimeWindow
    var lateness: TimeSpan
    var outOfOrder: TimeSpan
    var trigger: Trigger
    var body: some Flow<Click, Pane<String, Int>> {
        Events<Click>().keyed(by: \.page)
            .window(window, at: \.at, lateness: lateness, outOfOrder: outOfOrder, trigger: trigger)
            .sum(\.amount)
    }
}
/// The same sum by an aggregate that cannot merge.
struct LocalFold: Pipeline {
    var window: TimeWindow
    var lateness: TimeSpan
    var outOfOrder: TimeSpan
    var trigger: Trigger
    var body: some Flow<Click, Pane<String, Int>> {
        Events<Click>().keyed()
            .window(window, at: \.at, lateness: lateness, outOfOrder: outOfOrder, trigger: trigger)
            .fold(into: 0) { $0 += $1.amount }
    }
}

extension SeededRandom {
    mutating func below(_ bound: Int) -> Int { Int(next(upperBound: UInt64(bound))) }
}

enum Seeds {
    /// Seeds per randomised test; some take a multiple. The suite's sum is checked to be what it is said to be.
    static let count = UInt64(ProcessInfo.processInfo.environment["MILLRACE_FLOW_SEEDS"] ?? "") ?? 250
    /// One seed to replay.
    static let only = ProcessInfo.processInfo.environment["MILLRACE_FLOW_SEED"].flatMap { UInt64($0) }
    static var all: [UInt64] { times(1) }
    static func times(_ factor: UInt64) -> [UInt64] { only.map { [$0] } ?? Array(1...count * factor) }
}

@Suite struct WindowOracleTests {
    struct Case {
        var shape: WindowOracle.Shape
        var window: TimeWindow
        var lateness: Int64
        var bound: Int64
        var trigger: Trigger
        var random: SeededRandom

        init(seed: UInt64, onlyPlain: Bool = false, cumulative: Bool = true) {
            random = SeededRandom(seed: seed)
            let slide = random.below(6) + 1
            let size = slide * (random.below(3) + 1) + (random.chance(1, in: 3) ? random.below(3) : 0)
            let offset = random.below(12)
            let (s, z, o) = (Int64(slide), Int64(max(size, slide)), Int64(offset))
            func us(_ n: Int64) -> TimeSpan { .microseconds(n) }
            lateness = random.chance(1, in: 2) ? 0 : Int64(random.below(8))
            bound = random.chance(1, in: 2) ? 0 : Int64(random.below(5))
            trigger = .atWatermark
            switch random.below(4) {
            case 0:
                shape = .init(size: z, slide: z, offset: o)
                window = .tumbling(us(z), offset: us(o))
            case 1 where cumulative:
                let whole = s * Int64(random.below(3) + 1)
                shape = .init(size: whole, slide: s, offset: o, isCumulative: true)
                window = .cumulative(us(whole), every: us(s), offset: us(o))
                lateness = 0
                return
            default:
                shape = .init(size: z, slide: s, offset: o)
                window = .sliding(us(z), every: us(s), offset: us(o))
            }
            if onlyPlain { return }
            let panes: [Trigger.Panes] = [.accumulating, .discarding, .retracting]
            switch random.below(3) {
            case 0: break
            case 1: trigger = .final
            default:
                trigger = .atWatermark(
                    early: random.chance(1, in: 2) ? .count(random.below(3) + 1) : nil,
                    late: .count(random.below(3) + 1),
                    panes: panes[random.below(3)])
            }
        }
        mutating func step(_ clock: inout Int64) -> (key: String, time: Int64, amount: Int) {
            clock += Int64(random.below(4))
            let late = random.chance(1, in: 3) ? Int64(random.below(12)) : 0
            let key = ["a", "b", "c", "a longer key than fits"][random.below(4)]
            return (key, clock - late - 5, random.below(100) - 20)
        }
    }

    func text(_ panes: [Pane<String, Int>]) -> [String] { panes.map(\.description).sorted() }

    /// One partition: exactly the panes of the oracle, step by step, with restarts and evictions in between.
    func exact<P: Pipeline>(_ seed: UInt64, _ test: Case, _ pipeline: P, steps: Int = 24) throws
    where P.Input == Click, P.Output == Pane<String, Int> {
        var test = test
        var oracle = WindowOracle(
            shape: test.shape, lateness: test.lateness, bound: test.bound, trigger: test.trigger)
        let driver = try PipelineDriver(pipeline, seed: seed)
        var clock: Int64 = 0
        for step in 0..<steps {
            switch test.random.below(6) {
            case 0: try driver.restart()
            case 1: driver.evict()
            default: break
            }
            if test.random.chance(1, in: 10) {
                oracle.advance(to: clock)
                driver.advance(to: EventTime(microseconds: clock))
            } else {
                let record = test.step(&clock)
                oracle.feed(record.key, record.time, record.amount)
                driver.feed(
                    Click(page: record.key, amount: record.amount, at: EventTime(microseconds: record.time)))
            }
            if step == steps - 1 {
                oracle.advance(to: .max / 2)
                driver.advance(to: EventTime(microseconds: .max / 2))
            }
            #expect(
                text(driver.output) == text(oracle.panes),
                """
                seed \(seed) step \(step): \(test.window) lateness \(test.lateness) bound \(test.bound) \
                \(test.trigger)
                """
            )
            if text(driver.output) != text(oracle.panes) { return }
            driver.removeOutput()
            oracle.panes = []
        }
        #expect(driver.lateDropped == oracle.late, "seed \(seed)")
        #expect(driver.storedEntries <= 2 * driver.plan.stages.count, "seed \(seed): state is left behind")
    }

    @Test func localSumEqualsOracle() throws {
        for seed in Seeds.all {
            let test = Case(seed: seed)
            try exact(
                seed, test,
                LocalSum(
                    window: test.window, lateness: .microseconds(test.lateness), outOfOrder: .microseconds(test.bound),
                    trigger: test.trigger))
        }
    }
    @Test func localFoldEqualsOracle() throws {
        for seed in Seeds.all {
            let test = Case(seed: seed &+ 1_000_000, cumulative: false)
            try exact(
                seed, test,
                LocalFold(
                    window: test.window, lateness: .microseconds(test.lateness), outOfOrder: .microseconds(test.bound),
                    trigger: test.trigger))
        }
    }
    @Test func shuffledSumEqualsOracle() throws {
        for seed in Seeds.all {
            let test = Case(seed: seed &+ 2_000_000)
            try exact(
                seed, test,
                ShuffledSum(
                    window: test.window, lateness: .microseconds(test.lateness), outOfOrder: .microseconds(test.bound),
                    trigger: test.trigger))
        }
    }

    /// Several partitions: the last word on each window is the sum of what was not late in its own partition.
    @Test func partitionsAgreeWithOracle() throws {
        for seed in Seeds.all {
            var test = Case(seed: seed &+ 3_000_000, onlyPlain: true)
            let partitions = test.random.below(3) + 2
            let driver = try PipelineDriver(
                ShuffledSum(
                    window: test.window, lateness: .microseconds(test.lateness), outOfOrder: .microseconds(test.bound),
                    trigger: .atWatermark), partitions: partitions, seed: seed)
            var watermarks = Array(repeating: Int64.min, count: partitions)
            var expected: [WindowOracle.PaneKey: Int] = [:]
            var clock: Int64 = 0
            for _ in 0..<30 {
                if test.random.chance(1, in: 6) { try driver.restart() }
                if test.random.chance(1, in: 6) { driver.evict() }
                let partition = test.random.below(partitions)
                let record = test.step(&clock)
                // Windows that share slices agree on the slice in front of the shuffle and on the window behind it.
                let combined = watermarks.min() ?? .min
                let windows = test.shape.windows(of: record.time)
                let isShared = test.lateness == 0 && test.shape.size != test.shape.slide
                watermarks[partition] = max(watermarks[partition], record.time - test.bound)
                let own = watermarks[partition]
                let isLate = windows.allSatisfy { $0.end + test.lateness <= own }
                for window in windows where !isLate && window.end + test.lateness > (isShared ? combined : own) {
                    let key = WindowOracle.PaneKey(key: record.key, start: window.start, end: window.end)
                    expected[key, default: 0] += record.amount
                }
                driver.feed(
                    Click(page: record.key, amount: record.amount, at: EventTime(microseconds: record.time)),
                    to: partition)
            }
            driver.advance(to: EventTime(microseconds: .max / 2))
            var found: [WindowOracle.PaneKey: Int] = [:]
            for pane in driver.output {
                let key = WindowOracle.PaneKey(
                    key: pane.key, start: pane.start.microseconds, end: pane.end.microseconds)
                found[key] = pane.value
            }
            #expect(found == expected, "seed \(seed): \(test.window) lateness \(test.lateness) bound \(test.bound)")
            if found != expected { return }
        }
    }
}
