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
        let plan = try Plan(rows: PageViews())
        var faults = 0
        for seed in Self.only.map({ [$0] }) ?? Array(1...UInt64(max(1, Self.seeds))) {
            let run = try SimulatedNode(seed: seed, plan: plan)
            try run.toTheEnd()
            faults += run.world.faults
            try #require(run.world.rows == run.expected, "MILLRACE_SEED=\(seed)")
            // Half a minute in one piece would hold a thread of the pool that tests beside this one wait for.
            await Task.yield()
        }
        #expect(faults > Self.seeds, "the world must be an unkind one: \(faults) faults")
    }

    /// The simulation must be able to find something: a world whose transactions are settled the wrong way.
    @Test func aWrongRecoveryIsNoticed() throws {
        let plan = try Plan(rows: PageViews())
        var wrong = 0
        for seed in 1...60 as ClosedRange<UInt64> {
            let run = try SimulatedNode(seed: seed, plan: plan, forgetsDecisions: true)
            do { try run.toTheEnd() } catch is SimulatedNode.Stuck { wrong += 1 }
            if run.world.rows != run.expected { wrong += 1 }
        }
        #expect(wrong > 0)
    }
}

/// Two stages with a shuffle between them, on model logs.
private final class SimulatedNode {
    struct Stuck: Error, CustomStringConvertible { var description: String }

    let world: ModelWorld
    let expected: [[Int64]: Int64]
    private var random: SeededRandom
    private let clock = SimulatedClock()
    private let threads = ModelThreads()
    private let contexts: [TaskContext]
    /// `nil` for a task that waits for its start.
    private var runs: [StageRun?]
    private var isDone: [Bool]
    private var failed: Set<Int> = []
    private let board = TaskBoard()

    init(seed: UInt64, plan: Plan, forgetsDecisions: Bool = false) throws {
        var random = SeededRandom(seed: seed)
        world = ModelWorld(random.split())
        let input = ModelLog("visits", partitions: 2)
        let shuffle = ModelLog("shuffle", partitions: 2)
        var expected: [[Int64]: Int64] = [:]
        for number in 0..<Int.random(in: 20...120, using: &random) {
            let visit = Visit(
                user: 0, page: .random(in: 0..<5, using: &random),
                second: UInt32(1_000 + number) - .random(in: 0..<5, using: &random))
            expected[[Int64(visit.page), Int64(visit.second) / 10 * 10], default: 0] += 1
            var value = ByteWriter()
            visit.encode(into: &value)
            let partition = Int.random(in: 0..<2, using: &random)
            _ = input.append(.record(key: nil, value: value.bytes, time: visit.at), by: -1, to: partition, .committed)
        }
        self.expected = expected

        var contexts: [TaskContext] = []
        for stage in plan.stages {
            for partition in 0..<2 {
                let readers = Lock(random.split())
                let log = stage.index == 0 ? input : shuffle
                let port = TaskPort(name: log.name, upstreamTasks: stage.index == 0 ? 0 : 2) { position in
                    let random = readers.withLock { $0.split() }
                    return ModelReader(
                        log, partition, from: position, isBounded: log.name == "visits", random: random)
                }
                let producer = Int64(stage.index * 2 + partition)
                let outbound = ModelOutbound(world, producer: producer, shuffle: stage.isShuffled ? shuffle : nil)
                contexts.append(
                    TaskContext(
                        address: TaskAddress(pipeline: "views", stage: stage.index, partition: partition),
                        release: "", stage: stage, layout: stage.isShuffled ? RowLayout() : plan.layout,
                        ports: [port], table: stage.isShuffled ? nil : Table("views"), failures: FailurePolicy(),
                        commitInterval: .milliseconds(20), commitBytes: 200, idleAfter: .seconds(3_600),
                        stateBudget: random.chance(1, in: 2) ? 0 : 1 << 30, seed: 7,
                        store: ModelStore(world),
                        outbound: forgetsDecisions ? Forgetful(outbound) : outbound,
                        clock: clock, blocking: BlockingExecutor(name: "unused"), commits: threads,
                        logger: Logger(sink: LineSink(), clock: clock, level: .error)))
            }
        }
        self.contexts = contexts
        self.random = random
        runs = contexts.map { _ in nil }
        isDone = contexts.map { _ in false }
    }

    /// Until all tasks have finished. After a while the world is kind.
    func toTheEnd() throws {
        for step in 0..<60_000 {
            if step == 2_000 { world.hasFaults = false }
            if isDone.allSatisfy({ $0 }), threads.waiting.isEmpty { return }
            switch random.next(upperBound: 100 as UInt64) {
            case 0..<70: turn(Int(random.next(upperBound: UInt64(contexts.count))))
            case 70..<90:
                if !threads.waiting.isEmpty {
                    threads.waiting.remove(at: Int(random.next(upperBound: UInt64(threads.waiting.count))))()
                }
            case 90..<99: clock.advance(by: .milliseconds(.random(in: 0..<30, using: &random)))
            default: if world.hasFaults, random.chance(1, in: 3) { world.hasCrashed = true }
            }
            if world.hasCrashed { restart() }
        }
        throw Stuck(description: "not at the end: \(isDone), \(threads.waiting.count) commits wait")
    }

    /// The process is gone, and what waited in it; logs and store are what they are.
    private func restart() {
        threads.waiting = []
        failed = []
        world.hasCrashed = false
        runs = contexts.map { _ in nil }
        isDone = contexts.map { _ in false }
    }

    private func turn(_ index: Int) {
        guard !isDone[index] else { return }
        guard let run = runs[index] else {
            do {
                let mark = try contexts[index].recover()
                runs[index] = try StageRun(contexts[index], from: mark, board: board)
                isDone[index] = mark.isFinished
            } catch { runs[index] = nil }
            return
        }
        do {
            // A run that failed ends when its commit has.
            if failed.contains(index) {
                guard !run.isCommitting else { return }
                failed.remove(index)
                runs[index] = nil
                return
            }
            isDone[index] = try run.turn(isStopping: false, isPaused: random.chance(1, in: 20), wake: {}) == .done
        } catch { failed.insert(index) }
    }

    /// Takes back what was decided: the mistake that `aWrongRecoveryIsNoticed` plants.
    private final class Forgetful: OutboundLogs {
        let base: ModelOutbound
        init(_ base: ModelOutbound) { self.base = base }
        func recover(_ decided: [TransactionPart]) throws(Failure) { try base.recover([]) }
        func prepare(_ outbox: Outbox) throws(Failure) -> [TransactionPart] { try base.prepare(outbox) }
        func publish() throws(Failure) { try base.publish() }
    }
}
