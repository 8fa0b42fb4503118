public import MillraceCore
public import MillraceFlow

/// A pipeline with its inputs, waiting to be told where its results go.
public struct Feed<P: Pipeline>: Sendable {
    @usableFromInline let pipeline: P
    @usableFromInline let name: String
    @usableFromInline let inputs: [InputDescription]

    @inlinable init(_ pipeline: P, name: String, inputs: [InputDescription]) {
        (self.pipeline, self.name, self.inputs) = (pipeline, name, inputs)
    }

    /// Results become rows: the key is the partition key, a window's start a clustering column, the rest columns.
    @inlinable public func into(_ table: Table) -> TopologyPart where P.Body.Output: RowShape {
        let pipeline = pipeline
        return .pipeline(
            PipelineDescription(name: name, inputs: inputs, output: .table(table)) { () throws(Failure) in
                try Plan(rows: pipeline)
            })
    }

    /// Results become records of another log, visible to readers of committed records when the commit is.
    @inlinable public func into(_ log: Log<P.Body.Output>) -> TopologyPart where P.Body.Output: Record {
        let pipeline = pipeline
        return .pipeline(
            PipelineDescription(name: name, inputs: inputs, output: .log(log.description)) { () throws(Failure) in
                try Plan(records: pipeline)
            })
    }

    /// Results leave the node. At least once after a crash, unless the sink takes commit ids into account.
    @inlinable public func into(_ sink: any Sink) -> TopologyPart where P.Body.Output: RowShape {
        let pipeline = pipeline
        return .pipeline(
            PipelineDescription(name: name, inputs: inputs, output: .sink(sink)) { () throws(Failure) in
                try Plan(rows: pipeline)
            })
    }
}

/// Where a pipeline's results go.
public enum OutputDescription: Sendable {
    case table(Table)
    case log(LogDescription)
    case sink(any Sink)

    public var name: String {
        switch self {
        case .table(let table): table.name
        case .log(let log): log.name
        case .sink(let sink): sink.name
        }
    }
}

/// A pipeline of a topology, and how it is to be run.
public struct PipelineDescription: Sendable {
    public var name: String
    /// In the order in which the pipeline's body names them; most read one.
    public var inputs: [InputDescription]
    public var output: OutputDescription
    /// Logs for the pipeline's side outputs, by their names.
    public var sideOutputs: [String: LogDescription] = [:]
    public var failures = FailurePolicy()
    /// `nil` takes the node's.
    public var commitInterval: TimeSpan?
    public var commitBytes: Int?
    public let makePlan: @Sendable () throws(Failure) -> Plan

    @usableFromInline init(
        name: String, inputs: [InputDescription], output: OutputDescription,
        makePlan: @escaping @Sendable () throws(Failure) -> Plan
    ) { (self.name, self.inputs, self.output, self.makePlan) = (name, inputs, output, makePlan) }
}

/// What happens to a record that cannot be read, or whose closures throw.
public struct FailurePolicy: Sendable, Hashable {
    public enum After: Sendable, Hashable {
        /// The record goes to the dead letters, its key goes on.
        case deadLetter
        /// So do all later records of its key, so that none overtakes it; other keys flow.
        case parkKey
    }
    /// Times a record whose closures throw is tried before it is given up. Pure closures fail the same way again, hence
    /// one; more suits closures that ask something outside. What cannot be read is not tried again.
    public var attempts = 1
    public var then = After.deadLetter

    public init() {}
    public static func attempts(_ count: Int, then: After = .deadLetter) -> FailurePolicy {
        var policy = FailurePolicy()
        (policy.attempts, policy.then) = (max(1, count), then)
        return policy
    }
}
