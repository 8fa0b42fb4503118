import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

/// The values of a window as a list, with the watermark in the test's hands. One unit of Beam's time is a microsecond.
private struct Local: Pipeline {
    var window: TimeWindow
    var lateness: TimeSpan
    var trigger: Trigger
    var body: some Flow<Click, Pane<String, [Int]>> {
        Events<Click>().timed(by: \.at, watermark: { _ in nil }).keyed()
            .window(window, lateness: lateness, trigger: trigger).fold(into: []) { $0.append($1.amount) }
    }
}
private struct Shuffled: Pipeline {
    var window: TimeWindow
    var lateness: TimeSpan
    var trigger: Trigger
    var body: some Flow<Click, Pane<String, [Int]>> {
        Events<Click>().timed(by: \.at, watermark: { _ in nil }).keyed(by: \.page)
            .window(window, lateness: lateness, trigger: trigger).fold(into: []) { $0.append($1.amount) }
    }
}
/// A list that merges, as the aggregate of a session has to.
private struct Listing: MergeableAggregate {
    func makeAccumulator() -> [Int] { [] }
    func add(_ click: Click, to list: inout [Int]) { list.append(click.amount) }
    func merge(_ other: [Int], into list: inout [Int]) { list += other }
    func result(of list: [Int]) -> [Int] { list }
}
private struct Sessions: Pipeline {
    var gap: TimeSpan
    var lateness: TimeSpan
    var trigger: Trigger
    var body: some Flow<Click, Pane<String, [Int]>> {
        Events<Click>().timed(by: \.at, watermark: { _ in nil }).keyed(by: \.page)
            .window(.session(gap: gap), lateness: lateness, trigger: trigger).aggregate(Listing())
    }
}
@Suite struct BeamTranscriptTests {
    typealias Scenario = BeamTranscripts.Scenario

    /// What cannot be held against Beam's transcripts, and why. docs/pipelines.md has the same list.
    static let cannotApply = [
        "garbage_collection": "a trigger that ends a window for good before its time (AfterCount alone) is not offered",
        "timestamp_combiner_custom_timestamping_earliest 2":
            "a result's time cannot be chosen: it is the last moment of the window",
    ]
    /// What is left out of the comparison in scenarios that apply.
    static let leftOut = [
        "timestamps of OUTPUT_AT_EARLIEST and OUTPUT_AT_LATEST: a result's time is the last moment of its window",
        "nonspeculative_index: pane info counts all results of a window in one row",
        "panes without values: a result that says nothing new is not sent",
        "results that are taken back: Beam leaves those of a session's earlier bounds standing",
    ]

    @Test(.enabled(if: BeamTranscripts.areThere, "apache-beam's wheel cannot be had from PyPI"))
    func everyScenarioIsKnown() {
        let names = BeamTranscripts.all.map(\.name)
        #expect(names.count >= 18)
        for name in Self.cannotApply.keys { #expect(names.contains(name), "\(name) is there no more") }
        for (name, reason) in Self.cannotApply.sorted(by: { $0.key < $1.key }) { print("beam: not \(name): \(reason)") }
        for reason in Self.leftOut { print("beam: left out: \(reason)") }
        print("beam: \(names.count) scenarios, \(names.count - Self.cannotApply.count) apply")
    }

    @Test(
        .enabled(if: BeamTranscripts.areThere, "apache-beam's wheel cannot be had from PyPI"),
        arguments: BeamTranscripts.all)
    func holds(_ scenario: Scenario) throws {
        guard Self.cannotApply[scenario.name] == nil else { return }
        for isShuffled in [false, true] {
            for order in Order.allCases where order == .asWritten || scenario.trigger.hasPrefix("Default") {
                for restarts in [false, true] {
                    let complaints = try play(scenario, isShuffled: isShuffled, order: order, restarts: restarts)
                    #expect(
                        complaints.isEmpty != scenario.isWrong,
                        "\(scenario.name) \(order) shuffled \(isShuffled) restarts \(restarts): \(complaints)")
                }
            }
        }
    }

    enum Order: CaseIterable { case asWritten, reversed, oneByOne }

    /// What differs from the transcript.
    private func play(_ scenario: Scenario, isShuffled: Bool, order: Order, restarts: Bool) throws -> [String] {
        let trigger = try Self.trigger(scenario)
        let lateness = TimeSpan.microseconds(Int64(scenario.lateness))
        if scenario.window == "Sessions(10)" {
            let sessions = Sessions(gap: .microseconds(10), lateness: lateness, trigger: trigger)
            return try play(scenario, sessions, order, restarts)
        }
        let window = try Self.window(scenario)
        return isShuffled
            ? try play(scenario, Shuffled(window: window, lateness: lateness, trigger: trigger), order, restarts)
            : try play(scenario, Local(window: window, lateness: lateness, trigger: trigger), order, restarts)
    }
    private func play<P: Pipeline>(
        _ scenario: Scenario, _ pipeline: P, _ order: Order, _ restarts: Bool
    ) throws -> [String] where P.Input == Click, P.Output == Pane<String, [Int]> {
        let driver = try PipelineDriver(pipeline)
        var unclaimed: [(pane: Pane<String, [Int]>, time: EventTime)] = []
        var complaints: [String] = []
        func nothingIsLeft() {
            for (pane, _) in unclaimed { complaints.append("unexpected \(pane)") }
            unclaimed = []
        }
        for action in scenario.actions {
            if restarts {
                try driver.restart()
                driver.evict()
            }
            switch action {
            case .input(let times):
                nothingIsLeft()
                for time in order == .reversed ? times.reversed() : times {
                    driver.feed(Click(page: "k", amount: time, at: .microseconds(Int64(time))))
                }
            case .watermark(let time):
                nothingIsLeft()
                driver.advance(to: .microseconds(Int64(time)))
            case .expect(let expected):
                for wanted in expected {
                    if wanted.values == [] { continue }
                    if let index = unclaimed.firstIndex(where: { fits($0, wanted, scenario) }) {
                        unclaimed.remove(at: index)
                    } else {
                        complaints.append("no \(wanted) among \(unclaimed.map(\.pane))")
                    }
                }
            case .state: break
            }
            if case .expect = action { continue }
            unclaimed += driver.timedOutput.filter { !$0.value.info.isRetraction }.map { ($0.value, $0.time) }
            driver.removeOutput()
        }
        nothingIsLeft()
        return complaints
    }

    private func fits(
        _ found: (pane: Pane<String, [Int]>, time: EventTime), _ wanted: Scenario.Expected, _ scenario: Scenario
    ) -> Bool {
        let pane = found.pane
        let timing = pane.info.timing
        let checksTime = scenario.combiner == "OUTPUT_AT_EOW"
        return pane.start.microseconds == Int64(wanted.window[0])
            && pane.end.microseconds - 1 == Int64(wanted.window[1])
            && (wanted.values == nil || pane.value.sorted() == wanted.values?.sorted())
            && (wanted.index == nil || pane.info.index == wanted.index)
            && (wanted.early == nil || (timing == .early) == wanted.early)
            && (wanted.late == nil || (timing == .late) == wanted.late)
            && (wanted.isFinal == nil || pane.info.isFinal == wanted.isFinal)
            && (wanted.timestamp == nil || !checksTime || found.time.microseconds == Int64(wanted.timestamp ?? 0))
    }

    struct NotUnderstood: Error { var text: String }
    /// `FixedWindows(10)` and the like.
    private static func window(_ scenario: Scenario) throws -> TimeWindow {
        switch scenario.window {
        case "FixedWindows(10)": .tumbling(.microseconds(10))
        // Asked for only to see that it changes nothing, where its own times are not asked for.
        case "CustomTimestampingFixedWindowsWindowFn(10)": .tumbling(.microseconds(10))
        case "GlobalWindows" where scenario.isWrong: .global
        default: throw NotUnderstood(text: scenario.window)
        }
    }
    private static func trigger(_ scenario: Scenario) throws -> Trigger {
        let panes: Trigger.Panes = scenario.isDiscarding ? .discarding : .accumulating
        return switch scenario.trigger {
        case "Default": .atWatermark(panes: panes)
        case "AfterWatermark(early=AfterCount(3), late=AfterCount(1))":
            .atWatermark(early: .count(3), late: .count(1), panes: panes)
        case "AfterWatermark(early=AfterCount(2), late=AfterCount(3))":
            .atWatermark(early: .count(2), late: .count(3), panes: panes)
        case "AfterWatermark(early=AfterCount(2))": .atWatermark(early: .count(2), panes: panes)
        default: throw NotUnderstood(text: scenario.trigger)
        }
    }
}
