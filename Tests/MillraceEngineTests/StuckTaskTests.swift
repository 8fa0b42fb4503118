import Foundation
import MillraceCore
import MillraceFlow
import MillraceLog
import Synchronization
import Testing

@testable import EngineProbe
@testable import MillraceEngine

/// Does not return from one record for a while, the first time it sees it.
private struct SlowPages: Pipeline {
    static let hasSlept = Atomic<Bool>(false)

    var body: some Flow<Visit, Visit> {
        Events<Visit>().filter { visit in
            if visit.page == 13, !Self.hasSlept.exchange(true, ordering: .relaxed) { usleep(2_500_000) }
            return true
        }
    }
}

/// Does not return from one record until the test says so.
private struct EndlessPages: Pipeline {
    static let mayReturn = Atomic<Bool>(false)

    var body: some Flow<Visit, Visit> {
        Events<Visit>().filter { visit in
            while visit.page == 13, !Self.mayReturn.load(ordering: .relaxed) { usleep(1_000) }
            return true
        }
    }
}

@Suite(.serialized) struct StuckTaskTests {
    private func partition(of user: UInt32) -> Int {
        var key = ByteWriter()
        key.integer(user)
        return key.bytes.withUnsafeBytes { Partitioner.partition(ofKey: $0, among: 8) }
    }

    /// More partitions than lanes, and all records of one of them behind one that never returns.
    @Test func aClosureThatNeverReturnsStarvesNobodyAndEndsItsOwnPipelineOnly() async throws {
        EndlessPages.mayReturn.store(false, ordering: .relaxed)
        let visits = Log<Visit>("visits", partitions: 8).keeping()
        var fixture = NodeFixture(
            Topology([
                visits.feeds(EndlessPages()).into(Log<Visit>("endless").keeping()),
                visits.feeds(EvenPages()).into(Log<Visit>("even").keeping()),
            ]))
        fixture.settings.stuckAfter = .milliseconds(2_500)
        fixture.settings.drainDeadline = .milliseconds(500)
        defer { fixture.remove() }
        let node = try fixture.start()
        async let running: Void = node.run()
        // Users are spread over the partitions; user 5's records are behind the one that does not return.
        let list = (0..<4_000 as Range<UInt32>).map {
            Visit(user: $0 % 40, page: $0 == 5 ? 13 : 2, second: $0)
        }
        try await node.append(list, to: "visits")
        // Both lanes' worth of tasks go on: the other pipeline's, and the stuck one's own other partitions.
        let held = partition(of: 5)
        let others = list.filter { partition(of: $0.user) != held }
        try await node.waits { try $0.records("even", of: Visit.self).count == 3_999 }
        try await node.waits { try $0.records("endless", of: Visit.self).count >= others.count }
        // Tried once more, then given up; the other pipeline does not notice.
        try await node.waits { $0.status().pipelines[0].state == .failed }
        #expect(node.status().pipelines[0].failure?.contains("no progress") == true)
        #expect(node.status().pipelines[1].state == .running)
        // It takes no orders any more, and says so.
        #expect(throws: Failure.self) { try node.pause(pipeline: "EndlessPages") }
        #expect(node.status().pipelines[0].state == .failed)
        try await node.append([Visit(user: 1, page: 4, second: 9_000)], to: "visits")
        try await node.waits { try $0.records("even", of: Visit.self).count == 4_000 }
        // What comes back at last has no effect.
        EndlessPages.mayReturn.store(true, ordering: .relaxed)
        node.stop()
        var failure: Failure?
        do { try await running } catch { failure = error as? Failure }
        #expect(failure?.code == .timedOut)
        #expect(Set(try node.records("endless", of: Visit.self)) == Set(others))
        await node.close()
    }

    @Test func aTaskThatDoesNotGetOnIsReportedAndRestartedAndNothingIsLost() async throws {
        let visits = Log<Visit>("visits").keeping()
        var fixture = NodeFixture(
            Topology([
                visits.feeds(SlowPages()).into(Log<Visit>("slow").keeping()),
                visits.feeds(EvenPages()).into(Log<Visit>("even").keeping()),
            ]))
        fixture.settings.stuckAfter = .milliseconds(500)
        defer { fixture.remove() }
        let node = try fixture.start()
        async let running: Void = node.run()
        let list = (0..<1_000 as Range<UInt32>).map { Visit(user: 1, page: $0 == 500 ? 13 : 2, second: $0) }
        try await node.append(list, to: "visits")
        // The other pipeline goes on meanwhile.
        try await node.waits { try $0.records("even", of: Visit.self).count == 999 }
        #expect(try node.records("slow", of: Visit.self).isEmpty)
        try await node.waits { try $0.records("slow", of: Visit.self).count == 1_000 }
        let task = try #require(node.status().pipelines.first?.tasks.first)
        #expect(task.restarts == 1)
        #expect(task.lastFailure?.contains("no progress") == true || task.lastFailure?.contains("cancelled") == true)
        #expect(try node.records("slow", of: Visit.self) == list)
        node.stop()
        try await running
        await node.close()
    }
}
