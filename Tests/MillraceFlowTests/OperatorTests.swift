import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

@Suite struct OperatorTests {
    static let rest = SideOutput<Click>("rest")
    static let late = SideOutput<Click>("late")

    struct Steps: Pipeline {
        var body: some Flow<Click, Int> {
            Events<Click>()
                .filter { $0.page != "x" }
                .split(to: OperatorTests.rest) { $0.amount > 100 }
                .flatMap(to: Int.self) { Array(repeating: $0.amount, count: 2) }
                .compactMap(to: Int.self) { $0 % 2 == 0 ? $0 : nil }
                .map(to: Int.self) { $0 * 10 }
        }
    }
    @Test func statelessStepsInARow() throws {
        let driver = try PipelineDriver(Steps())
        for (page, amount) in [("a", 2), ("x", 4), ("b", 3), ("c", 200), ("d", 6)] {
            driver.feed(Click(page: page, amount: amount, at: .seconds(1)))
        }
        #expect(driver.output == [20, 20, 60, 60])
        #expect(try driver.sideOutput(Self.rest).map(\.page) == ["c"])
    }

    struct Merged: Pipeline {
        var body: some Flow<Click, Pane<String, Int>> {
            Events<Click>().timed(by: \.at)
                .merge(with: Events<Click>().timed(by: \.at).filter { $0.amount > 0 })
                .keyed(by: \.page).window(.tumbling(.seconds(10))).sum(\.amount)
        }
    }
    @Test func mergeWaitsForTheSlowerSide() throws {
        let driver = try PipelineDriver(Merged())
        #expect(driver.plan.stages[0].ports.count == 2)
        driver.feed(Click("a", 1, amount: 1), port: 0)
        driver.feed(Click("a", 25, amount: 1), port: 0)
        #expect(driver.output.isEmpty)
        driver.feed(Click("a", 2, amount: 5), port: 1)
        driver.feed(Click("a", 3, amount: -5), port: 1)
        driver.feed(Click("a", 12, amount: 7), port: 1)
        #expect(driver.output.map(\.value) == [6])
    }

    struct Distinct: Pipeline {
        var body: some Flow<Click, Keyed<String, Click>> {
            Events<Click>().timed(by: \.at).keyed(by: \.page).deduplicate(within: .seconds(10))
        }
    }
    @Test func deduplicateWithinATime() throws {
        let driver = try RestartDriver(Distinct(), evicts: true)
        for second in [1, 5, 3, 10, 11, 12, 30, 29, 1] as [Int64] { try driver.feed(Click("a", second)) }
        try driver.feed(Click("b", 31))
        #expect(driver.output?.map(\.value.at) == [1, 11, 30, 1, 31].map(EventTime.seconds))
        try driver.advance(to: .distantFuture)
        #expect(driver.restarted.stateEntries == 0)
    }

    struct Total: Pipeline {
        var body: some Flow<Click, Keyed<String, Int>> {
            Events<Click>().timed(by: \.at).keyed(by: \.page)
                .running(Sum(\.amount), forgetAfter: .seconds(60))
        }
    }
    @Test func runningAggregateForgetsIdleKeys() throws {
        let driver = try RestartDriver(Total())
        try driver.feed(Click("a", 1, amount: 3))
        try driver.feed(Click("b", 2, amount: 1))
        try driver.feed(Click("a", 50, amount: 4))
        try driver.feed(Click("b", 70, amount: 1))
        #expect(driver.output?.map(\.value) == [3, 1, 7, 1])
        try driver.feed(Click("a", 75, amount: 1))
        #expect(driver.output?.last?.value == 8)
    }

    struct Sessions: Pipeline {
        var lateness = TimeSpan.zero
        var body: some Flow<Click, Pane<String, Int>> {
            Events<Click>().keyed(by: \.page)
                .window(.session(gap: .seconds(5)), at: \.at, lateness: lateness, outOfOrder: .seconds(20))
                .sum(\.amount)
        }
    }
    @Test func sessionsMerge() throws {
        let driver = try RestartDriver(Sessions())
        for second in [0, 8, 4, 30, 36] as [Int64] { try driver.feed(Click("a", second)) }
        try driver.advance(to: .seconds(100))
        let found = driver.output?.map { [$0.start, $0.end, .seconds(Int64($0.value))] }
        #expect(
            found == [[0, 13, 3], [30, 35, 1], [36, 41, 1]].map { $0.map(EventTime.seconds) })
    }
    @Test func lateSessionTakesItsResultBack() throws {
        let driver = try RestartDriver(Sessions(lateness: .seconds(100)))
        try driver.feed(Click("a", 10))
        try driver.advance(to: .seconds(50))
        try driver.feed(Click("a", 12))
        try driver.feed(Click("a", 11))
        #expect(
            driver.output == [
                Pane(
                    key: "a", start: .seconds(10), end: .seconds(15), value: 1, info: PaneInfo(isFinal: false)),
                Pane(
                    key: "a", start: .seconds(10), end: .seconds(15), value: 1,
                    info: PaneInfo(isFinal: false, isRetraction: true)),
                Pane(
                    key: "a", start: .seconds(10), end: .seconds(17), value: 2,
                    info: PaneInfo(timing: .late, isFinal: false)),
                Pane(
                    key: "a", start: .seconds(10), end: .seconds(17), value: 3,
                    info: PaneInfo(index: 1, timing: .late, isFinal: false)),
            ])
    }

    struct Counts: Pipeline {
        var body: some Flow<Click, Pane<String, Int>> {
            Events<Click>().timed(by: \.at).keyed(by: \.page).window(.count(3)).aggregate(Sum(\.amount))
        }
    }
    @Test func countWindowsHoldSoManyValues() throws {
        let driver = try RestartDriver(Counts())
        for second in [1, 2, 9, 4, 5, 6, 7] as [Int64] { try driver.feed(Click("a", second, amount: Int(second))) }
        #expect(driver.output?.map(\.value) == [12, 15])
        #expect(driver.output?.first?.end == .microseconds(9_000_001))
        #expect(try Plan(rows: Counts()).warnings.count == 1)
    }

    struct Late: Pipeline {
        var body: some Flow<Click, Pane<String, Int>> {
            Events<Click>().keyed(by: \.page)
                .window(.tumbling(.seconds(10)), at: \.at).late(to: OperatorTests.late).count()
        }
    }
    @Test func lateRecordsLeaveBySide() throws {
        let driver = try PipelineDriver(Late(), partitions: 2)
        driver.play("a-----------b") { Click(page: "\($0)", at: $1) }
        driver.feed(Click("c", 9))
        driver.feed(Click("d", 9), to: 1)
        driver.advance(to: .seconds(100))
        #expect(try driver.sideOutput(Self.late).map(\.page) == ["c"])
        #expect(driver.lateDropped == 0)
        #expect(Set(driver.output.map(\.key)) == ["a", "b", "d"])
    }

    struct Alternate: Operator {
        func makeMemory() -> Int { 0 }
        func process(
            _ value: Click, at time: EventTime, memory: inout Int, emit: (String, EventTime) throws -> Void
        ) throws {
            memory += 1
            if memory % 2 == 0 { try emit(value.page, time) }
        }
        func advance(
            to watermark: EventTime, memory: inout Int, emit: (String, EventTime) throws -> Void
        ) throws { if watermark == .distantFuture { try emit("end after \(memory)", watermark) } }
    }
    struct Own: Pipeline {
        var body: some Flow<Click, String> { Events<Click>().timed(by: \.at).apply(Alternate()) }
    }
    @Test func operatorOfOnesOwn() throws {
        let driver = try RestartDriver(Own())
        for page in ["a", "b", "c", "d"] { try driver.feed(Click(page, 1)) }
        try driver.advance(to: .distantFuture)
        #expect(driver.output == ["b", "d", "end after 4"])
    }
}
