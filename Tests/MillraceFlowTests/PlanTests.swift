import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

@Suite struct PlanTests {
    struct Twice: Pipeline {
        var second = "count"
        var body: some Flow<Click, Pane<String, Int>> {
            Events<Click>().keyed(by: \.page).window(.tumbling(.seconds(10)), at: \.at).count()
                .keyed(by: \.key).window(.tumbling(.seconds(60))).sum(\.value, named: second)
        }
    }
    @Test func stateNamesMustDiffer() throws {
        let failure = #expect(throws: Failure.self) { try Plan(rows: Twice()) }
        #expect(failure?.code == .invalidArgument)
        #expect(failure?.description.contains("named: \"") == true)
        let plan = try Plan(rows: Twice(second: "minute"))
        #expect(plan.stages.count == 3)
        #expect(plan.stages.map { $0.states.map(\.name) } == [[], ["count"], ["minute"]])
    }
    @Test func windowsBehindWindowsUseThePanesTime() throws {
        let driver = try PipelineDriver(Twice(second: "minute"), partitions: 2)
        for second in [1, 15, 30, 59, 61, 125] as [Int64] { driver.feed(Click("a", second), to: Int(second % 2)) }
        driver.advance(to: .distantFuture)
        #expect(driver.output.map(\.value) == [4, 1, 1])
        #expect(driver.output.map(\.start) == [.seconds(0), .seconds(60), .seconds(120)])
    }

    struct Cumulative: Pipeline {
        var body: some Flow<Click, Pane<String, Int>> {
            Events<Click>().keyed(by: \.page)
                .window(.cumulative(.seconds(60), every: .seconds(10)), at: \.at, lateness: .seconds(1)).count()
        }
    }
    @Test func whatCannotWorkIsRefusedAtStart() {
        let failure = #expect(throws: Failure.self) { try Plan(rows: Cumulative()) }
        #expect(failure?.advice.isEmpty == false)
    }

    struct Windows: Pipeline {
        var size: Int64
        var body: some Flow<Click, Pane<String, Int>> {
            Events<Click>().keyed().window(.tumbling(.seconds(size)), at: \.at).count()
        }
    }
    @Test func stateOfAnotherShapeIsRefused() throws {
        var out = StageOutput()
        let state = MemoryState()
        let old = try Plan(rows: Windows(size: 10)).stages[0].makeKernel(KernelOptions())
        let click = Click("a", 1)
        if let input = old.values(of: Click.self) {
            withUnsafePointer(to: click) {
                input.process(UnsafeBufferPointer(start: $0, count: 1), at: .distantPast, into: &out)
            }
        }
        var delta = StateDelta()
        old.takeDelta(into: &delta)
        state.apply(delta)
        let same = try Plan(rows: Windows(size: 10)).stages[0].makeKernel(KernelOptions())
        try same.restore(from: state, watermark: .distantPast)
        let other = try Plan(rows: Windows(size: 20)).stages[0].makeKernel(KernelOptions())
        let failure = #expect(throws: Failure.self) { try other.restore(from: state, watermark: .distantPast) }
        #expect(failure?.code == .incompatible)
    }

    private struct Described: Pipeline {
        var body: some Flow<Click, Keyed<String, Int>> {
            Events<Click>().timed(by: \.at).keyed(by: \.page).deduplicate(within: .seconds(5))
                .running(Sum(\.amount), forgetAfter: .hours(1))
        }
    }
    /// Stages, shuffles, keys, state, time and what bounds memory.
    @Test func aPlanSaysWhatItIsMadeOf() throws {
        let text = try Plan(rows: Described()).describe()
        for part in [
            "stage 0", "from log of Click", "time from the record", "key String", "to shuffle of stage 0",
            "from shuffle of stage 0", "keyed by String", "deduplicate within 5.0 s", "state \"deduplicate\"",
            "memory: 40 bytes a key, in memory until it ends", "state \"running\"", "kept until 3600.0 s",
        ] { #expect(text.contains(part), "\(part) is not in\n\(text)") }
        #expect(!text.contains("warning"))
        let windows = try Plan(rows: PageViews()).describe()
        for part in ["at most 65536 keys of 48 bytes", "bytes a key and open window", "at a time", "columns key text"] {
            #expect(windows.contains(part), "\(part) is not in\n\(windows)")
        }
    }

    /// What crosses a shuffle is one partial pane per key, not every record.
    @Test func preCombineSendsPartialPanes() throws {
        let kernel = try Plan(rows: PageViews()).stages[0].makeKernel(KernelOptions())
        var out = StageOutput()
        let clicks = (0..<900).map { Click(["a", "b", "c"][$0 % 3], Int64($0 % 10)) }
        clicks.withUnsafeBufferPointer {
            kernel.values(of: Click.self)?.process($0, at: .distantPast, into: &out)
        }
        kernel.flush(into: &out)
        #expect(out.records.count == 3)
    }

    struct Throwing: Pipeline {
        struct Refusal: Error {}
        var body: some Flow<Click, String> {
            Events<Click>().flatMap(to: String.self) { [$0.page, $0.page] }
                .map(to: String.self) {
                    if $0 == "bad" { throw Refusal() }
                    return $0
                }
        }
    }
    @Test func badRecordsAreValues() throws {
        let driver = try PipelineDriver(Throwing())
        driver.feed(Click("a", 1))
        driver.feed(key: nil, value: [1, 2])
        driver.feed(Click("bad", 1))
        driver.feed(key: nil, value: nil)
        driver.feed(Click("b", 1))
        #expect(driver.output == ["a", "a", "b", "b"])
        #expect(driver.bad.map(\.offset) == [1, 2, 3])
        #expect(driver.bad.map(\.cause) == [.undecodable, .threw, .undecodable])
    }
}
