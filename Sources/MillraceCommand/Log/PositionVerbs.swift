import MillraceCore
import MillraceLog

let offsetsVerb = Verb(
    name: "offsets", summary: "show where topics begin and end, or how far a consumer group is",
    about: "With --group, the group's positions and how far they are behind; with --groups, the groups there are.",
    arguments: [.init(name: "TOPIC", help: "topics; none means all", count: .many)],
    options: [
        .value("group", "NAME", "g", "positions of this consumer group"),
        .flag("groups", "list the consumer groups"),
        .value("at", "TIME", "also the first offset at or after this time"),
    ],
    examples: [.init("millrace log offsets --group billing", "how far 'billing' is behind, in records and time")],
    action: .blocking { invocation in
        try OpenLog.look(invocation) { log in
            if invocation.flag("groups") {
                try listGroups(log, invocation)
            } else if let group = invocation.value("group") {
                try showPositions(of: group, log, invocation)
            } else {
                try showOffsets(log, invocation)
            }
        }
    })

private func topics(_ log: OpenLog, _ invocation: Invocation) throws(Failure) -> [Topic] {
    guard !invocation.arguments.isEmpty else { return log.store.topics }
    var topics: [Topic] = []
    for name in invocation.arguments { topics.append(try log.topic(name)) }
    return topics
}

private func showOffsets(_ log: OpenLog, _ invocation: Invocation) throws {
    let at = try invocation.time("at")
    let rows = RowWriter(
        [
            .init("topic"), .init("partition"), .init("startOffset", "start"), .init("endOffset", "end"),
            .init("stableOffset", "stable"), .init("records"), .init("offsetAtTime", "at time", isHidden: at == nil),
        ], invocation.terminal)
    for topic in try topics(log, invocation) {
        for partition in topic.partitions {
            let (start, end) = (partition.startOffset, partition.endOffset)
            let found = try at.map { try partition.offset(atOrAfter: $0) } ?? nil
            rows.add([
                .text(topic.name), .number(Int64(partition.index)), .number(start), .number(end),
                .number(partition.lastStableOffset), .count(end - start),
                found.map(Cell.number) ?? .absent("none"),
            ])
        }
    }
    rows.finish()
}

private func listGroups(_ log: OpenLog, _ invocation: Invocation) throws {
    let rows = RowWriter([.init("group"), .init("partitions"), .init("lag")], invocation.terminal)
    for group in log.store.positions.groups {
        let positions = try log.store.positions.list(group: group)
        var lag: Int64 = 0
        for (place, position) in positions {
            let partition = log.store.topic(place.topic)?.partitions.first { $0.index == place.partition }
            lag += max(0, (partition?.lastStableOffset ?? position.offset) - position.offset)
        }
        rows.add([.text(group), .count(positions.count), .count(lag)])
    }
    rows.finish()
    if log.store.positions.groups.isEmpty { invocation.terminal.note("no consumer group has committed a position yet") }
}

private func showPositions(of group: String, _ log: OpenLog, _ invocation: Invocation) throws {
    guard log.store.positions.groups.contains(group) else { throw unknown(group, log) }
    let rows = RowWriter(
        [
            .init("topic"), .init("partition"), .init("offset"), .init("endOffset", "end"), .init("lag"),
            .init("lagSeconds", "behind"), .init("committed"),
        ], invocation.terminal)
    let positions = try log.store.positions.list(group: group).sorted { $0.key < $1.key }
    for (place, position) in positions
    where invocation.arguments.isEmpty || invocation.arguments.contains(place.topic) {
        let partition = log.store.topic(place.topic)?.partitions.first { $0.index == place.partition }
        let lag = try log.store.lag(group: group, topic: place.topic, partition: place.partition)
        rows.add([
            .text(place.topic), .number(Int64(place.partition)), .number(position.offset),
            partition.map { .number($0.lastStableOffset) } ?? .absent("deleted"),
            lag.map { .count($0.records) } ?? .missing, lag.map { .span($0.time) } ?? .missing,
            position.committed == .distantPast ? .missing : .time(position.committed),
        ])
    }
    rows.finish()
}

private func unknown(_ group: String, _ log: OpenLog) -> Failure {
    let near = Spelling.nearest(to: group, in: log.store.positions.groups)
    return Failure(
        .notFound, "there is no consumer group '\(group)'",
        advice: near.map { "Did you mean '\($0)'?" } ?? "See 'millrace log offsets --groups'")
}

let resetVerb = Verb(
    name: "reset", summary: "set a consumer group's position in a topic",
    about:
        "Stop the group's consumers first: what they commit later wins. Without --yes it only shows what it would do.",
    arguments: [.init(name: "GROUP", help: "the group; made when it is new"), .init(name: "TOPIC", help: "the topic")],
    options: [
        .value("to", "WHERE", "earliest, latest, an offset, -N for N before the end, or a time"),
        .value("partition", "N", "p", "only this partition; may be repeated"),
        .flag("forget", "forget the whole group instead"),
        .flag("yes", "y", "yes, do it"),
    ],
    examples: [.init("millrace log reset billing clicks --to 2026-03-01T00:00:00Z --yes", "reads March again")],
    action: .blocking { invocation in
        let (group, name) = (invocation.required(0), invocation.required(1))
        try OpenLog.with(invocation) { log in
            if invocation.flag("forget") {
                guard log.store.positions.groups.contains(group) else { throw unknown(group, log) }
                if invocation.flag("yes") { try log.store.positions.delete(group: group) }
                return Said(
                    "\(invocation.flag("yes") ? "forgot" : "would forget") the group \(group)",
                    [("group", .text(group))]
                ).print(to: invocation.terminal)
            }
            try reset(group, try log.topic(name), log, invocation)
        }
        if !invocation.flag("yes") { invocation.terminal.note("nothing was changed; repeat with --yes") }
    })

private func reset(_ group: String, _ topic: Topic, _ log: OpenLog, _ invocation: Invocation) throws {
    guard let text = invocation.value("to") else {
        throw Failure(.usage, "--to is missing", advice: "Give \(LogPlace.form)")
    }
    guard let place = LogPlace(text) else { throw invocation.refusal("to", text, LogPlace.form) }
    let rows = RowWriter(
        [.init("topic"), .init("partition"), .init("from"), .init("to"), .init("lag")], invocation.terminal)
    var positions: [TopicPartition: ConsumerPosition] = [:]
    for partition in try log.partitions(of: topic, invocation) {
        let end = partition.readableEnd(.readCommitted)
        let wanted = try place.offset(in: partition, .readCommitted)
        let offset = min(max(wanted, partition.startOffset), end)
        let old = try log.store.positions.position(group: group, topic: topic.name, partition: partition.index)
        positions[TopicPartition(topic.name, partition.index)] = ConsumerPosition(
            offset: offset, epoch: partition.leaderEpoch, committed: log.clock.wall, metadata: "reset")
        rows.add([
            .text(topic.name), .number(Int64(partition.index)), old.map { .number($0.offset) } ?? .missing,
            .number(offset), .count(end - offset),
        ])
    }
    if invocation.flag("yes") { try log.store.positions.reset(group: group, to: positions) }
    rows.finish()
}
