import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

struct PageViews: Pipeline {
    var body: some Flow<Click, Pane<String, Int>> {
        Events<Click>()
            .filter { $0.amount > 0 }
            .keyed(by: \.page)
            .window(.tumbling(.seconds(10)), at: \.at, lateness: .seconds(5))
            .count()
    }
}
struct LocalPageViews: Pipeline {
    var body: some Flow<Click, Pane<String, Int>> {
        Events<Click>()
            .keyed()
            .window(.tumbling(.seconds(10)), at: \.at, lateness: .seconds(5))
            .count()
    }
}

@Suite struct TumblingTests {
    @Test func firesWhenTheWatermarkPasses() throws {
        let driver = try PipelineDriver(PageViews())
        driver.feed(Click("a", 1))
        driver.feed(Click("a", 9))
        driver.feed(Click("b", 3))
        #expect(driver.output.isEmpty)
        driver.feed(Click("a", 12))
        #expect(driver.watermark == .seconds(12))
        #expect(
            Set(driver.output) == [
                Pane(key: "a", start: .seconds(0), end: .seconds(10), value: 2, info: PaneInfo(isFinal: false)),
                Pane(key: "b", start: .seconds(0), end: .seconds(10), value: 1, info: PaneInfo(isFinal: false)),
            ])
        driver.removeOutput()
        driver.feed(Click("a", 5))
        #expect(
            driver.output == [
                Pane(
                    key: "a", start: .seconds(0), end: .seconds(10), value: 3,
                    info: PaneInfo(index: 1, timing: .late, isFinal: false))
            ])
        driver.removeOutput()
        driver.feed(Click("a", 15))
        driver.feed(Click("a", 5))
        #expect(driver.output.isEmpty)
        #expect(driver.lateDropped == 1)
    }

    @Test func localEqualsShuffled() throws {
        let local = try PipelineDriver(LocalPageViews())
        let shuffled = try PipelineDriver(PageViews())
        for (page, second) in [("a", 1), ("b", 2), ("a", 4), ("c", 11), ("a", 9), ("b", 25), ("a", 12)]
            as [(String, Int64)]
        {
            local.feed(Click(page, second))
            shuffled.feed(Click(page, second))
        }
        local.advance(to: .distantFuture)
        shuffled.advance(to: .distantFuture)
        #expect(local.output == shuffled.output)
        #expect(local.plan.stages.count == 1)
        #expect(shuffled.plan.stages.count == 2)
    }

    @Test func planIsReadable() throws {
        let plan = try Plan(rows: PageViews())
        #expect(plan.layout.columns.map(\.name).prefix(4) == ["key", "window_start", "window_end", "value"])
        #expect(plan.describe().contains("from shuffle of stage 0"))
        #expect(plan.describe().contains("pre-combine Count<Click>"))
    }
}
