import MillraceCore
import MillraceLog

let compactVerb = Verb(
    name: "compact", summary: "keep only the last record of each key, now",
    about: "Works on topics whose cleanup is compact. The segment that is written to stays as it is.",
    arguments: [.init(name: "TOPIC", help: "the topic")],
    options: [.value("partition", "N", "p", "only this partition; may be repeated")],
    action: .blocking { invocation in
        try OpenLog.with(invocation) { log in
            let topic = try log.topic(invocation.required(0))
            guard topic.configuration.cleanup.contains(.compact) else {
                throw Failure(
                    .invalidArgument, "'\(topic.name)' is not a compacted topic",
                    advice: "Make it one with 'millrace log alter \(topic.name) --cleanup compact'")
            }
            let partitions = try log.partitions(of: topic, invocation)
            let total = partitions.reduce(0) { $0 + $1.byteCount }
            let progress = Progress("compacting", total: total, unit: .bytes, invocation.terminal, clock: log.clock)
            defer { progress.finish() }
            let rows = RowWriter(
                [
                    .init("partition"), .init("segments"), .init("bytesBefore", "before"), .init("bytesAfter", "after"),
                    .init("recordsDropped", "dropped"),
                ], invocation.terminal)
            for partition in partitions {
                let bytes = partition.byteCount
                let result = try partition.compact()
                progress.advance(by: bytes)
                rows.add([
                    .number(Int64(partition.index)), .count(result.segments), .bytes(result.bytesBefore),
                    .bytes(result.bytesAfter), .count(result.recordsDropped),
                ])
            }
            progress.finish()
            rows.finish()
        }
    })
