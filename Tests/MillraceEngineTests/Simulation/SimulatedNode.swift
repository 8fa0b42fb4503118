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

/// Where the logs of a simulated node are, and what outlives its processes there.
protocol SimulatedPlace: AnyObject {
    /// Before the first process.
    func append(_ visit: Visit, to partition: Int) throws
    /// No visit will be appended any more.
    func seal() throws
    /// A process begins.
    func open(_ clock: SimulatedClock) throws
    func makeReader(isInput: Bool, partition: Int) -> @Sendable (Int64?) throws(Failure) -> any SourceReader
    func outbound(of task: TaskAddress, isShuffled: Bool, clock: SimulatedClock) -> any OutboundLogs
    /// Readers of the input come to its end.
    var isBounded: Bool { get }
    /// Something may go wrong from now on.
    func disturb()
    /// What the process does leaves no trace any more.
    var isDead: Bool { get }
    /// The process is gone.
    func die()
    /// Nothing goes wrong any more.
    func calmDown()
    /// For how many steps the world is unkind.
    var unkindSteps: Int { get }
}

/// A pipeline's stages on two partitions, with a shuffle between them.
final class SimulatedNode {
    struct Stuck: Error, CustomStringConvertible { var description: String }

    let world: ModelWorld
    let expected: [[Int64]: Int64]
    private let place: any SimulatedPlace
    private let plan: Plan
    private let stateBudget: Int
    private var random: SeededRandom
    /// Of the process that runs now.
    private var clock = SimulatedClock()
    private let threads = ModelThreads()
    private var contexts: [TaskContext] = []
    /// `nil` for a task that waits for its start.
    private var runs: [StageRun?] = []
    private var isDone: [Bool] = []
    private var failed: Set<Int> = []
    /// Runs that were given up and do not know it: whatever they still do must have no effect.
    private var abandoned: [StageRun] = []
    private let board = TaskBoard()

    init(
        seed: UInt64, _ workload: SimulatedWorkload,
        in makePlace: (ModelWorld, SeededRandom) throws -> any SimulatedPlace
    ) throws {
        var random = SeededRandom(seed: seed)
        (plan, world) = (workload.plan, ModelWorld(random.split()))
        place = try makePlace(world, random.split())
        var visits: [Visit] = []
        for number in 0..<Int.random(in: 20...120, using: &random) {
            let visit = Visit(
                user: .random(in: 0..<4, using: &random), page: .random(in: 0..<5, using: &random),
                // Each its own, or up to five seconds late.
                second: UInt32(1_000 + number)
                    - (workload.partition == nil ? .random(in: 0..<5, using: &random) : 0))
            visits.append(visit)
            try place.append(visit, to: workload.partition?(visit) ?? Int.random(in: 0..<2, using: &random))
        }
        try place.seal()
        expected = workload.expected(visits)
        stateBudget = random.chance(1, in: 2) ? 0 : 1 << 30
        self.random = random
        begin()
    }

    private func begin() {
        // Monotonic time begins anew with a process.
        clock = SimulatedClock(wall: clock.wall)
        contexts = []
        do { try place.open(clock) } catch {
            // It dies again before it has done anything.
            world.hasCrashed = true
            return
        }
        for stage in plan.stages {
            for partition in 0..<2 {
                let task = TaskAddress(pipeline: "views", stage: stage.index, partition: partition)
                let isInput = stage.index == 0
                let port = TaskPort(
                    name: isInput ? "visits" : "shuffle", upstreamTasks: isInput ? 0 : 2,
                    makeReader: place.makeReader(isInput: isInput, partition: partition))
                contexts.append(
                    TaskContext(
                        address: task, release: "", stage: stage,
                        layout: stage.isShuffled ? RowLayout() : plan.layout,
                        ports: [port], table: stage.isShuffled ? nil : Table("views"), failures: FailurePolicy(),
                        commitInterval: .milliseconds(20), commitBytes: 200, idleAfter: .seconds(3_600),
                        stateBudget: SharedBudget(bytes: stateBudget),
                        journalBytes: .random(in: 0...800, using: &random), seed: 7, store: ModelStore(world),
                        outbound: place.outbound(of: task, isShuffled: stage.isShuffled, clock: clock),
                        clock: clock, blocking: BlockingExecutor(name: "unused"), commits: threads,
                        logger: Logger(sink: LineSink(), clock: clock, level: .error)))
            }
        }
        runs = contexts.map { _ in nil }
        isDone = contexts.map { _ in false }
    }

    private let jumps: [TimeSpan] = [
        .hours(1), .hours(-1), .days(-1), .days(3_650), .days(-3_650), .milliseconds(1), .milliseconds(-1),
    ]

    /// Until everything has come of the input, and nothing more comes. After a while the world is kind.
    func toTheEnd() throws {
        var quiet = 0
        for step in 0..<20_000 {
            if step == place.unkindSteps {
                world.hasFaults = false
                place.calmDown()
                // What a fault has left closed is open in the next process.
                world.hasCrashed = true
            }
            if world.hasCrashed || place.isDead { restart() }
            if isAtEnd {
                quiet += 1
                if place.isBounded || quiet > 60 { return }
            } else {
                quiet = 0
            }
            if contexts.isEmpty { continue }
            switch random.next(upperBound: 100 as UInt64) {
            case 0..<70: turn(Int(random.next(upperBound: UInt64(contexts.count))))
            case 70..<90:
                if !threads.waiting.isEmpty {
                    threads.waiting.remove(at: Int(random.next(upperBound: UInt64(threads.waiting.count))))()
                }
            case 90..<99: clock.advance(by: .milliseconds(.random(in: 0..<30, using: &random)))
            default: if world.hasFaults { disturb() }
            }
            if random.chance(1, in: 8), let index = abandoned.indices.randomElement(using: &random) {
                do { _ = try abandoned[index].turn(isStopping: false, isPaused: false, wake: {}) } catch {
                    abandoned.remove(at: index)
                }
            }
        }
        let wrong = expected.filter { world.rows[$0.key] != $0.value }.keys.sorted { $0.lexicographicallyPrecedes($1) }
        throw Stuck(
            description: "not at the end: \(isDone), \(threads.waiting.count) commits wait, "
                + "wrong \(wrong.map { ($0, expected[$0] ?? 0, world.rows[$0] ?? 0) })")
    }

    private var isAtEnd: Bool {
        guard threads.waiting.isEmpty else { return false }
        return place.isBounded ? !isDone.isEmpty && isDone.allSatisfy { $0 } : world.rows == expected
    }

    private func disturb() {
        switch random.next(upperBound: 4 as UInt64) {
        case 0: world.hasCrashed = true
        case 1: abandon(Int(random.next(upperBound: UInt64(contexts.count))))
        case 2: clock.jumpWall(by: jumps.randomElement(using: &random)!)
        default: place.disturb()
        }
    }

    /// The commits that stand cover each input of each task from its beginning, without a gap and without covering
    /// anything twice.
    var hasContiguousCommits: Bool {
        var ends: [TaskAddress: [Int64]] = [:]
        for commit in world.commits {
            let before = ends[commit.task] ?? commit.inputs.map { _ in 0 }
            guard commit.inputs.map(\.first) == before else { return false }
            ends[commit.task] = commit.inputs.map(\.end)
        }
        return true
    }

    /// The process is gone, and what waited in it; logs and store are what they are.
    private func restart() {
        threads.waiting = []
        (failed, abandoned, runs, isDone, contexts) = ([], [], [], [], [])
        world.hasCrashed = false
        place.die()
        begin()
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
}
