import Foundation
import MillraceCore
import MillraceFlow
import MillraceRuntime
import MillraceTesting
import Testing

@testable import EngineProbe
@testable import MillraceEngine

/// The logic of a node's tasks in a world of one thread: turns, commits, failures with and without effect, crashes and
/// the clock come in an order that the seed gives.
@Suite struct SimulatedNodeTests {
    static let seeds = Int(ProcessInfo.processInfo.environment["MILLRACE_NODE_SEEDS"] ?? "") ?? 5_000
    static let only = ProcessInfo.processInfo.environment["MILLRACE_SEED"].flatMap { UInt64($0) }

    @Test func everyWindowIsRightOnceWhateverHappens() async throws {
        try await holds(.windows(), seeds: Self.seeds / 2) { ModelPlace($0, $1) }
    }

    /// State that is removed while its commit is on the way must not come back with it.
    @Test func everyGroupOfThreeIsRightOnceWhateverHappens() async throws {
        try await holds(.triples(), seeds: Self.seeds / 4) { ModelPlace($0, $1) }
    }

    /// The log is the real one, on a disk that loses power, fails and fills up.
    @Test func everyWindowIsRightOnceWhateverHappensToTheDisk() async throws {
        try await holds(.windows(), seeds: Self.seeds / 5) { _, random in try DiskPlace(random) }
    }

    private func holds(
        _ workload: SimulatedWorkload, seeds: Int,
        in makePlace: (ModelWorld, SeededRandom) throws -> any SimulatedPlace
    ) async throws {
        var faults = 0
        for seed in Self.only.map({ [$0] }) ?? Array(1...UInt64(max(1, seeds))) {
            let run = try SimulatedNode(seed: seed, workload, in: makePlace)
            do { try run.toTheEnd() } catch { try #require(Bool(false), "MILLRACE_SEED=\(seed) \(error)") }
            faults += run.world.faults
            // T27: each record is in exactly one commit, on fast tasks and slow ones.
            try #require(run.hasContiguousCommits, "MILLRACE_SEED=\(seed)")
            try #require(run.world.rows == run.expected, "MILLRACE_SEED=\(seed)")
            // Others wait for this thread.
            await Task.yield()
        }
        if Self.only == nil { #expect(faults > seeds / 2, "the world must be an unkind one: \(faults) faults") }
    }

    /// The simulation must be able to find something: a world whose transactions are settled the wrong way.
    @Test func aWrongRecoveryIsNoticed() throws {
        var wrong = 0
        for seed in 1...60 as ClosedRange<UInt64> {
            let run = try SimulatedNode(seed: seed, .windows()) { ModelPlace($0, $1, forgetsDecisions: true) }
            do { try run.toTheEnd() } catch is SimulatedNode.Stuck { wrong += 1 }
            if run.world.rows != run.expected { wrong += 1 }
        }
        #expect(wrong > 0)
    }
}
