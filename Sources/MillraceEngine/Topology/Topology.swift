public import MillraceCore
public import MillraceFlow

/// What a node runs: logs, the pipelines they feed, where results go, and a console.
public struct Topology: Sendable {
    public var parts: [TopologyPart]
    public init(_ parts: [TopologyPart] = []) { self.parts = parts }

    public var pipelines: [PipelineDescription] {
        parts.compactMap { if case .pipeline(let pipeline) = $0 { pipeline } else { nil } }
    }
    /// The tables whose changes are read.
    var changes: [ChangesDescription] {
        pipelines.flatMap(\.inputs).compactMap { if case .changes(let changes) = $0 { changes } else { nil } }
    }
    public var consolePort: Int? {
        parts.lazy.compactMap { if case .console(let console) = $0 { console.port } else { nil } }.first
    }
    /// Every log that is named: inputs, outputs and those that only exist.
    public var logs: [LogDescription] {
        parts.flatMap { part -> [LogDescription] in
            switch part {
            case .log(let log): return [log]
            case .console: return []
            case .pipeline(let pipeline):
                var logs = Array(pipeline.sideOutputs.sorted { $0.key < $1.key }.map(\.value))
                for case .log(let log) in pipeline.inputs { logs.append(log) }
                if case .log(let log) = pipeline.output { logs.append(log) }
                return logs
            }
        }
    }
}

public enum TopologyPart: Sendable {
    case log(LogDescription)
    case pipeline(PipelineDescription)
    case console(Console)

    /// Sends a side output of the pipeline into a log.
    public func side<T: Record>(_ side: SideOutput<T>, into log: Log<T>) -> TopologyPart {
        changed { $0.sideOutputs[side.name] = log.description }
    }
    /// What happens to records that fail.
    public func onFailure(_ policy: FailurePolicy) -> TopologyPart { changed { $0.failures = policy } }
    /// How long results may wait before they are durable and visible, and after how much input of a task they are in
    /// any case; what is not given is the node's.
    public func commits(every interval: TimeSpan? = nil, bytes: Int? = nil) -> TopologyPart {
        changed { ($0.commitInterval, $0.commitBytes) = (interval, bytes) }
    }

    private func changed(_ change: (inout PipelineDescription) -> Void) -> TopologyPart {
        guard case .pipeline(var pipeline) = self else { return self }
        change(&pipeline)
        return .pipeline(pipeline)
    }
}

/// The page and the HTTP API of the node, on loopback unless the settings say otherwise.
public struct Console: Sendable, Hashable {
    public let port: Int
    /// - Parameter port: 0 lets the system choose; the node prints which.
    public init(port: Int = 8080) { self.port = port }
}

@resultBuilder public enum TopologyBuilder {
    public static func buildExpression(_ part: TopologyPart) -> [TopologyPart] { [part] }
    public static func buildExpression<T: Record>(_ log: Log<T>) -> [TopologyPart] { [.log(log.description)] }
    public static func buildExpression(_ console: Console) -> [TopologyPart] { [.console(console)] }
    public static func buildBlock(_ parts: [TopologyPart]...) -> [TopologyPart] { parts.flatMap { $0 } }
    public static func buildOptional(_ parts: [TopologyPart]?) -> [TopologyPart] { parts ?? [] }
    public static func buildEither(first parts: [TopologyPart]) -> [TopologyPart] { parts }
    public static func buildEither(second parts: [TopologyPart]) -> [TopologyPart] { parts }
    public static func buildArray(_ parts: [[TopologyPart]]) -> [TopologyPart] { parts.flatMap { $0 } }
    public static func buildFinalResult(_ parts: [TopologyPart]) -> Topology { Topology(parts) }
}
