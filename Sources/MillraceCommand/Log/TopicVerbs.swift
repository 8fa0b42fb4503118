import MillraceCore
import MillraceLog

let createTopicVerb = Verb(
    name: "create", summary: "make a topic",
    about: "Makes the data directory too when there is none.",
    arguments: [.init(name: "TOPIC", help: "1 to 249 of a-z A-Z 0-9 . _ -")],
    options: [.value("partitions", "N", "p", "how many partitions (1)")] + TopicOptions.all,
    examples: [
        .init("millrace log create clicks --partitions 8", "keeps records for a week"),
        .init("millrace log create users --cleanup compact", "keeps the last record of each key for ever"),
    ],
    action: .blocking { invocation in
        let name = invocation.required(0)
        var configuration = TopicConfiguration()
        let partitions = try invocation.integer("partitions", in: 1...Int64(Limits.partitionsPerTopic))
        configuration.partitions = Int(partitions ?? 1)
        try TopicOptions.apply(invocation, to: &configuration)
        try OpenLog.with(invocation, creating: true) { log in
            try log.store.createTopic(name, configuration)
        }
        let count = configuration.partitions
        Said(
            "created topic \(name) with \(count) partition\(count == 1 ? "" : "s")",
            [("topic", .text(name)), ("partitions", .count(count))]
        ).print(to: invocation.terminal)
    })

let alterTopicVerb = Verb(
    name: "alter", summary: "change what a topic keeps, or give it more partitions",
    about: "Partitions only grow. Records of a key may go to another partition afterwards.",
    arguments: [.init(name: "TOPIC", help: "the topic")],
    options: [.value("partitions", "N", "p", "partitions it shall have")] + TopicOptions.all,
    examples: [.init("millrace log alter clicks --retention-time 30d", "keeps records for a month from now on")],
    action: .blocking { invocation in
        let name = invocation.required(0)
        try OpenLog.with(invocation) { log in
            var configuration = try log.topic(name).configuration
            try TopicOptions.apply(invocation, to: &configuration)
            let changed = configuration
            try log.store.alterTopic(name) { $0 = changed }
            if let count = try invocation.integer("partitions", in: 1...Int64(Limits.partitionsPerTopic)) {
                try log.store.addPartitions(name, to: Int(count))
            }
        }
        Said("altered topic \(name)", [("topic", .text(name))]).print(to: invocation.terminal)
    })

let deleteTopicVerb = Verb(
    name: "delete", summary: "delete a topic, or its records before a place",
    about: "There is no way back, so --yes must be given.",
    arguments: [.init(name: "TOPIC", help: "the topic")],
    options: [
        .flag("yes", "y", "yes, delete it"),
        .value("before", "WHERE", "keep the topic, delete the records before an offset or a time"),
        .value("partition", "N", "p", "with --before: only this partition; may be repeated"),
    ],
    action: .blocking { invocation in
        let name = invocation.required(0)
        try OpenLog.with(invocation) { log in
            let topic = try log.topic(name)
            if let text = invocation.value("before") { return try delete(before: text, topic, log, invocation) }
            let records = topic.partitions.reduce(0) { $0 + $1.endOffset - $1.startOffset }
            let bytes = topic.partitions.reduce(0) { $0 + $1.byteCount }
            guard invocation.flag("yes") else {
                throw Failure(
                    .usage,
                    "'\(name)' holds \(Human.text(count: records)) records in \(Human.text(bytes: bytes))",
                    advice: "Repeat with --yes to delete them")
            }
            try log.store.deleteTopic(name)
            Said(
                "deleted topic \(name) with \(Human.text(count: records)) records, \(Human.text(bytes: bytes))",
                [("topic", .text(name)), ("records", .count(records)), ("bytes", .bytes(bytes))]
            ).print(to: invocation.terminal)
        }
    })

private func delete(before text: String, _ topic: Topic, _ log: OpenLog, _ invocation: Invocation) throws {
    guard let place = LogPlace(text) else { throw invocation.refusal("before", text, LogPlace.form) }
    var targets: [(partition: Partition, offset: Int64)] = []
    for partition in try log.partitions(of: topic, invocation) {
        // A partition that ends before an offset loses what it has.
        let offset = min(try place.offset(in: partition, .readUncommitted), partition.readableEnd(.readUncommitted))
        if offset > partition.startOffset { targets.append((partition, offset)) }
    }
    let records = targets.reduce(0) { $0 + $1.offset - $1.partition.startOffset }
    guard invocation.flag("yes") else {
        throw Failure(
            .usage, "\(Human.text(count: records)) records of '\(topic.name)' lie before that",
            advice: "Repeat with --yes to delete them")
    }
    for target in targets { try target.partition.deleteRecords(before: target.offset) }
    Said(
        "deleted \(Human.text(count: records)) records of \(topic.name)",
        [("topic", .text(topic.name)), ("records", .count(records))]
    ).print(to: invocation.terminal)
}

let listTopicsVerb = Verb(
    name: "list", summary: "list the topics",
    options: [.flag("all", "a", "also those that Millrace made for itself, whose names begin with _")],
    action: .blocking { invocation in
        try OpenLog.look(invocation) { log in
            let rows = RowWriter(
                [
                    .init("topic"), .init("partitions"), .init("records"), .init("bytes", "size"),
                    .init("cleanup"), .init("retentionSeconds", "keeps"), .init("state"),
                ], invocation.terminal)
            let topics = log.store.topics.filter { invocation.flag("all") || !$0.name.hasPrefix("_") }
            for topic in topics {
                let partitions = topic.partitions
                let damaged = partitions.count { $0.fault != nil }
                rows.add([
                    .text(topic.name), .count(partitions.count),
                    .count(partitions.reduce(0) { $0 + $1.endOffset - $1.startOffset }),
                    .bytes(partitions.reduce(0) { $0 + $1.byteCount }),
                    .text(TopicOptions.cleanup(topic.configuration.cleanup)),
                    TopicOptions.keeps(topic.configuration),
                    .text(damaged == 0 ? "healthy" : "\(damaged) damaged"),
                ])
            }
            rows.finish()
            if topics.isEmpty {
                invocation.terminal.note("no topics yet; make one with 'millrace log create TOPIC'")
            }
        }
    })

let describeTopicVerb = Verb(
    name: "describe", summary: "show a topic's configuration, partitions and segments",
    arguments: [.init(name: "TOPIC", help: "the topic")],
    options: [.flag("segments", "s", "list the segment files too")],
    action: .blocking { invocation in
        try OpenLog.look(invocation) { log in
            try describe(try log.topic(invocation.required(0)), invocation)
        }
    })

private func describe(_ topic: Topic, _ invocation: Invocation) throws {
    let terminal = invocation.terminal
    let partitionColumns: [RowWriter.Column] = [
        .init("partition"), .init("startOffset", "start"), .init("endOffset", "end"), .init("records"),
        .init("bytes", "size"), .init("segments"), .init("durableOffset", "durable"), .init("stableOffset", "stable"),
        .init("epoch"), .init("openTransactions", "open txns"), .init("state", isElastic: true),
    ]
    let partitionRows = topic.partitions.map { partition in
        [
            Cell.number(Int64(partition.index)), .number(partition.startOffset), .number(partition.endOffset),
            .count(partition.endOffset - partition.startOffset), .bytes(partition.byteCount),
            .count(partition.segments.count), .number(partition.durableOffset), .number(partition.lastStableOffset),
            .number(Int64(partition.leaderEpoch)), .count(partition.openTransactions.count),
            .text(partition.fault.map { "damaged: \($0.message)" } ?? "healthy"),
        ]
    }
    let segmentColumns: [RowWriter.Column] = [
        .init("partition"), .init("baseOffset", "from"), .init("endOffset", "to"), .init("bytes", "size"),
        .init("epoch"), .init("compactions", "compacted"), .init("path", "file"),
    ]
    let segmentRows = topic.partitions.flatMap { partition in
        partition.segments.map { segment in
            [
                Cell.number(Int64(partition.index)), .number(segment.baseOffset), .number(segment.endOffset),
                .bytes(segment.bytes), .number(Int64(segment.epoch)), .number(Int64(segment.generation)),
                .text(segment.path),
            ]
        }
    }
    let showsSegments = invocation.flag("segments")
    var facts = FactWriter()
    facts.add("topic", "topic", .text(topic.name))
    facts.add("partitionCount", "partitions", .count(topic.partitions.count))
    TopicOptions.tell(topic.configuration, in: &facts)
    guard terminal.format == .columns else {
        facts.add("partitions", "", .json(JSONText.array(partitionColumns.map(\.key), partitionRows)))
        if showsSegments { facts.add("segments", "", .json(JSONText.array(segmentColumns.map(\.key), segmentRows))) }
        return facts.print(to: terminal)
    }
    facts.print(to: terminal)
    terminal.out.line("")
    RowWriter.print(partitionRows, partitionColumns, terminal)
    if showsSegments, !segmentRows.isEmpty {
        terminal.out.line("")
        RowWriter.print(segmentRows, segmentColumns, terminal)
    }
}
