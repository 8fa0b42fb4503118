import Foundation
import MillraceCore
import MillraceFlow
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

@Suite struct StuckTaskTests {
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
