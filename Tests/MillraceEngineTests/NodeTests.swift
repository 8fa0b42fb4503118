import Foundation
import MillraceCore
import MillraceFlow
import MillraceLog
import MillraceTables
import Testing

@testable import EngineProbe
@testable import MillraceEngine

private func pause(milliseconds: UInt32) { usleep(milliseconds * 1_000) }

/// Every second by itself, and nothing may be late.
private struct StrictViews: Pipeline {
    var body: some Flow<Visit, Pane<UInt32, Int>> {
        Events<Visit>().keyed(by: \.page).window(.tumbling(.seconds(1)), at: \.at).count()
    }
}

@Suite struct NodeTests {
    private static let topology = Topology([
        Log<Visit>("visits", partitions: 3).feeds(PromptViews()).into(Table("views"))
    ])

    /// Visits of twenty pages over two minutes, and one of each user far later so that every earlier window closes.
    private static func visits(seed: UInt64, count: Int) -> [Visit] {
        var random = SeededRandom(seed: seed)
        return (0..<count).map { n in
            Visit(
                user: UInt32.random(in: 0..<50, using: &random), page: UInt32.random(in: 0..<20, using: &random),
                second: UInt32(1_000 + n * 120 / count))
        }
    }
    private static let closing = (0..<50 as Range<UInt32>).map { Visit(user: $0, page: 99, second: 2_000) }

    @Test func countsCrossTheShuffleIntoTheTable() async throws {
        let fixture = NodeFixture(Self.topology)
        defer { fixture.remove() }
        let visits = Self.visits(seed: 1, count: 5_000)
        let node = try fixture.start()
        try await node.append(visits, to: "visits")
        try await node.append(Self.closing, to: "visits")
        let expected = expectedCounts(visits)
        let rows = try await node.run(
            until: { try $0.counts("views").count >= expected.count }, then: { try $0.counts("views") })
        #expect(rows == expected)
    }

    @Test func aSecondStartGoesOnWhereTheFirstEnded() async throws {
        let fixture = NodeFixture(Self.topology)
        defer { fixture.remove() }
        let visits = Self.visits(seed: 2, count: 4_000)
        let first = try fixture.start()
        try await first.append(Array(visits[..<2_000]), to: "visits")
        _ = try await first.run(
            until: { $0.status().pipelines[0].stages[0].tasks.reduce(0) { $0 + $1.recordsIn } == 2_000 }, then: { _ in }
        )
        let second = try fixture.start()
        try await second.append(Array(visits[2_000...]), to: "visits")
        try await second.append(Self.closing, to: "visits")
        let expected = expectedCounts(visits)
        let rows = try await second.run(
            until: { try $0.counts("views").count >= expected.count }, then: { try $0.counts("views") })
        #expect(rows == expected)
    }

    @Test func aBoundedInputEndsTheNodeWithEveryWindowFired() async throws {
        let visits = Self.visits(seed: 3, count: 3_000)
        let source = Generator<Visit>("visits", partitions: 2, count: Int64(visits.count)) { visits[Int($0)] }
        let fixture = NodeFixture(Topology([source.feeds(PromptViews()).into(Table("views"))]))
        defer { fixture.remove() }
        let node = try fixture.start()
        try await node.run()
        #expect(try node.counts("views") == expectedCounts(visits))
        #expect(node.status().pipelines[0].state == .finished)
        await node.close()
        // Started again, it has nothing to do and ends at once.
        let again = try fixture.start()
        try await again.run()
        #expect(again.status().pipelines[0].state == .finished)
        await again.close()
    }

    @Test func anIdleNodeCommitsNothing() async throws {
        let fixture = NodeFixture(Self.topology)
        defer { fixture.remove() }
        let node = try fixture.start()
        try await node.append(Self.visits(seed: 4, count: 100), to: "visits")
        let isSilent = try await node.run(
            until: { $0.status().pipelines[0].stages[0].tasks.reduce(0) { $0 + $1.recordsIn } == 100 },
            then: { node in
                let total = { node.status().pipelines[0].tasks.reduce(0) { $0 + $1.commits } }
                // What is under way ends when the machine has time for it; then a second brings nothing.
                var (before, quiet) = (total(), 0)
                for _ in 0..<240 where quiet < 2 {
                    pause(milliseconds: 500)
                    let now = total()
                    (quiet, before) = (now == before ? quiet + 1 : 0, now)
                }
                return quiet == 2
            })
        #expect(isSilent)
    }

    @Test func whatIsNotReadYetIsHeldUntilThePipelineIsGone() async throws {
        var fixture = NodeFixture(Self.topology)
        defer { fixture.remove() }
        let node = try fixture.start()
        try await node.append(Self.visits(seed: 5, count: 900) + Self.closing, to: "visits")
        let holds: @Sendable (Node) -> [Int64?] = { node in
            node.log.topic("visits")!.partitions.indices.map {
                node.log.topic("visits")!.holds(ofPartition: $0)["pipeline PromptViews/0.0"]
            }
        }
        #expect(holds(node) == [0, 0, 0])
        let ends = node.log.topic("visits")!.partitions.map { Int64?.some($0.endOffset) }
        _ = try await node.run(until: { holds($0) == ends }, then: { _ in })
        fixture.topology = Topology([.log(Log<Visit>("visits", partitions: 3).description)])
        let without = try fixture.start()
        #expect(holds(without) == [nil, nil, nil])
        await without.close()
    }

    @Test func aPausedPipelineIsNotIdle() async throws {
        var fixture = NodeFixture(Topology([Log<Visit>("visits").feeds(StrictViews()).into(Table("views"))]))
        fixture.settings.idleAfter = .milliseconds(50)
        defer { fixture.remove() }
        let node = try fixture.start()
        try await node.append([Visit(user: 1, page: 1, second: 1_000)], to: "visits")
        async let running: Void = node.run()
        try await node.waits { $0.status().pipelines[0].stages[0].tasks[0].recordsIn == 1 }
        try node.pause(pipeline: "StrictViews")
        // Event time would go on for longer than the window lasts.
        try await node.clock.sleep(for: .milliseconds(1_500))
        let late = Visit(user: 2, page: 1, second: 1_000)
        try await node.append([late, Visit(user: 2, page: 1, second: 1_010)], to: "visits")
        try node.resume(pipeline: "StrictViews")
        try await node.waits { try !$0.counts("views").isEmpty }
        #expect(try node.counts("views").first == [1, 1_000, 2])
        node.stop()
        try await running
        await node.close()
    }

    /// One partition's time stands still at a record of long ago, the other's goes on: nobody waits for the first.
    @Test func anIdlePartitionHoldsNobodyBack() async throws {
        var fixture = NodeFixture(
            Topology([Log<Visit>("visits", partitions: 2).feeds(StrictViews()).into(Table("views"))]))
        fixture.settings.idleAfter = .milliseconds(200)
        defer { fixture.remove() }
        let node = try fixture.start()
        async let running: Void = node.run()
        // Their keys send them to different partitions.
        try await node.append([Visit(user: 0, page: 1, second: 1_000)], to: "visits")
        let other = try #require((1..<50 as Range<UInt32>).first { node.partition(of: $0) != node.partition(of: 0) })
        let end = node.clock.now + .seconds(120)
        var (second, isFired) = (100_000 as UInt32, false)
        while !isFired, node.clock.now < end {
            try await node.append([Visit(user: other, page: 2, second: second)], to: "visits")
            try await node.clock.sleep(for: .milliseconds(20))
            second += 10
            // Long after the first one has been idle for several ticks.
            isFired = try node.counts("views").contains { $0[1] >= 100_500 }
        }
        #expect(isFired)
        node.stop()
        try await running
        await node.close()
    }

    /// After the last window has fired nothing can come of time alone, and an idle node writes nothing.
    @Test func aNodeWithoutInputFallsSilent() async throws {
        var fixture = NodeFixture(
            Topology([Log<Visit>("visits", partitions: 3).feeds(StrictViews()).into(Table("views"))]))
        fixture.settings.idleAfter = .milliseconds(50)
        defer { fixture.remove() }
        let node = try fixture.start()
        async let running: Void = node.run()
        try await node.append([Visit(user: 1, page: 1, second: 1_000)], to: "visits")
        try await node.waits { try !$0.counts("views").isEmpty }
        func written() -> Int64 {
            node.log.topic("_shuffle.StrictViews.0")!.partitions.reduce(0) { $0 + $1.endOffset }
        }
        var before: Int64 = -1
        try await node.waits { _ in
            defer { before = written() }
            pause(milliseconds: 2_500)
            return written() == before
        }
        node.stop()
        try await running
        await node.close()
    }

    @Test func twoNodesOnOneDirectoryAreRefused() async throws {
        let fixture = NodeFixture(Topology())
        defer { fixture.remove() }
        let node = try fixture.start()
        #expect { try fixture.start() } throws: { ($0 as? Failure)?.code == .inUse }
        await node.close()
        let again = try fixture.start()
        await again.close()
    }
}
