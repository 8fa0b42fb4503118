import MillraceCore
import MillraceLog

/// The options that make up a topic's configuration.
enum TopicOptions {
    static let all: [Verb.Option] = [
        .value("retention-time", "D", "how long records stay, such as 7d; none keeps them for ever"),
        .value("retention-bytes", "N", "bytes a partition may have, such as 10GiB; none is no bound"),
        .value("cleanup", "HOW", "delete (default), compact, or both as delete,compact"),
        .value("segment-bytes", "N", "size at which a segment file ends (1GiB)"),
        .value("segment-age", "D", "age at which a segment file ends (7d)"),
        .value("max-batch-bytes", "N", "largest batch taken (1MiB)"),
        .value("timestamps", "WHOSE", "create: the producer's time (default), append: the log's"),
        .value("durability", "LEVEL", "durable: synced before it counts (default), written: in the page cache"),
    ]

    static func apply(_ invocation: Invocation, to configuration: inout TopicConfiguration) throws(Failure) {
        if invocation.value("retention-time") == "none" {
            configuration.retentionTime = nil
        } else if let span = try invocation.span("retention-time") {
            configuration.retentionTime = span
        }
        if invocation.value("retention-bytes") == "none" {
            configuration.retentionBytes = nil
        } else if let bytes = try invocation.bytes("retention-bytes") {
            configuration.retentionBytes = bytes
        }
        if let text = invocation.value("cleanup") {
            configuration.cleanup = []
            for word in text.split(separator: ",") {
                switch word {
                case "delete": configuration.cleanup.insert(.delete)
                case "compact": configuration.cleanup.insert(.compact)
                default: throw invocation.refusal("cleanup", text, "delete, compact or delete,compact")
                }
            }
        }
        if let bytes = try invocation.bytes("segment-bytes") { configuration.segmentBytes = bytes }
        if let span = try invocation.span("segment-age") { configuration.segmentAge = span }
        if let bytes = try invocation.bytes("max-batch-bytes") { configuration.maxBatchBytes = Int(bytes) }
        switch invocation.value("timestamps") {
        case nil: break
        case "create": configuration.timestamps = .create
        case "append": configuration.timestamps = .append
        case let text?: throw invocation.refusal("timestamps", text, "create or append")
        }
        switch invocation.value("durability") {
        case nil: break
        case "durable": configuration.durability = .durable
        case "written": configuration.durability = .written
        case let text?: throw invocation.refusal("durability", text, "durable or written")
        }
    }

    /// How long records stay: time does not count where only compaction cleans.
    static func keeps(_ configuration: TopicConfiguration) -> Cell {
        guard configuration.cleanup.contains(.delete) else { return .absent("last of a key") }
        return configuration.retentionTime.map(Cell.span) ?? .absent("for ever")
    }

    /// What a configuration says, for `describe`.
    static func tell(_ configuration: TopicConfiguration, in facts: inout FactWriter) {
        facts.add("cleanup", "cleanup", .text(cleanup(configuration.cleanup)))
        facts.add("retentionSeconds", "keeps records", keeps(configuration))
        facts.add("retentionBytes", "keeps bytes", configuration.retentionBytes.map(Cell.bytes) ?? .missing)
        facts.add("segmentBytes", "segment size", .bytes(configuration.segmentBytes))
        facts.add("segmentSeconds", "segment age", .span(configuration.segmentAge))
        facts.add("maxBatchBytes", "largest batch", .bytes(configuration.maxBatchBytes))
        facts.add("timestamps", "timestamps", .text(configuration.timestamps == .create ? "create" : "append"))
        facts.add(
            "durability", "durability", .text(configuration.durability == .durable ? "durable" : "written"))
    }
    static func cleanup(_ cleanup: TopicConfiguration.Cleanup) -> String {
        [(TopicConfiguration.Cleanup.delete, "delete"), (.compact, "compact")]
            .filter { cleanup.contains($0.0) }.map(\.1).joined(separator: ",")
    }
}
