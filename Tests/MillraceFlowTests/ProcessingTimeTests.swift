import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

/// The three times: of the event, of the log (ingestion), and of the moment at which a record comes by.
@Suite struct ProcessingTimeTests {
    struct Processing: Pipeline {
        var trigger = Trigger.atWatermark
        var body: some Flow<Click, Pane<String, Int>> {
            Events<Click>().timed(by: \.at).keyed(by: \.page)
                .window(processing: .tumbling(.seconds(10)), trigger: trigger).count()
        }
    }
    struct Sliding: Pipeline {
        var body: some Flow<Click, Pane<String, Int>> {
            Events<Click>().keyed().window(processing: .sliding(.seconds(10), every: .seconds(5))).count()
        }
    }
    struct Session: Pipeline {
        var body: some Flow<Click, Pane<String, Int>> {
            Events<Click>().keyed().window(processing: .session(gap: .seconds(5))).count()
        }
    }
    struct Ingestion: Pipeline {
        var body: some Flow<Click, Pane<String, Int>> {
            Events<Click>().keyed(by: \.page).window(.tumbling(.seconds(10))).count()
        }
    }

    @Test func windowsGoByTheWallClock() throws {
        let driver = try PipelineDriver(Processing(), partitions: 2)
        driver.tick(wall: .seconds(1_000))
        // Event times are all over the place, and one moves the watermark far ahead: nothing follows from it.
        driver.feed(Click("a", 5_000_000), to: 0)
        driver.feed(Click("a", 3), to: 1)
        driver.tick(wall: .seconds(1_009))
        driver.feed(Click("a", 4_000), to: 0)
        driver.feed(Click("b", 1), to: 0)
        #expect(driver.output.isEmpty)
        driver.tick(wall: .seconds(1_010))
        #expect(
            driver.output.map(\.description).sorted() == [
                "a [1000000000, 1010000000) 3 #0 onTime final", "b [1000000000, 1010000000) 1 #0 onTime final",
            ])
        driver.feed(Click("a", 3), to: 1)
        driver.advance(to: .distantFuture)
        #expect(driver.output.last?.start == .seconds(1_010))
        #expect(driver.lateDropped == 0)
    }
    /// The clock stands still while the process is away; what was open then goes on in its window.
    @Test func windowsOutliveARestart() throws {
        let driver = try PipelineDriver(Processing())
        driver.tick(wall: .seconds(1_001))
        driver.feed(Click("a", 5_000_000))
        try driver.restart()
        driver.tick(wall: .seconds(1_004))
        driver.feed(Click("a", 2))
        driver.evict()
        try driver.restart()
        driver.tick(wall: .seconds(1_100))
        #expect(driver.output.map(\.value) == [2])
        #expect(driver.stateEntries == 0)
    }
    @Test func slidingAndSessionWindows() throws {
        let sliding = try PipelineDriver(Sliding())
        let sessions = try PipelineDriver(Session())
        for second in [0, 3, 7, 12, 30, 60] as [Int64] {
            sliding.tick(wall: .seconds(second))
            sessions.tick(wall: .seconds(second))
            if second < 60 {
                sliding.feed(Click("a", 1))
                sessions.feed(Click("a", 1))
            }
        }
        #expect(sliding.output.map(\.value) == [2, 3, 2, 1, 1, 1])
        #expect(sessions.output.map(\.value) == [3, 1, 1])
        #expect(sessions.output.map(\.start) == [.seconds(0), .seconds(12), .seconds(30)])
    }
    @Test func earlyResults() throws {
        let driver = try PipelineDriver(Processing(trigger: .atWatermark(early: .count(2), panes: .discarding)))
        driver.tick(wall: .seconds(1_000))
        for _ in 0..<3 { driver.feed(Click("a", 1)) }
        driver.tick(wall: .seconds(1_010))
        #expect(driver.output.map(\.value) == [2, 1])
        #expect(driver.output.map(\.info.timing) == [.early, .onTime])
    }
    /// Ingestion time is the log's own time of a record: given again by every replay.
    @Test func ingestionTimeIsTheLogs() throws {
        let driver = try RestartDriver(Ingestion())
        try driver.feed(Click("a", 9_999), at: .seconds(1))
        try driver.feed(Click("a", 0), at: .seconds(2))
        try driver.tick(wall: .seconds(5_000))
        try driver.feed(Click("a", 0), at: .seconds(12))
        #expect(driver.output?.map(\.value) == [2])
    }
}
