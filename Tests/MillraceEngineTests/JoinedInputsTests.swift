import MillraceCore
import MillraceFlow
import Testing

@testable import EngineProbe
@testable import MillraceEngine

/// Two logs without a shuffle: both are split by user already.
private struct KeyedMatches: Pipeline {
    var body: some Flow<Visit, Match> {
        Events<Visit>().timed(by: \.at, outOfOrder: VisitWorkload.disorder).keyed()
            .join(
                Events<Order>().timed(by: \.at, outOfOrder: VisitWorkload.disorder).keyed(),
                before: .zero, after: .seconds(10)
            )
            .map(to: Match.self) { Match(visit: $0.value.left, orderSecond: $0.value.right.visit.second) }
    }
}

@Suite struct JoinedInputsTests {
    private let visits = Log<Visit>("visits", partitions: 2)
    private let orders = Log<Order>("orders", partitions: 2)
    private let matches = Log<Match>("matches")

    private func refusal(_ part: TopologyPart) -> Failure? {
        #expect(throws: Failure.self) { try Node.check(Topology([part])) }
    }

    @Test func aJoinWithOneInputIsRefusedByName() {
        let failure = refusal(visits.feeds(Matches()).into(matches))
        #expect(failure?.message.contains("reads Visit, Order; the topology feeds it Visit") == true)
    }
    @Test func inputsInAnotherOrderAreRefused() {
        let failure = refusal(visits.feeds(Matches(), with: visits).into(matches))
        #expect(failure?.message.contains("feeds it Visit, Visit") == true)
    }
    @Test func anInputTooManyIsRefused() {
        let failure = refusal(visits.feeds(EvenPages(), with: orders).into(Log<Visit>("even")))
        #expect(failure?.message.contains("reads Visit; the topology feeds it Visit, Order") == true)
    }

    @Test func boundedInputsJoinToTheirEnd() async throws {
        let (visitList, orderList) = (Self.visits, Self.orders)
        let visits = Generator<Visit>("visits", partitions: 3, count: Int64(visitList.count)) { visitList[Int($0)] }
        let orders = Generator<Order>("orders", partitions: 2, count: Int64(orderList.count)) { orderList[Int($0)] }
        let fixture = NodeFixture(Topology([visits.feeds(Matches(), with: orders).into(matches)]))
        defer { fixture.remove() }
        let node = try fixture.start()
        try await node.run()
        let found = try node.records("matches", of: Match.self)
        let oracle = VisitOracle(visits: visitList, orders: orderList.map(\.visit)).matches(within: 10)
        #expect(
            found.map { [$0.visit.user, $0.visit.page, $0.visit.second, $0.orderSecond] }.occurrences
                == oracle.occurrences)
        #expect(!found.isEmpty)
        #expect(node.status().pipelines[0].state == .finished)
        await node.close()
    }

    @Test func logsThatAreSplitAlikeJoinWithoutAShuffle() async throws {
        let topology = Topology([visits.feeds(KeyedMatches(), with: orders).into(matches)])
        let fixture = NodeFixture(topology)
        defer { fixture.remove() }
        let node = try fixture.start()
        try await node.append(Self.visits, to: "visits")
        try await node.append(Self.orders.map(\.visit), to: "orders")
        let oracle = VisitOracle(visits: Self.visits, orders: Self.orders.map(\.visit))
        // Any pages of the same user.
        let expected = oracle.pairs(within: 10).filter { $0[0].second < 3_000 }.count
        let found = try await node.run(
            until: { try $0.records("matches", of: Match.self).filter { $0.visit.second < 3_000 }.count >= expected },
            then: { try $0.records("matches", of: Match.self).filter { $0.visit.second < 3_000 }.count })
        #expect(found == expected && expected > 20)
    }

    @Test func logsThatAreSplitOtherwiseAreRefused() throws {
        let orders = Log<Order>("orders", partitions: 3)
        let fixture = NodeFixture(Topology([visits.feeds(KeyedMatches(), with: orders).into(matches)]))
        defer { fixture.remove() }
        let failure = #expect(throws: Failure.self) { try fixture.start() }
        #expect(failure?.code == .incompatible && failure?.message.contains("orders has 3") == true)
    }

    private static let visits = VisitWorkload.visits(seed: 1, count: 4_000)
    private static let orders = VisitWorkload.orders(seed: 1, count: 4_000)
}
