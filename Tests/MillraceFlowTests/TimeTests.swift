import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

@Suite struct TimeTests {
    struct Plain: Pipeline {
        var farFuture = FarFuture.hold
        var body: some Flow<Click, Pane<String, Int>> {
            Events<Click>().timed(by: \.at, farFuture: farFuture).keyed(by: \.page)
                .window(.tumbling(.seconds(10))).count()
        }
    }
    @Test func idlePartitionHoldsNobodyBack() throws {
        let driver = try PipelineDriver(Plain(), partitions: 2)
        driver.tick(wall: .seconds(1_000))
        driver.feed(Click("a", 1), to: 0)
        driver.feed(Click("a", 20), to: 0)
        #expect(driver.output.isEmpty)
        driver.tick(wall: .seconds(1_005))
        #expect(driver.output.isEmpty)
        driver.feed(Click("a", 21), to: 0)
        driver.tick(wall: .seconds(1_011))
        #expect(driver.output.map(\.start) == [.seconds(0)])
    }
    @Test func whenAllAreIdleTheLastWindowFires() throws {
        let driver = try PipelineDriver(Plain(), partitions: 2)
        driver.tick(wall: .seconds(1_000))
        driver.feed(Click("a", 1), to: 0)
        driver.feed(Click("b", 4), to: 1)
        for second in 1_001...1_009 as ClosedRange<Int64> { driver.tick(wall: .seconds(second)) }
        #expect(driver.output.isEmpty)
        driver.tick(wall: .seconds(1_010))
        #expect(Set(driver.output.map(\.key)) == ["a", "b"])
    }
    @Test func farFutureDoesNotMoveTheWatermark() throws {
        let driver = try PipelineDriver(Plain())
        driver.tick(wall: .seconds(1_000_000))
        driver.feed(Click("a", 1_000_000))
        driver.feed(Click("a", 9_000_000))
        #expect(driver.watermark == EventTime.seconds(1_000_000) + Limits.futureTime)
        let strict = try PipelineDriver(Plain(farFuture: .reject))
        strict.tick(wall: .seconds(1_000_000))
        strict.feed(Click("a", 9_000_000))
        #expect(strict.bad.map(\.cause) == [.threw])
        #expect(strict.watermark == .distantPast)
    }

    struct Marked: Pipeline {
        var body: some Flow<Click, Pane<String, Int>> {
            Events<Click>().timed(by: \.at) { $0.page == "mark" ? $0.at : nil }
                .filter { $0.page != "mark" }
                .keyed(by: \.page).window(.tumbling(.seconds(10))).count()
        }
    }
    @Test func punctuatedWatermark() throws {
        let driver = try PipelineDriver(Marked())
        for second in [1, 50, 3] as [Int64] { driver.feed(Click("a", second)) }
        #expect(driver.watermark == .distantPast)
        driver.feed(Click("mark", 10))
        #expect(driver.output.map(\.value) == [2])
        #expect(driver.watermark == .seconds(10))
    }

    struct ByLogTime: Pipeline {
        var body: some Flow<Click, Pane<String, Int>> {
            Events<Click>(outOfOrder: .seconds(2)).keyed(by: \.page).window(.tumbling(.seconds(10))).count()
        }
    }
    @Test func logTimeMovesTheWatermark() throws {
        let driver = try PipelineDriver(ByLogTime())
        driver.feed(Click("a", 500), at: .seconds(1))
        driver.feed(Click("a", 0), at: .seconds(11))
        #expect(driver.output.isEmpty)
        driver.feed(Click("a", 0), at: .seconds(12))
        #expect(driver.output.map(\.value) == [1])
    }

    struct Early: Pipeline {
        var trigger: Trigger
        var body: some Flow<Click, Pane<String, Int>> {
            Events<Click>().keyed(by: \.page)
                .window(.tumbling(.seconds(10)), at: \.at, lateness: .seconds(10), trigger: trigger).count()
        }
    }
    @Test func earlyAndLateByTheWallClock() throws {
        let trigger = Trigger.atWatermark(early: .every(.seconds(3)), late: .every(.seconds(5)))
        let driver = try RestartDriver(Early(trigger: trigger))
        try driver.tick(wall: .seconds(100))
        try driver.feed(Click("a", 1))
        try driver.tick(wall: .seconds(102))
        try driver.feed(Click("a", 2))
        try driver.tick(wall: .seconds(103))
        try driver.tick(wall: .seconds(108))
        try driver.feed(Click("b", 12))
        try driver.feed(Click("a", 3))
        try driver.tick(wall: .seconds(112))
        try driver.tick(wall: .seconds(113))
        #expect(
            driver.output?.map(\.description) == [
                "a [0, 10000000) 2 #0 early", "a [0, 10000000) 2 #1 onTime", "b [10000000, 20000000) 1 #0 early",
                "a [0, 10000000) 3 #2 late",
            ])
    }

    struct Global: Pipeline {
        var body: some Flow<Click, Pane<String, Int>> {
            Events<Click>().keyed(by: \.page)
                .window(.global, at: \.at, trigger: .atWatermark(early: .count(2))).count()
        }
    }
    @Test func globalWindowEndsWithTheInput() throws {
        let driver = try RestartDriver(Global())
        for second in 1...5 as ClosedRange<Int64> { try driver.feed(Click("a", second)) }
        try driver.advance(to: .distantFuture)
        #expect(driver.output?.map(\.value) == [2, 4, 5])
    }
}
