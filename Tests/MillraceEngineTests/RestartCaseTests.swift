import Foundation
import MillraceCore
import MillraceFlow
import MillraceLog
import MillraceTables
import Testing

@testable import EngineProbe
@testable import MillraceEngine

/// Two timers of one key for one moment, a minute after the visit.
private struct Reminders: KeyedProcess {
    typealias State = Int
    func makeState() -> Int { 0 }

    func process(
        _ visit: Visit, at time: EventTime, in context: inout ProcessContext<UInt32, Int>, emit: (Visit) throws -> Void
    ) throws {
        guard visit.page != 99 else { return }
        for tag in 1...2 { try context.setTimer(at: time + .seconds(60), tag: tag) }
    }
    func timer(
        _ timer: ProcessTimer, in context: inout ProcessContext<UInt32, Int>, emit: (Visit) throws -> Void
    ) throws {
        try emit(Visit(user: context.key, page: UInt32(timer.tag), second: UInt32(timer.time.microseconds / 1_000_000)))
    }
}

private struct Reminding: Pipeline {
    var body: some Flow<Visit, Visit> {
        Events<Visit>().timed(by: \.at).keyed().process(Reminders(), forgetAfter: .days(30)).map(to: Visit.self) {
            $0.value
        }
    }
}

/// Cases T24, T25 and T28 of the list; T26 is in `ExactlyOnceTests`, T27 in `SimulatedNodeTests`.
@Suite struct RestartCaseTests {
    private let visits = Log<Visit>("visits").keeping()
    private static func visit(_ n: UInt32) -> Visit { Visit(user: n % 10, page: n % 3, second: 1_000 + n) }
    private static let closing = (0..<10 as Range<UInt32>).map { Visit(user: $0, page: 99, second: 9_000) }

    private func failure(_ body: () async throws -> Void) async -> Failure? {
        do { try await body() } catch { return error as? Failure }
        return nil
    }

    /// T24: tables from an older copy beside a log that went on are refused, since their pipelines would send again
    /// what is in the log already; the whole directory from one copy goes on as it was.
    @Test func aStaleCopyOfTheTablesIsRefusedAndAWholeCopyGoesOn() async throws {
        let fixture = NodeFixture(Topology([visits.feeds(PromptViews()).into(Table("views"))]))
        let copy = fixture.directory + ".copy"
        defer {
            fixture.remove()
            try? FileManager.default.removeItem(atPath: copy)
        }
        let list = (0..<2_000 as Range<UInt32>).map(Self.visit)
        let first = try fixture.start()
        try await first.append(Array(list[..<1_000]), to: "visits")
        _ = try await first.run(until: { try !$0.counts("views").isEmpty }, then: { _ in })
        try FileManager.default.copyItem(atPath: fixture.directory, toPath: copy)
        let second = try fixture.start()
        try await second.append(Array(list[1_000...]) + Self.closing, to: "visits")
        let expected = expectedCounts(list)
        _ = try await second.run(until: { try $0.counts("views").count >= expected.count }, then: { _ in })

        try FileManager.default.removeItem(atPath: fixture.directory + "/tables")
        try FileManager.default.copyItem(atPath: copy + "/tables", toPath: fixture.directory + "/tables")
        let refusal = await failure { _ = try fixture.start() }
        #expect(refusal?.code == .incompatible)
        #expect(refusal?.message.contains("those of start 1") == true)

        try FileManager.default.removeItem(atPath: fixture.directory)
        try FileManager.default.copyItem(atPath: copy, toPath: fixture.directory)
        let third = try fixture.start()
        try await third.append(Array(list[1_000...]) + Self.closing, to: "visits")
        let rows = try await third.run(
            until: { try $0.counts("views").count >= expected.count }, then: { try $0.counts("views") })
        #expect(rows == expected)
    }

    /// T25: a pipeline whose records are gone stops and names them; it goes on when somebody has decided so.
    @Test func aGapStopsThePipelineUntilSomebodyDecides() async throws {
        let topology = Topology([visits.feeds(EvenPages()).into(Log<Visit>("even").keeping())])
        var fixture = NodeFixture(topology)
        defer { fixture.remove() }
        let first = try fixture.start()
        try await first.append((0..<100 as Range<UInt32>).map(Self.visit), to: "visits")
        _ = try await first.run(until: { $0.status().pipelines[0].tasks[0].recordsIn == 100 }, then: { _ in })
        // While the pipeline is not in the topology nothing is kept for it.
        fixture.topology = Topology([.log(visits.description)])
        let without = try fixture.start()
        for n in 1...2 as ClosedRange<UInt32> {
            try await without.append((n * 100..<n * 100 + 100).map(Self.visit), to: "visits")
        }
        try without.log.topic("visits")!.partitions[0].deleteRecords(before: 200)
        await without.close()

        fixture.topology = topology
        let stopped = try fixture.start()
        let gap = await failure { try await stopped.run() }
        #expect(gap?.code == .offsetOutOfRange)
        #expect(gap?.message == "gap: records 100 to 199 are gone and were not read")
        #expect(stopped.status().pipelines[0].state == .failed)
        await stopped.close()

        fixture.settings.skipGap = "EvenPages"
        let decided = try fixture.start()
        _ = try await decided.run(
            until: {
                $0.status().pipelines[0].tasks[0].recordsIn == 200 && $0.status().pipelines[0].tasks[0].commits > 1
            },
            then: { _ in })
        let last = try fixture.start()
        let found = try last.records("even", of: Visit.self).map(\.second)
        let wanted = (Array(0..<100) + Array(200..<300)).map(Self.visit).filter { $0.page.isMultiple(of: 2) }
        #expect(found == wanted.map(\.second))
        await last.close()
    }

    /// T28: timers that fall due while the node is down fire once after the restart, two of one moment both.
    @Test func timersThatFellDueWhileTheNodeWasDownFireOnce() async throws {
        let fixture = NodeFixture(
            Topology([visits.feeds(Reminding()).into(Log<Visit>("reminders").keeping())]))
        defer { fixture.remove() }
        let first = try fixture.start()
        try await first.append((0..<10 as Range<UInt32>).map(Self.visit), to: "visits")
        _ = try await first.run(until: { $0.status().pipelines[0].tasks[0].recordsIn == 10 }, then: { _ in })
        for round in 0..<2 as Range<UInt32> {
            let node = try fixture.start()
            // Event time passes their moment.
            try await node.append([Visit(user: 1, page: 99, second: 5_000 + round)], to: "visits")
            let fired = try await node.run(
                until: { try $0.records("reminders", of: Visit.self).count >= 20 },
                then: { try $0.records("reminders", of: Visit.self) })
            let wanted = (0..<10 as Range<UInt32>).map(Self.visit).flatMap { visit in
                [1, 2].map { Visit(user: visit.user, page: $0, second: visit.second + 60) }
            }
            #expect(fired.occurrences == wanted.occurrences)
        }
    }

    /// T28: what another version wrote is refused by name, not read as something else.
    @Test func aMarkOfAnotherVersionIsRefused() throws {
        let task = TaskAddress(pipeline: "views", stage: 0, partition: 0)
        for version in [0, 1, 4, 99] as [UInt8] {
            var bytes = TaskMark().bytes
            bytes[0] = version
            do throws(Failure) {
                _ = try TaskMark(bytes, of: task)
                Issue.record("version \(version) was read")
            } catch {
                #expect(error.code == .incompatible && error.isFatal)
                #expect(error.advice.contains("another version"))
            }
        }
    }
}
