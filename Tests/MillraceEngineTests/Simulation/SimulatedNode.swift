import MillraceCore
import MillraceFlow
import MillraceRuntime
import MillraceTesting

@testable import EngineProbe
@testable import MillraceEngine

/// What a simulated node runs, and what must come of it.
struct SimulatedWorkload: Sendable {
    var plan: Plan
    /// Which of the two input partitions a visit stands in; any, when it is `nil`.
    var partition: (@Sendable (Visit) -> Int)?
    var expected: @Sendable ([Visit]) -> [[Int64]: Int64]

    /// Views in ten seconds, behind a shuffle.
    static func windows() throws -> SimulatedWorkload {
        SimulatedWorkload(plan: try Plan(rows: PageViews())) { visits in
            visits.reduce(into: [:]) { $0[[Int64($1.page), Int64($1.second) / 10 * 10], default: 0] += 1 }
        }
    }

    /// Every third visit of a user: a key is removed and made again all the time.
    static func triples() throws -> SimulatedWorkload {
        SimulatedWorkload(plan: try Plan(rows: Triples()), partition: { Int($0.user % 2) }) { visits in
            var rows: [[Int64]: Int64] = [:]
            for (user, visits) in Dictionary(grouping: visits, by: \.user) {
                for start in stride(from: 0, to: visits.count / 3 * 3, by: 3) {
                    rows[[Int64(user), Int64(visits[start..<start + 3].map(\.second).min()!)]] = 3
                }
            }
            return rows
        }
    }
}

struct Triples: Pipeline {
    var body: some Flow<Visit, Pane<UInt32, Int>> {
        Events<Visit>().keyed().window(.count(3)).fold(into: 0) { count, _ in count += 1 }
    }
}

/// A pipeline's stages on two partitions, with a shuffle between them on model logs.
final class SimulatedNode {
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
    /// Runs that were given up and do not know it: whatever they still do must have no effect.
    private var abandoned: [StageRun] = []
    private let board = TaskBoard()

    init(seed: UInt64, _ workload: SimulatedWorkload, forgetsDecisions: Bool = false) throws {
        let plan = workload.plan
        var random = SeededRandom(seed: seed)
        world = ModelWorld(random.split())
        let input = ModelLog("visits", partitions: 2)
        let shuffle = ModelLog("shuffle", partitions: 2)
        var visits: [Visit] = []
        for number in 0..<Int.random(in: 20...120, using: &random) {
            let visit = Visit(
                user: .random(in: 0..<4, using: &random), page: .random(in: 0..<5, using: &random),
                // Each its own, or up to five seconds late.
                second: UInt32(1_000 + number)
                    - (workload.partition == nil ? .random(in: 0..<5, using: &random) : 0))
            visits.append(visit)
            var value = ByteWriter()
            visit.encode(into: &value)
            let partition = workload.partition?(visit) ?? Int.random(in: 0..<2, using: &random)
            _ = input.append(.record(key: nil, value: value.bytes, time: visit.at), by: -1, to: partition, .committed)
        }
        expected = workload.expected(visits)

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
                        stateBudget: SharedBudget(bytes: random.chance(1, in: 2) ? 0 : 1 << 30), seed: 7,
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
            default:
                guard world.hasFaults else { break }
                switch random.next(upperBound: 3 as UInt64) {
                case 0: world.hasCrashed = true
                case 1: abandon(Int(random.next(upperBound: UInt64(contexts.count))))
                default: break
                }
            }
            if random.chance(1, in: 8), let index = abandoned.indices.randomElement(using: &random) {
                do { _ = try abandoned[index].turn(isStopping: false, isPaused: false, wake: {}) } catch {
                    abandoned.remove(at: index)
                }
            }
            if world.hasCrashed { restart() }
        }
        throw Stuck(description: "not at the end: \(isDone), \(threads.waiting.count) commits wait")
    }

    /// The process is gone, and what waited in it; logs and store are what they are.
    private func restart() {
        threads.waiting = []
        (failed, abandoned) = ([], [])
        world.hasCrashed = false
        runs = contexts.map { _ in nil }
        isDone = contexts.map { _ in false }
    }

    /// A run did not end in time and its task is started anew, beside it.
    private func abandon(_ index: Int) {
        guard let run = runs[index], !isDone[index], !failed.contains(index), abandoned.count < 4 else { return }
        abandoned.append(run)
        runs[index] = nil
    }

    private func turn(_ index: Int) {
        guard !isDone[index] else { return }
        guard let run = runs[index] else {
            do {
                let start = try contexts[index].recover()
                runs[index] = try StageRun(contexts[index], from: start, board: board)
                isDone[index] = start.mark.isFinished
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
