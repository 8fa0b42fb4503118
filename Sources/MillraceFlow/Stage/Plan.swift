public import MillraceCore

/// Where a stage's records come from.
public enum StagePort: Sendable, Hashable {
    /// A log of the pipeline's own input: its number in the order they are written down, and its record type's name.
    case source(index: Int, type: String)
    /// The internal log that an earlier stage writes.
    case shuffle(fromStage: Int)
}

/// One stage of a plan: what stands between two logs, and how to make it run.
public struct StagePlan: Sendable {
    public var index: Int
    public var ports: [StagePort]
    /// Writes into a shuffle; otherwise it is the last stage and makes the result.
    public var isShuffled: Bool
    public var states: [StagePlan.State]
    public var sideOutputs: [String]
    public var steps: [String]
    /// Makes the stage for one partition. Call it on the lane that will own the kernel.
    public var makeKernel: @Sendable (KernelOptions) -> StageKernel

    public struct State: Sendable, Hashable {
        public var name: String
        public var schema: StateSchema
        /// What it costs in memory, and what bounds it.
        public var bound: String
    }
}

/// A pipeline cut into stages. Stages are in the order records pass; the last one makes the result.
public struct Plan: Sendable {
    public let name: String
    public let stages: [StagePlan]
    /// The columns of the result; empty for a plan that writes records.
    public let layout: RowLayout
    /// What is allowed but should be looked at.
    public let warnings: [String]

    /// A pipeline whose result goes into a table.
    @inlinable public init<P: Pipeline>(rows pipeline: P) throws(Failure) where P.Body.Output: RowShape {
        try self.init(pipeline, layout: RowLayout.of(P.Body.Output.self)) { RowSink<P.Body.Output>() }
    }
    /// A pipeline whose result goes into a log.
    @inlinable public init<P: Pipeline>(records pipeline: P) throws(Failure) where P.Body.Output: Record {
        try self.init(pipeline, layout: RowLayout()) { RecordSink<P.Body.Output>() }
    }
    /// A pipeline whose results are collected as values: for drivers, tests and benchmarks, on one thread.
    @inlinable public init<P: Pipeline>(
        values pipeline: P, into buffer: ValueBuffer<P.Body.Output>
    ) throws(Failure) {
        try self.init(pipeline, layout: RowLayout()) { ValueSink(buffer) }
    }

    @inlinable init<P: Pipeline, S: StageSink>(
        _ pipeline: P, layout: RowLayout, sink: @escaping @Sendable () -> S
    ) throws(Failure) where S.Value == P.Body.Output {
        var builder = PlanBuilder()
        let ports = P.Body.Head.stages(into: &builder, of: pipeline, by: HeadPath<BodyPath<P>>.self)
        builder.add(BodyPath<P>.self, of: pipeline, ports: ports, isShuffled: false, sink: sink)
        try self.init(name: String(describing: P.self), layout: layout, builder)
    }

    @usableFromInline init(name: String, layout: RowLayout, _ builder: PlanBuilder) throws(Failure) {
        (self.name, self.layout, stages) = (name, layout, builder.stages)
        warnings = builder.warnings
        if let refusal = builder.refusal ?? layout.problem { throw refusal }
        let names = layout.columns.map(\.name)
        if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
            throw Failure(
                .invalidArgument, "the result of pipeline \(name) has two columns named \"\(twice)\"",
                advice: "Give one field of the value another name; windows bring key, window_start, window_end, "
                    + "pane_index, pane_timing and pane_final", place: name)
        }
        var seen: Set<String> = []
        for state in stages.flatMap(\.states) where !seen.insert(state.name).inserted {
            throw Failure(
                .invalidArgument, "pipeline \(name) has two stateful steps named \"\(state.name)\"",
                advice: "Give one of them a name of its own, as in .count(named: \"clicks\")", place: name)
        }
    }
}

extension [StagePort] {
    /// The stage reads logs of the pipeline's input, so that its own records say what time it is.
    @usableFromInline var isSource: Bool {
        contains { if case .source = $0 { true } else { false } }
    }
}

/// Collects a plan's stages while the flows walk from the end to the start.
public struct PlanBuilder {
    @usableFromInline var stages: [StagePlan] = []
    @usableFromInline var warnings: [String] = []

    @usableFromInline var sources = 0
    @usableFromInline var refusal: Failure?

    public init() {}
    /// The next log that the pipeline reads.
    @inlinable public mutating func source<T: Record>(_: T.Type) -> [StagePort] {
        sources += 1
        return [.source(index: sources - 1, type: String(describing: T.self))]
    }
    public mutating func warn(_ text: String) { warnings.append(text) }
    /// Notes what cannot work: the plan fails with the first.
    public mutating func refuse(_ message: String, advice: String) {
        if refusal == nil { refusal = Failure(.invalidArgument, message, advice: advice) }
    }

    /// Adds a stage whose last step is at `path`.
    @inlinable public mutating func add<Q: FlowPath, S: StageSink>(
        _: Q.Type, of pipeline: Q.P, ports: [StagePort], isShuffled: Bool, sink: @escaping @Sendable () -> S
    ) where S.Value == Q.F.Output {
        let flow = Q.flow(of: pipeline)
        let probe = StageSetup(seed: 0, isSource: ports.isSource)
        _ = flow.makeState(probe)
        var text = StageDescription()
        flow.describe(into: &text)
        append(probe, text, ports: ports, isShuffled: isShuffled) { options in
            StageKernel.make(Q.self, of: pipeline, sink: sink(), isSource: ports.isSource, options: options)
        }
    }
    @usableFromInline mutating func append(
        _ probe: StageSetup, _ text: StageDescription, ports: [StagePort], isShuffled: Bool,
        makeKernel: @escaping @Sendable (KernelOptions) -> StageKernel
    ) {
        warnings += probe.warnings
        if refusal == nil { refusal = probe.refusal }
        stages.append(
            StagePlan(
                index: stages.count, ports: ports, isShuffled: isShuffled,
                states: probe.slots.map { StagePlan.State(name: $0.name, schema: $0.schema, bound: $0.bound) },
                sideOutputs: probe.sides.names, steps: text.steps, makeKernel: makeKernel))
    }
    /// Adds the stage that sends into the shuffle in front of `path`, and returns the port behind it.
    @inlinable @inline(__always) public mutating func shuffle<Q: FlowPath>(_: Q.Type, of pipeline: Q.P) -> [StagePort]
    where Q.F: ShuffledFlow {
        let ports = Q.F.Sender.Head.stages(into: &self, of: pipeline, by: HeadPath<SenderPath<Q>>.self)
        add(SenderPath<Q>.self, of: pipeline, ports: ports, isShuffled: true) { ShuffleSink<Q.F.Sender.Output>() }
        return [.shuffle(fromStage: stages.count - 1)]
    }
}

/// The steps of one stage in words.
public struct StageDescription {
    public private(set) var steps: [String] = []
    public init() {}
    public mutating func add(_ step: String) { steps.append(step) }
}

extension Plan: CustomStringConvertible {
    public func describe() -> String {
        var lines = ["pipeline \(name)"]
        for stage in stages {
            lines.append("  stage \(stage.index)")
            for port in stage.ports {
                switch port {
                case .source(_, let type): lines.append("    from log of \(type)")
                case .shuffle(let from): lines.append("    from shuffle of stage \(from)")
                }
            }
            for step in stage.steps { lines.append("    \(step)") }
            for state in stage.states {
                lines.append("    state \"\(state.name)\" (\(state.schema))")
                lines.append("      memory: \(state.bound)")
            }
            for side in stage.sideOutputs { lines.append("    side output \"\(side)\"") }
            lines.append(stage.isShuffled ? "    to shuffle of stage \(stage.index)" : "    to the result")
        }
        let columns = layout.columns.map { "\($0.name) \($0.type)" }
        if !columns.isEmpty { lines.append("  columns \(columns.joined(separator: ", "))") }
        lines += warnings.map { "  warning: \($0)" }
        return lines.joined(separator: "\n")
    }
    public var description: String { describe() }
}
