public import MillraceCore
internal import MillraceFlow
public import MillraceLog
internal import MillraceRuntime
public import MillraceTables

/// A running node: one process, one data directory, and everything a topology describes (design D1).
///
/// `start` opens the stores and makes what is missing; `run` runs the pipelines until they have finished or `stop` is
/// called; `close` ends it cleanly. Thread-safe.
public final class Node: Sendable {
    public let settings: NodeSettings
    public let topology: Topology
    public let log: LogStore
    public let tables: TableStore
    public let clock: any RuntimeClock
    public let logger: Logger
    /// What runs: a hash of the plans, so that a result names the code that made it.
    public let release: String

    let runners: [PipelineRunner]
    let startedAt: EventTime
    let startedMonotonic: MonotonicTime
    private let directory: DataDirectory
    private let lanes: LanePool
    let blocking: BlockingExecutor
    private let supervisor: Supervisor
    private let watch: NodeWatch

    /// Opens the data directory and prepares every pipeline. Blocks; call it from a thread that may.
    ///
    /// - Parameter guardedBy: where the guard that started this process keeps what it knows.
    public static func start(
        _ topology: Topology, settings: NodeSettings = NodeSettings(), storage: any Storage = PosixStorage(),
        clock: any RuntimeClock, logger: Logger, random: SeededRandom, guardedBy guardDirectory: String? = nil
    ) throws(Failure) -> Node {
        let plans = try Self.plans(topology)
        let directory = try DataDirectory(settings.dataDirectory, storage: storage)
        do throws(Failure) {
            return try Node(
                topology, plans, settings: settings, directory: directory, storage: storage, clock: clock,
                logger: logger, random: random, guardDirectory: guardDirectory)
        } catch {
            directory.close()
            throw error
        }
    }

    /// Checks everything about a topology that can be checked without a data directory.
    public static func check(_ topology: Topology) throws(Failure) { _ = try plans(topology) }

    private static func plans(_ topology: Topology) throws(Failure) -> [(PipelineDescription, Plan)] {
        var plans: [(PipelineDescription, Plan)] = []
        for pipeline in topology.pipelines {
            guard !plans.contains(where: { $0.0.name == pipeline.name }) else {
                throw Failure(
                    .invalidArgument, "two pipelines are called \(pipeline.name)",
                    advice: "Name one of them: .feeds(\(pipeline.name)(), as: \"another\")", place: pipeline.name)
            }
            guard pipeline.name.utf8.count <= Limits.pipelineNameBytes,
                pipeline.name.utf8.allSatisfy(Self.isNameByte), !pipeline.name.isEmpty
            else {
                throw Failure(
                    .invalidArgument, "'\(pipeline.name)' cannot be a pipeline's name",
                    advice:
                        "Use up to \(Limits.pipelineNameBytes) letters, digits, '-', '_' and '.'; "
                        + "set it with .feeds(…, as:)"
                )
            }
            let plan = try pipeline.makePlan()
            try checkInputs(pipeline, plan)
            try checkChanges(pipeline, of: topology)
            plans.append((pipeline, plan))
        }
        var logs: [String: LogDescription] = [:]
        for log in topology.logs {
            if let other = logs[log.name], other.partitions != log.partitions || other.elementType != log.elementType {
                throw Failure(
                    .invalidArgument, "log \(log.name) is described in two ways",
                    advice: "Keep one Log value in a constant and use it everywhere", place: log.name)
            }
            logs[log.name] = log
        }
        return plans
    }

    /// The topology's inputs must be those that the body names, in its order: the compiler knows only the first.
    private static func checkInputs(_ pipeline: PipelineDescription, _ plan: Plan) throws(Failure) {
        var types: [Int: String] = [:]
        for case .source(let index, let type) in plan.stages.flatMap(\.ports) { types[index] = type }
        let wanted = types.sorted { $0.key < $1.key }.map(\.value)
        let given = pipeline.inputs.map(\.elementType)
        guard wanted != given else { return }
        throw Failure(
            .invalidArgument,
            "pipeline \(pipeline.name) reads \(wanted.joined(separator: ", ")); "
                + "the topology feeds it \(given.joined(separator: ", "))",
            advice: "Name its inputs in the order of its body: first.feeds(\(pipeline.name)(), with: second)",
            place: pipeline.name)
    }

    private static func checkChanges(_ pipeline: PipelineDescription, of topology: Topology) throws(Failure) {
        for case .changes(let changes) in pipeline.inputs {
            let name = changes.table.name
            if case .table(changes.table) = pipeline.output {
                throw Failure(
                    .invalidArgument,
                    "\(pipeline.name) reads the changes of \(name) and writes it: it would feed itself",
                    advice: "Write into another table", place: pipeline.name)
            }
            let isWritten = topology.pipelines.contains {
                if case .table(changes.table) = $0.output { true } else { false }
            }
            guard isWritten else {
                throw Failure(
                    .invalidArgument, "\(pipeline.name) reads the changes of \(name), and no pipeline writes it",
                    advice: "Name a table that a pipeline of the topology writes", place: pipeline.name)
            }
            if topology.changes.contains(where: { $0.table == changes.table && $0.partitions != changes.partitions }) {
                throw Failure(
                    .invalidArgument, "the changes of \(name) are described in two ways",
                    advice: "Give them the same number of partitions everywhere", place: name)
            }
        }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
        default: false
        }
    }

    private init(
        _ topology: Topology, _ plans: [(PipelineDescription, Plan)], settings: NodeSettings, directory: DataDirectory,
        storage: any Storage, clock: any RuntimeClock, logger: Logger, random: SeededRandom, guardDirectory: String?
    ) throws(Failure) {
        var random = random
        (self.topology, self.settings, self.directory) = (topology, settings, directory)
        (self.clock, self.logger) = (clock, logger)
        (startedAt, startedMonotonic) = (clock.wall, clock.now)
        release = Self.release(plans.map(\.1))
        // Before the stores are opened: a long recovery is no reason to be killed.
        let blame = try guardDirectory.map { (path) throws(Failure) in
            try BlameBook(directory: path, storage: storage)
        }
        blame?.keepBeating(on: clock)
        log = try LogStore.open(directory: directory.log, storage: storage, clock: clock)
        var stored = TableStoreOptions()
        stored.writeBufferBytes = Limits.storeWriteBytes
        tables = try TableStore.open(directory: directory.tables, options: stored, clock: clock, storage: storage)
        try StoreGeneration.count(tables, in: directory, storage: storage)
        lanes = LanePool(count: settings.lanes == 0 ? nil : settings.lanes, clock: clock)
        blocking = BlockingExecutor(name: "commit")
        supervisor = Supervisor("node", Self.supervision, clock: clock, random: random.split())
        let producers = TaskProducers(log)
        var assembly = PipelineAssembly(
            node: .init(
                settings: settings, log: log, tables: tables, producers: producers, clock: clock,
                blocking: blocking, logger: logger, seed: random.next(), release: release, blame: blame,
                stateBudget: SharedBudget(bytes: settings.stateBudget), changes: topology.changes,
                pipelines: plans.count))
        for log in topology.logs { _ = try assembly.topic(log) }
        var runners: [PipelineRunner] = []
        for (description, plan) in plans {
            for warning in plan.warnings {
                logger.warning("plan", ["pipeline": .text(description.name), "warning": .text(warning)])
            }
            runners.append(
                PipelineRunner(
                    description, plan: plan, contexts: try assembly.contexts(description, plan), lanes: lanes,
                    shutdown: settings.drainDeadline, clock: clock, random: random.split()))
        }
        try producers.prepare()
        assembly.releaseOtherHolds()
        self.runners = runners
        watch = NodeWatch(runners, lanes: lanes, settings: settings, clock: clock, logger: logger)
    }

    private static var supervision: SupervisorState.Options {
        var options = SupervisorState.Options()
        options.endsWhenDone = true
        options.givingUp = .leaveFailed
        return options
    }

    private static func release(_ plans: [Plan]) -> String {
        let text = plans.map { $0.describe() }.joined(separator: "\n")
        let checksum = Array(text.utf8).withUnsafeBytes { CRC32C.of($0) }
        let digits = String(checksum, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    // MARK: Running

    /// Runs every pipeline until it has finished, failed for good, or `stop` was called. A failed pipeline leaves the
    /// others running; the first failure is thrown when all have ended.
    public func run() async throws(Failure) {
        watch.start()
        defer { watch.stop() }
        for runner in runners {
            try supervisor.add(
                Child(runner.description.name, restart: .temporary) { [runner, logger] _ in
                    do throws(Failure) {
                        try await runner.run()
                    } catch {
                        logger.error("pipeline-failed", error)
                        throw error
                    }
                })
        }
        try await supervisor.run()
        if let failure = runners.lazy.compactMap(\.failure).first { throw failure }
    }

    /// Every task makes a last commit and ends; `run` returns then.
    public func stop() { for runner in runners { runner.stop() } }

    /// Ends the threads and closes the stores, so that the next start finds a clean directory.
    public func close() async {
        let deadline = clock.now + settings.drainDeadline
        if !(await blocking.stop(by: deadline, clock: clock)) {
            logger.warning("slow-close", ["what": "commits were still under way"])
        }
        _ = await lanes.stop(by: deadline)
        let (log, tables, directory, logger) = (log, tables, directory, logger)
        await withCheckedContinuation { continuation in
            _ = OwnedThread(name: "close") {
                do throws(Failure) { try log.close() } catch { logger.error("close-failed", error) }
                tables.close()
                directory.close()
                continuation.resume()
            }
        }
    }
}
