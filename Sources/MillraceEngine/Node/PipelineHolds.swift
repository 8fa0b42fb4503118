internal import MillraceCore
internal import MillraceLog

/// What tasks still have to read is kept, whatever a log's retention says: an input that goes away under a pipeline
/// would be records lost in silence. Each task's hold follows its commits.
struct PipelineHolds {
    let log: LogStore
    let store: any TaskStore
    let logger: Logger
    /// The holds in use, by topic.
    private(set) var names: [String: Set<String>] = [:]

    init(log: LogStore, store: any TaskStore, logger: Logger) {
        (self.log, self.store, self.logger) = (log, store, logger)
    }

    private static let prefix = "pipeline "

    /// A hold on every partition of a topic for the tasks that read it, from their last commits on. One that cannot be
    /// had is missing: the task that reads there says why.
    mutating func holds(
        _ topic: Topic, pipeline: String, stage: Int, port: Int
    ) throws(Failure) -> [Int: RetentionHold] {
        let name = "\(Self.prefix)\(pipeline)/\(stage).\(port)"
        names[topic.name, default: []].insert(name)
        var holds: [Int: RetentionHold] = [:]
        var missing: [Int: Int64] = [:]
        for partition in topic.partitions {
            let task = TaskAddress(pipeline: pipeline, stage: stage, partition: partition.index)
            let positions = try store.mark(of: task)?.positions ?? []
            let position = positions.indices.contains(port) ? positions[port] : partition.startOffset
            if let hold = topic.hold(named: name, ofPartition: partition.index) {
                hold.move(to: position)
                holds[partition.index] = hold
            } else if position >= partition.startOffset {
                missing[partition.index] = position
            }
        }
        guard !missing.isEmpty else { return holds }
        do throws(Failure) {
            return holds.merging(try topic.hold(name: name, offsets: missing)) { first, _ in first }
        } catch {
            logger.warning(
                "no-hold", ["topic": .text(topic.name), "pipeline": .text(pipeline), "why": .text("\(error)")])
            return holds
        }
    }

    /// Pipelines that are in the topology no more hold nothing any more.
    func releaseOthers() {
        for topic in log.topics {
            let used = names[topic.name] ?? []
            for partition in topic.partitions.indices {
                for (name, offset) in topic.holds(ofPartition: partition)
                where name.hasPrefix(Self.prefix) && !used.contains(name) {
                    topic.releaseHold(name: name, partition: partition)
                    logger.info(
                        "hold-released",
                        [
                            "topic": .text("\(topic.name)/\(partition)"), "hold": .text(name),
                            "offset": .integer(offset),
                            "why": "the pipeline is not in the topology",
                        ])
                }
            }
        }
    }
}
