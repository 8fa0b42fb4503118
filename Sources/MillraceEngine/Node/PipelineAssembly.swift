internal import MillraceCore
internal import MillraceFlow
internal import MillraceLog
internal import MillraceRuntime
internal import MillraceTables

/// Turns a pipeline's description into tasks: makes the topics and the table it needs and connects them.
struct PipelineAssembly {
    let node: NodeParts
    private var holds: PipelineHolds

    init(node: NodeParts) {
        self.node = node
        holds = PipelineHolds(log: node.log, store: TableTaskStore(node.tables), logger: node.logger)
    }

    /// After the last pipeline: lets go of what pipelines held that are not there any more.
    func releaseOtherHolds() { holds.releaseOthers() }

    /// Everything the pipelines of a node share.
    struct NodeParts: Sendable {
        var settings: NodeSettings
        var log: LogStore
        var tables: TableStore
        var producers: TaskProducers
        var clock: any RuntimeClock
        var blocking: BlockingExecutor
        var logger: Logger
        var seed: UInt64
        var release: String
        var blame: BlameBook?
        var stateBudget: SharedBudget
        /// Tables whose changes are read.
        var changes: [ChangesDescription]
        var pipelines: Int
    }

    static func shuffleTopic(_ pipeline: String, _ stage: Int) -> String { "_shuffle.\(pipeline).\(stage)" }
    /// The stage that writes a topic, when it is a shuffle of the pipeline.
    static func shufflingStage(of topic: String, in pipeline: String) -> Int? {
        let prefix = "_shuffle.\(pipeline)."
        return topic.hasPrefix(prefix) ? Int(topic.dropFirst(prefix.utf8.count)) : nil
    }
    static func deadLetterTopic(_ pipeline: String) -> String { "_dead_letters.\(pipeline)" }

    mutating func contexts(_ description: PipelineDescription, _ plan: Plan) throws(Failure) -> [TaskContext] {
        var widths: [Int] = []
        for (number, input) in description.inputs.enumerated() {
            switch input {
            case .log(let log): widths.append(try topic(log).partitions.count)
            case .changes(let changes): widths.append(try topic(changes).partitions.count)
            case .source(let source, _):
                try PartitionNames(store: node.tables).check(source, pipeline: description.name, input: number)
                widths.append(source.partitionCount)
            }
        }
        // Behind a shuffle there are as many tasks as the widest input has partitions.
        let width = widths.max() ?? 1
        let deadLetters = try topic(internal: Self.deadLetterTopic(description.name), partitions: 1, keeping: .days(30))
        var sides: [String: Topic] = [:]
        for (name, log) in description.sideOutputs { sides[name] = try topic(log) }
        var table: Table?
        var result: Topic?
        var changes: Topic?
        switch description.output {
        case .table(let named):
            try TableRows.prepare(plan.layout, for: named, in: node.tables)
            table = named
            if let read = node.changes.first(where: { $0.table == named }) {
                try RowLines.checkNames(plan.layout, of: named)
                changes = try topic(read)
            }
        case .log(let log): result = try topic(log)
        case .sink: break
        }

        let counts = try plan.stages.map { (stage) throws(Failure) in
            try taskCount(of: stage, description, widths) ?? width
        }
        let demands = counts.map(TimeDemand.init)
        let journalBytes = Limits.journalBytes(
            of: node.stateBudget.bytes, tasks: counts.reduce(0, +) * node.pipelines)
        var contexts: [TaskContext] = []
        for stage in plan.stages {
            let isLast = stage.index == plan.stages.count - 1
            let readers = plan.stages.first { $0.ports.contains(.shuffle(fromStage: stage.index)) }
            var outbound = LogOutbound.Topics(
                sides: sides.filter { stage.sideOutputs.contains($0.key) }, deadLetters: deadLetters)
            if stage.isShuffled {
                outbound.shuffle = try topic(
                    internal: Self.shuffleTopic(description.name, stage.index), partitions: width, keeping: .hours(1),
                    segmentBytes: Limits.shuffleSegmentBytes, retentionBytes: Limits.shuffleBytes)
            } else if isLast {
                (outbound.result, outbound.changes) = (result, changes)
            }
            let holds = try holds(of: stage, description)
            for partition in 0..<counts[stage.index] {
                var ports: [TaskPort] = []
                for (number, port) in stage.ports.enumerated() {
                    ports.append(
                        try self.port(port, description, counts, partition, holds[number][partition]))
                }
                var context = try context(
                    description, plan, stage, partition, ports: ports, outbound: outbound,
                    table: isLast ? table : nil, isLast: isLast)
                context.journalBytes = journalBytes
                context.demand = demands[stage.index]
                context.readersDemand = readers.map { demands[$0.index] }
                contexts.append(context)
            }
        }
        return contexts
    }

    /// As many as the stage's inputs have partitions; `nil` for a stage behind shuffles.
    private func taskCount(
        of stage: StagePlan, _ description: PipelineDescription, _ widths: [Int]
    ) throws(Failure) -> Int? {
        let inputs = stage.ports.compactMap { if case .source(let index, _) = $0 { index } else { nil } }
        guard let first = inputs.first else { return nil }
        for other in inputs where widths[other] != widths[first] {
            throw Failure(
                .incompatible,
                "\(description.inputs[first].name) has \(widths[first]) partitions and "
                    + "\(description.inputs[other].name) has \(widths[other]), and a stage reads both",
                advice: "Give both as many partitions, or key both with .keyed(by:), which sends them by key",
                place: description.name)
        }
        return widths[first]
    }

    private func port(
        _ port: StagePort, _ description: PipelineDescription, _ counts: [Int], _ partition: Int,
        _ hold: RetentionHold?
    ) throws(Failure) -> TaskPort {
        switch port {
        case .source(let index, _):
            let input = description.inputs[index]
            if case .source(let source, _) = input {
                return TaskPort(name: input.name, input: index) { (position) throws(Failure) in
                    try source.reader(partition: partition, from: position)
                }
            }
            var skipped: [UInt8]?
            if case .changes(let changes) = input, !changes.retractions { skipped = RowLines.retraction }
            return TaskPort(
                name: input.name, input: index, end: try end(of: input.name, partition),
                makeReader: try reader(of: input.name, for: description.name, partition, hold, skipping: skipped))
        case .shuffle(let from):
            let name = Self.shuffleTopic(description.name, from)
            return TaskPort(
                name: name, upstreamTasks: counts[from],
                end: try end(of: name, partition),
                makeReader: try reader(of: name, for: description.name, partition, hold))
        }
    }

    /// By port and partition, for the ports that read a log.
    private mutating func holds(
        of stage: StagePlan, _ description: PipelineDescription
    ) throws(Failure) -> [[Int: RetentionHold]] {
        var all: [[Int: RetentionHold]] = []
        for (number, port) in stage.ports.enumerated() {
            var name: String?
            switch port {
            case .source(let index, _):
                if case .source = description.inputs[index] { break }
                name = description.inputs[index].name
            case .shuffle(let from): name = Self.shuffleTopic(description.name, from)
            }
            guard let topic = name.flatMap(node.log.topic) else {
                all.append([:])
                continue
            }
            all.append(try holds.holds(topic, pipeline: description.name, stage: stage.index, port: number))
        }
        return all
    }

    private func partition(_ number: Int, of name: String) throws(Failure) -> Partition {
        guard let topic = node.log.topic(name) else {
            throw Failure(
                .notFound, "there is no topic \(name)", advice: "It was deleted meanwhile: start the node again",
                place: name)
        }
        return topic.partitions[number]
    }

    private func end(of name: String, _ number: Int) throws(Failure) -> @Sendable () -> Int64 {
        let log = try partition(number, of: name)
        return { log.lastStableOffset }
    }

    private func reader(
        of name: String, for pipeline: String, _ number: Int, _ hold: RetentionHold?,
        skipping skipped: [UInt8]? = nil
    ) throws(Failure) -> @Sendable (Int64?) throws(Failure) -> any SourceReader {
        let log = try partition(number, of: name)
        let (mayMiss, logger) = (node.settings.skipGap == pipeline, node.logger)
        return { (position) throws(Failure) in
            try LogPartitionReader(log, from: position, hold: hold, skipping: skipped) { (gap) throws(Failure) in
                guard mayMiss else { throw gap.failure }
                logger.warning(
                    "gap-skipped",
                    [
                        "pipeline": .text(pipeline), "log": .text(gap.place), "first": .integer(gap.first),
                        "last": .integer(gap.end - 1),
                    ])
            }
        }
    }

    private func context(
        _ description: PipelineDescription, _ plan: Plan, _ stage: StagePlan, _ partition: Int, ports: [TaskPort],
        outbound: LogOutbound.Topics, table: Table?, isLast: Bool
    ) throws(Failure) -> TaskContext {
        let address = TaskAddress(pipeline: description.name, stage: stage.index, partition: partition)
        node.producers.expect(address)
        var sink: (any SinkWriter)?
        if isLast, case .sink(let described) = description.output {
            sink = try described.writer(task: address.description, layout: plan.layout)
        }
        return TaskContext(
            address: address, release: node.release, stage: stage, layout: isLast ? plan.layout : RowLayout(),
            ports: ports, table: table, failures: description.failures,
            commitInterval: description.commitInterval ?? node.settings.commitInterval,
            commitBytes: description.commitBytes ?? node.settings.commitBytes, idleAfter: node.settings.idleAfter,
            stateBudget: node.stateBudget, seed: node.seed &+ UInt64(partition),
            store: TableTaskStore(node.tables),
            outbound: LogOutbound(address, topics: outbound, producers: node.producers, clock: node.clock),
            sink: sink, clock: node.clock, blocking: node.blocking, commits: node.blocking,
            logger: node.logger, producerName: { [producers = node.producers] in producers.name(of: $0) },
            blame: node.blame)
    }

    /// A topic that a user named; made when it is missing.
    func topic(_ log: LogDescription) throws(Failure) -> Topic {
        if let present = node.log.topic(log.name) {
            guard present.partitions.count == log.partitions else {
                throw Failure(
                    .incompatible,
                    "log \(log.name) has \(present.partitions.count) partitions, the topology says \(log.partitions)",
                    advice: "Change the topology, or add partitions with: millrace log", place: log.name)
            }
            let kept = present.configuration
            if kept.retentionTime != log.retention || kept.retentionBytes != log.retentionBytes {
                try node.log.alterTopic(log.name) { configuration in
                    configuration.retentionTime = log.retention
                    configuration.retentionBytes = log.retentionBytes
                }
            }
            return present
        }
        var configuration = TopicConfiguration(partitions: log.partitions)
        configuration.retentionTime = log.retention
        configuration.retentionBytes = log.retentionBytes
        return try node.log.createTopic(log.name, configuration)
    }

    /// What the commits of a table's writers are carried by to those who read its changes. Records have the time of the
    /// result that they are.
    private func topic(_ changes: ChangesDescription) throws(Failure) -> Topic {
        try topic(
            internal: changes.topic, partitions: changes.partitions, keeping: .hours(1),
            segmentBytes: Limits.shuffleSegmentBytes, retentionBytes: Limits.shuffleBytes, timestamps: .create)
    }

    /// A topic of ours: visible as soon as it is written, because the commit behind it decides about durability.
    private func topic(
        internal name: String, partitions: Int, keeping retention: TimeSpan, segmentBytes: Int64? = nil,
        retentionBytes: Int64? = nil, timestamps: TopicConfiguration.TimestampKind = .append
    ) throws(Failure) -> Topic {
        if let present = node.log.topic(name) {
            guard present.partitions.count == partitions else {
                throw Failure(
                    .incompatible, "\(name) has \(present.partitions.count) partitions and would need \(partitions)",
                    advice: "Give the pipeline a new name: records in its shuffle belong to the old partitions",
                    place: name)
            }
            return present
        }
        var configuration = TopicConfiguration(partitions: partitions)
        configuration.retentionTime = retention
        configuration.retentionBytes = retentionBytes
        if let segmentBytes { configuration.segmentBytes = segmentBytes }
        configuration.durability = .written
        // By default how long a record has been here, not when what it tells of happened: that is part of the record.
        configuration.timestamps = timestamps
        // Event times of any past are carried through; nothing here is from outside.
        configuration.futureLimit = nil
        return try node.log.createTopic(name, configuration)
    }
}
