import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

private struct Refusal: Error, CustomStringConvertible {
    var what: String
    var description: String { "refused \(what)" }
}
/// A closure behind a step throws for one key: what the others send in the same firing must not be lost.
private struct Windows: Pipeline {
    var trigger = Trigger.atWatermark
    var window = TimeWindow.tumbling(.seconds(10))
    var body: some Flow<Click, String> {
        Events<Click>().keyed().window(window, at: \.at, lateness: .seconds(5), trigger: trigger).count(named: "clicks")
            .flatMap(to: String.self) { [$0.key + ":", $0.key] }
            .map(to: String.self) {
                if $0 == "bad" { throw Refusal(what: $0) }
                return $0
            }
    }
}
private struct Shared: Pipeline {
    var body: some Flow<Click, String> {
        Events<Click>().keyed().window(.sliding(.seconds(10), every: .seconds(5)), at: \.at).count(named: "clicks")
            .map(to: String.self) {
                if $0.key == "bad" { throw Refusal(what: $0.key) }
                return $0.key
            }
    }
}
private struct Sessions: Pipeline {
    var body: some Flow<Click, String> {
        Events<Click>().keyed().window(.session(gap: .seconds(5)), at: \.at).count(named: "clicks")
            .map(to: String.self) {
                if $0.key == "bad" { throw Refusal(what: $0.key) }
                return $0.key
            }
    }
}
private struct Timers: KeyedProcess {
    func makeState() -> Int { 0 }
    func process(
        _ click: Click, at time: EventTime, in context: inout ProcessContext<String, Int>,
        emit: (String) throws -> Void
    ) throws {
        try context.setTimer(at: time + .seconds(5))
        try context.setWallTimer(at: .seconds(500))
    }
    func timer(
        _ timer: ProcessTimer, in context: inout ProcessContext<String, Int>, emit: (String) throws -> Void
    ) throws {
        try emit(context.key)
        if context.key == "bad" { throw Refusal(what: context.key) }
    }
}
private struct Alarms: Pipeline {
    var body: some Flow<Click, String> {
        Events<Click>().timed(by: \.at).keyed().process(Timers(), named: "alarms").map(to: String.self, \.value)
    }
}
private struct Alone: Pipeline {
    var body: some Flow<Click, String> {
        Events<Click>().timed(by: \.at).keyed()
            .leftJoin(Events<Click>().timed(by: \.at).keyed(), before: .zero, after: .seconds(5), named: "pairs")
            .map(to: String.self) {
                if $0.key == "bad" { throw Refusal(what: $0.key) }
                return $0.key
            }
    }
}

@Suite struct FiringFaultTests {
    private let clicks = ["a", "bad", "b", "c"].map { Click($0, 1) }

    private func expect<P: Pipeline>(_ driver: PipelineDriver<P>, _ output: [String], step: String)
    where P.Input == Click, P.Output == String {
        #expect(driver.output.sorted() == output)
        #expect(driver.bad.map(\.offset) == [-1])
        #expect(driver.bad.map(\.step) == [step])
        #expect(driver.bad.first?.reason.contains("refused bad") == true)
        #expect(driver.bad.first?.reason.contains(step) == true)
    }

    @Test func aWindowFiresByASignal() throws {
        let driver = try PipelineDriver(Windows())
        for click in clicks { driver.feed(click) }
        driver.advance(to: .seconds(10))
        expect(driver, ["a", "a:", "b", "b:", "c", "c:"], step: "clicks")
    }
    /// A record on whose way a window fires is no bad record, and takes nothing back that fired.
    @Test func aWindowFiresOnTheWayOfARecord() throws {
        let plan = try Plan(records: Lines(windows: Windows()))
        let kernel = plan.stages[0].makeKernel(KernelOptions())
        var out = StageOutput()
        let all = clicks + [Click("bad", 12), Click("d", 13), Click("e", 30)]
        all.withUnsafeBufferPointer { kernel.values(of: Click.self)?.process($0, at: .distantPast, into: &out) }
        var lines: [String] = []
        out.records.forEach { lines.append(String(decoding: $0.value, as: UTF8.self)) }
        #expect(lines.sorted() == ["a", "a:", "b", "b:", "c", "c:", "d", "d:"])
        #expect(out.bad.map(\.offset) == [-1, -1])
    }
    @Test func sharedSlicesAndSessions() throws {
        let shared = try PipelineDriver(Shared())
        for click in clicks { shared.feed(click) }
        shared.advance(to: .seconds(5))
        expect(shared, ["a", "b", "c"], step: "clicks")
        let sessions = try PipelineDriver(Sessions())
        for click in clicks { sessions.feed(click) }
        sessions.advance(to: .seconds(6))
        expect(sessions, ["a", "b", "c"], step: "clicks")
    }
    @Test func earlyResultsCountTheirRecord() throws {
        let driver = try PipelineDriver(Windows(trigger: .atWatermark(early: .count(1), panes: .discarding)))
        for click in clicks { driver.feed(click) }
        expect(driver, ["a", "a:", "b", "b:", "c", "c:"], step: "clicks")
    }
    @Test func timersAndWallTimers() throws {
        let driver = try PipelineDriver(Alarms())
        for click in clicks { driver.feed(click) }
        driver.advance(to: .seconds(6))
        expect(driver, ["a", "b", "c"], step: "alarms")
        driver.tick(wall: .seconds(500))
        #expect(driver.output.sorted() == ["a", "a", "b", "b", "c", "c"])
        #expect(driver.bad.count == 2)
    }
    @Test func rowsWithoutAPartner() throws {
        let driver = try PipelineDriver(Alone())
        for click in clicks { driver.feed(click) }
        driver.advance(to: .seconds(7))
        expect(driver, ["a", "b", "c"], step: "pairs")
    }
}

private struct Lines: Pipeline {
    struct Line: TestRecord {
        var text: String
        func store(into writer: inout ByteWriter) { writer.text(text) }
        static func load(from reader: inout ByteReader) throws -> Line { Line(text: try .load(from: &reader)) }
    }
    var windows: Windows
    var body: some Flow<Click, Line> { windows.body.map(to: Line.self) { Line(text: $0) } }
}

/// A record that fails and is tried again must count once, and must not be taken for its own duplicate.
@Suite struct RetryTests {
    private final class Mood: @unchecked Sendable {  // because a test's driver has one thread
        var isBad = true
    }
    private struct Once: Pipeline {
        var mood: Mood
        var body: some Flow<Click, Keyed<String, Int>> {
            Events<Click>().timed(by: \.at).keyed().deduplicate(within: .seconds(5)).running(Sum(\.amount))
                .filter { _ in
                    if mood.isBad { throw Refusal(what: "for now") }
                    return true
                }
        }
    }
    private struct Full: Pipeline {
        var mood: Mood
        var body: some Flow<Click, Int> {
            Events<Click>().timed(by: \.at).keyed().window(.count(2)).fold(into: 0) { $0 += $1.amount }
                .map(to: Int.self) {
                    if mood.isBad { throw Refusal(what: "for now") }
                    return $0.value
                }
        }
    }
    private struct Best: Pipeline {
        var mood: Mood
        var body: some Flow<Click, Int> {
            Events<Click>().timed(by: \.at).keyed().running(TopN(3) { $0.amount > $1.amount })
                .map(to: Int.self) {
                    if mood.isBad { throw Refusal(what: "for now") }
                    return $0.value.count
                }
        }
    }
    private struct Reduced: Pipeline {
        var body: some Flow<Click, Pane<String, Click>> {
            Events<Click>().keyed().window(
                .sliding(.seconds(10), every: .seconds(5)), at: \.at, outOfOrder: .seconds(9)
            )
            .reduce { a, b in
                if a.page == "bad" { throw Refusal(what: "parts") }
                return Click(page: a.page, amount: a.amount + b.amount, at: a.at)
            }
        }
    }

    @Test func aRecordTriedAgainCountsOnce() throws {
        let mood = Mood()
        let driver = try PipelineDriver(Once(mood: mood))
        for _ in 0..<3 { driver.feed(Click("a", 1, amount: 5)) }
        #expect(driver.bad.map(\.cause) == [.threw, .threw, .threw])
        mood.isBad = false
        driver.feed(Click("a", 1, amount: 5))
        driver.feed(Click("a", 7, amount: 1))
        #expect(driver.output.map(\.value) == [5, 6])
    }
    @Test func aCountWindowFillsOnce() throws {
        let mood = Mood()
        let driver = try PipelineDriver(Full(mood: mood))
        driver.feed(Click("a", 1, amount: 5))
        driver.feed(Click("a", 2, amount: 6))
        #expect(driver.bad.map(\.cause) == [.threw])
        mood.isBad = false
        driver.feed(Click("a", 2, amount: 6))
        #expect(driver.output == [11])
    }
    /// State that is not plain bytes keeps the record, and says so: an engine must not try it again.
    @Test func aRecordThatStaysInTheStateSaysSo() throws {
        let driver = try PipelineDriver(Best(mood: Mood()))
        driver.feed(Click("a", 1))
        driver.feed(key: nil, value: [1])
        #expect(driver.bad.map(\.cause) == [.threwBehindState, .undecodable])
    }
    @Test func partsThatCannotBePutTogetherAreReported() throws {
        let driver = try PipelineDriver(Reduced())
        for page in ["a", "bad"] { for second in [1, 6] as [Int64] { driver.feed(Click(page, second)) } }
        driver.advance(to: .seconds(10))
        #expect(driver.output.filter { $0.start == .seconds(0) }.map(\.key) == ["a"])
        #expect(driver.bad.map(\.offset) == [-1])
        #expect(driver.bad.first?.reason.contains("parts") == true)
    }
}
