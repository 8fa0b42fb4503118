import Foundation
import MillraceCore
import MillraceFlow
import MillraceTables
import Testing

@testable import EngineProbe
@testable import MillraceEngine

/// Views of a page in a day: every page of the load has its pane open until the end.
private struct DayViews: Pipeline {
    var body: some Flow<Visit, Pane<UInt32, Int>> {
        Events<Visit>().keyed(by: \.page).window(.tumbling(.days(1)), at: \.at, outOfOrder: .days(1)).count()
    }
}

/// Every third view of a page: read and written by key, without a window of time.
private struct ThirdViews: Pipeline {
    var body: some Flow<Visit, Pane<UInt32, Int>> {
        Events<Visit>().keyed(by: \.page).window(.count(3)).fold(into: 0) { count, _ in count += 1 }
    }
}

/// The first visit of each user in a year: what has a deadline stays in memory.
private struct FirstVisits: Pipeline {
    var body: some Flow<Visit, Visit> {
        Events<Visit>().timed(by: \.at, outOfOrder: .days(1)).keyed().deduplicate(within: .days(365))
            .map(to: Visit.self) { $0.value }
    }
}

private struct SomePages: Pipeline {
    var body: some Flow<Visit, Visit> { Events<Visit>().filter { $0.page == 7 } }
}

@Suite struct LargeStateTests {
    /// State that cannot leave memory ends its pipeline, not the process; with more memory it goes on from there.
    @Test func stateThatHasToStayInMemoryFailsItsPipelineAndNoOther() async throws {
        let visits = Log<Visit>("visits").keeping()
        var fixture = NodeFixture(
            Topology([
                visits.feeds(FirstVisits()).into(Log<Visit>("firsts").keeping()),
                visits.feeds(SomePages()).into(Log<Visit>("some").keeping()),
            ]))
        defer { fixture.remove() }
        fixture.settings.stateBudget = 64 << 10
        fixture.settings.commitBytes = 256 << 10
        let node = try fixture.start()
        let users = 200_000 as UInt32
        for start in stride(from: 0, to: users, by: 10_000) {
            try await node.append(
                (start..<start + 10_000).map { Visit(user: $0, page: $0 % 100, second: 1_000) }, to: "visits")
        }
        async let running: Void = node.run()
        try await node.waits { $0.status().pipelines[0].state == .failed }
        let failure = try #require(node.status().pipelines[0].failure)
        #expect(failure.contains("limit-reached") && failure.contains("Raise state.budget"), "\(failure)")
        try await node.waits { try $0.records("some", of: Visit.self).count == Int(users) / 100 }
        #expect(node.status().pipelines[1].state == .running)
        node.stop()
        _ = try? await running
        let committed = try node.records("firsts", of: Visit.self).count
        #expect(committed > 1_000 && committed < Int(users))
        await node.close()

        fixture.settings.stateBudget = 64 << 20
        let again = try fixture.start()
        let firsts = try await again.run(
            until: { try $0.records("firsts", of: Visit.self).count >= Int(users) },
            then: { try $0.records("firsts", of: Visit.self) })
        #expect(firsts.map(\.user) == Array(0..<users))
    }

    @Test func onlyWhoHoldsMoreThanTheOthersIsAtFault() throws {
        let task = TaskAddress(pipeline: "p", stage: 0, partition: 0)
        let budget = SharedBudget(bytes: 4 << 20)
        #expect(budget.most == 16 << 20)
        _ = budget.report(before: 0, now: 15 << 20)
        try budget.check(15 << 20, of: task)
        _ = budget.report(before: 0, now: 2 << 20)
        try budget.check(2 << 20, of: task)
        let failure = #expect(throws: Failure.self) { try budget.check(15 << 20, of: task) }
        #expect(failure?.code == .limitReached && failure?.isFatal == true)
        // Gone: there is room again.
        _ = budget.report(before: 15 << 20, now: 0)
        try budget.check(2 << 20, of: task)
    }

    private static let keys = Int(ProcessInfo.processInfo.environment["MILLRACE_TEST_STATE_KEYS"] ?? "") ?? 20_000
    /// A twentieth of what the panes take.
    private static let budget = keys * 48 / 20

    /// Every key three times, in an order that finds it gone from memory each time; restarts in between.
    @Test func stateLargerThanItsMemoryIsRightOverAWholeRunAndItsRestarts() async throws {
        let log = Log<Visit>("visits", partitions: 2).keeping()
        var fixture = NodeFixture(
            Topology([
                log.feeds(DayViews()).into(Table("views")), log.feeds(ThirdViews()).into(Table("thirds")),
            ]))
        defer { fixture.remove() }
        fixture.settings.stateBudget = Self.budget
        fixture.settings.commitBytes = 16 << 10
        var random = SeededRandom(seed: 11)
        let peak = Lock(0)
        var total = 0
        for round in 0..<3 as Range<UInt32> {
            let node = try fixture.start()
            let visits = (0..<Self.keys).shuffled(using: &random).map {
                Visit(user: UInt32($0 % 100), page: UInt32($0), second: 1_000 + round)
            }
            for start in stride(from: 0, to: visits.count, by: 500) {
                try await node.append(Array(visits[start..<min(start + 500, visits.count)]), to: "visits")
            }
            total += visits.count
            if round == 2 {
                // Days later: every pane of the first day is read back and fires.
                try await node.append(
                    (0..<100 as Range<UInt32>).map { Visit(user: $0, page: 4_000_000_000, second: 400_000) },
                    to: "visits")
                total += 100
            }
            let (wanted, isLast) = (Int64(total), round == 2)
            _ = try await node.run(
                until: { node in
                    let pipelines = node.status().pipelines
                    // A window that fires is read back whole: that is the last round's.
                    let held = isLast ? 0 : pipelines.flatMap(\.tasks).reduce(0) { $0 + $1.stateBytes }
                    peak.withLock { $0 = max($0, held) }
                    let isRead = pipelines.allSatisfy { pipeline in
                        pipeline.stages[0].tasks.reduce(0) { $0 + $1.recordsIn } == wanted
                            && pipeline.tasks.allSatisfy { $0.lagRecords == 0 }
                    }
                    return try isRead
                        && (!isLast
                            || node.counts("views").count >= Self.keys && node.counts("thirds").count > Self.keys)
                },
                then: { _ in })
        }
        let node = try fixture.start()
        let views = try node.counts("views")
        #expect(views.count == Self.keys)
        #expect(views.allSatisfy { $0[2] == 3 })
        let thirds = try node.counts("thirds").filter { $0[0] < 4_000_000_000 }
        #expect(Set(thirds.map { $0[0] }).count == Self.keys && thirds.count == Self.keys)
        #expect(thirds.allSatisfy { $0[2] == 3 })
        await node.close()
        // Tables grow by doubling and a commit's worth is held beyond the budget; all of it would be twenty times as
        // much.
        #expect(peak.withLock { $0 } < Self.keys * 48, "\(peak.withLock { $0 }) bytes at most, of \(Self.budget)")
    }
}
