import MillraceCore
import MillraceFlow
import MillraceLog
import MillraceTables
import Synchronization
import Testing

@testable import EngineProbe
@testable import MillraceEngine

/// Fails on every visit of page 13 until somebody mends it.
struct FussyPages: Pipeline {
    static let isMended = Atomic<Bool>(false)
    struct Thirteen: Error {}

    var body: some Flow<Visit, Visit> {
        Events<Visit>().filter { visit in
            if visit.page == 13, !Self.isMended.load(ordering: .relaxed) { throw Thirteen() }
            return true
        }
    }
}

/// Counts well, and cannot say the count of page 13.
private struct FussyCounts: Pipeline {
    var body: some Flow<Visit, Pane<UInt32, Int>> {
        Events<Visit>()
            .keyed(by: \.page)
            .window(.tumbling(.seconds(10)), at: \.at)
            .count()
            .filter { pane in
                if pane.key == 13 { throw FussyPages.Thirteen() }
                return true
            }
    }
}

@Suite(.serialized) struct PoisonTests {
    private static func topology(_ policy: FailurePolicy) -> Topology {
        Topology([
            Log<Visit>("visits", partitions: 2).feeds(FussyPages()).into(Log<Visit>("good", partitions: 1))
                .onFailure(policy)
        ])
    }

    /// One visit in fifty is of page 13; sequence numbers ride in `second`.
    private static func visits(_ count: Int) -> [Visit] {
        (0..<count).map { Visit(user: UInt32($0 % 40), page: $0 % 50 == 7 ? 13 : 1, second: UInt32($0)) }
    }

    private static func good(_ node: Node) throws -> [Visit] { try node.records("good", of: Visit.self) }

    @Test func exactlyTheFailingRecordsAreDeadLettersAndTheRestFlows() async throws {
        FussyPages.isMended.store(false, ordering: .relaxed)
        let fixture = NodeFixture(Self.topology(.attempts(2)))
        defer { fixture.remove() }
        let visits = Self.visits(5_000)
        let bad = visits.filter { $0.page == 13 }
        let node = try fixture.start()
        try await node.append(visits, to: "visits")
        // A value that is no visit at all.
        try await node.log.topic("visits")!.partitions[1].append(garbage, acknowledgement: .durable)
        let letters = try await node.run(
            until: {
                try $0.letters(of: "FussyPages", limit: .max).count > bad.count
                    && Self.good($0).count == visits.count - bad.count
            },
            then: { try $0.letters(of: "FussyPages", limit: .max) })
        let threw = letters.filter { $0.attempts == 2 }
        #expect(try Set(threw.map { try Visit.decode($0).second }) == Set(bad.map(\.second)))
        #expect(
            threw.allSatisfy {
                $0.error.contains("Thirteen") && $0.sourceTopic == "visits" && $0.pipeline == "FussyPages"
            })
        let unreadable = letters.filter { $0.attempts == 1 }
        #expect(unreadable.count == 1)
        #expect(unreadable.first?.value == [1, 2, 3])
    }

    @Test func aResultThatCannotBeSentIsADeadLetterAndTheOthersGoOn() async throws {
        let visits = (0..<40 as Range<UInt32>).map { Visit(user: $0, page: 10 + $0 % 5, second: 1_000 + $0) }
        let source = Generator<Visit>("visits", count: Int64(visits.count)) { visits[Int($0)] }
        let fixture = NodeFixture(Topology([source.feeds(FussyCounts()).into(Table("counts"))]))
        defer { fixture.remove() }
        let node = try fixture.start()
        try await node.run()
        #expect(try node.counts("counts") == expectedCounts(visits.filter { $0.page != 13 }))
        let letters = try node.letters(of: "FussyCounts", limit: .max)
        // Page 13 was seen in each of the four windows.
        #expect(letters.count == 4)
        #expect(letters.allSatisfy { $0.sourceOffset == DeadLetter.noOffset && $0.error.contains("count") })
        #expect(try node.sendAgain(pipeline: "FussyCounts", limit: .max) == 0)
        await node.close()
    }

    private var garbage: EncodedBatch {
        let builder = RecordBatchBuilder()
        _ = try? builder.append(key: [9], value: [1, 2, 3], milliseconds: 1_000)
        return builder.finish()
    }

    @Test func aParkedKeysRecordsFollowAndComeBackInOrder() async throws {
        FussyPages.isMended.store(false, ordering: .relaxed)
        let fixture = NodeFixture(Self.topology(.attempts(1, then: .parkKey)))
        defer { fixture.remove() }
        // User 7 is the first to fail, with its first record: everything of that user waits, the others flow.
        let visits = Self.visits(2_000).map { $0.user == 7 ? $0 : Visit(user: $0.user, page: 1, second: $0.second) }
        let parked = visits.filter { $0.user == 7 }
        let node = try fixture.start()
        try await node.append(visits, to: "visits")
        let counts = try await node.run(
            until: {
                // Logs show a commit one after the other.
                try $0.letters(of: "FussyPages", limit: .max).count == parked.count
                    && Self.good($0).count >= visits.count - parked.count
            },
            then: { node in
                let keys = try node.parked(of: "FussyPages", limit: .max)
                #expect(keys.map(\.key) == [[0, 0, 0, 7]] && keys.map(\.input) == ["visits"])
                #expect(try node.parked(of: "FussyPages", limit: 0).isEmpty)
                return (try Self.good(node).count, node.status().pipelines[0].parkedKeys)
            })
        #expect(counts.0 == visits.count - parked.count)
        #expect(counts.1 == 1)

        // Mended and restarted: the key is still parked until its records are sent again.
        FussyPages.isMended.store(true, ordering: .relaxed)
        let again = try fixture.start()
        try await again.append([Visit(user: 7, page: 1, second: 9_000)], to: "visits")
        let found = try await again.run(
            until: { node in
                let waiting = try node.letters(of: "FussyPages", limit: .max).count
                if waiting == parked.count + 1 { _ = try node.sendAgain(pipeline: "FussyPages", limit: .max) }
                return try Self.good(node).count == visits.count + 1
            },
            then: { try Self.good($0).filter { $0.user == 7 }.map(\.second) })
        #expect(found == parked.map(\.second) + [9_000])
    }
}

extension Visit {
    static func decode(_ letter: DeadLetter) throws -> Visit {
        try (letter.value ?? []).withUnsafeBytes { try Visit.decode(key: nil, value: $0) }
    }
}
