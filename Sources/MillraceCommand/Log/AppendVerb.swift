import MillraceCore
import MillraceLog

let appendVerb = Verb(
    name: "append", summary: "append the lines of the input as records",
    about: """
        Every line is a record, its text the value. With --key or --time the line is a JSON object that names them;
        with --envelope it is what 'millrace log read --json' prints. Records with a key go to the partition that
        Kafka's default partitioner gives, others take turns by batch. When input pauses, what came is appended.
        """,
    arguments: [
        .init(name: "TOPIC", help: "the topic"),
        .init(name: "FILE", help: "files to read; none or - is standard input", count: .many),
    ],
    options: [
        .value("key", "MEMBER", "k", "member of the line's JSON object that is the record's key"),
        .value("key-separator", "TEXT", "the key is what stands before this text, the value what stands behind"),
        .value("time", "MEMBER", "member that is the record's time (RFC 3339 or milliseconds); else now"),
        .flag("envelope", "lines are objects with key, value, headers, timestamp and partition"),
        .value("partition", "N", "p", "append everything to this partition"),
        .value("compression", "CODEC", "c", "none (default), gzip, snappy, lz4 or zstd"),
        .value("batch-bytes", "N", "bytes a batch collects (256KiB)"),
        .value("durability", "LEVEL", "durable or written; else the topic's"),
        .flag("create", "make the topic when it is missing"),
    ],
    examples: [
        .init("echo hello | millrace log append greetings --create", "appends one record"),
        .init("millrace log append clicks clicks.ndjson --key page --time at", "keys and times from the JSON"),
        .init(
            "millrace log append copy --create --envelope < dump.ndjson", "keys, times and headers as they were read"),
    ],
    action: .blocking { try AppendRun($0).run() })

private struct AppendRun {
    let invocation: Invocation
    var form = InputForm()
    let compression: Compression
    let batchBytes: Int?
    let acknowledgement: Acknowledgement?

    init(_ invocation: Invocation) throws(Failure) {
        self.invocation = invocation
        let name = invocation.value("compression") ?? "none"
        guard let compression = Compression(name: name) else {
            throw invocation.refusal("compression", name, "none, gzip, snappy, lz4 or zstd")
        }
        self.compression = compression
        batchBytes = try invocation.bytes("batch-bytes").map { Int($0) }
        switch invocation.value("durability") {
        case nil: acknowledgement = nil
        case "durable": acknowledgement = .durable
        case "written": acknowledgement = .written
        case let text?: throw invocation.refusal("durability", text, "durable or written")
        }
        form.timeMember = invocation.value("time")
        form.isEnvelope = invocation.flag("envelope")
        switch (invocation.value("key"), invocation.value("key-separator")) {
        case (let member?, nil): form.key = .member(member)
        case (nil, let text?) where !text.isEmpty: form.key = .separator(Array(text.utf8))
        case (nil, nil): break
        default: throw Failure(.usage, "--key and --key-separator exclude each other", advice: "Give one of them")
        }
        if form.isEnvelope, invocation.value("key") ?? invocation.value("key-separator") ?? form.timeMember != nil {
            throw Failure(.usage, "--envelope says where key and time are", advice: "Leave the other options out")
        }
    }

    func run() throws {
        let name = invocation.required(0)
        try OpenLog.with(invocation, creating: invocation.flag("create")) { log in
            if invocation.flag("create"), log.store.topic(name) == nil { try log.store.createTopic(name) }
            let topic = try log.topic(name)
            let limit = min(batchBytes ?? Limits.appendBatchBytes, topic.configuration.maxBatchBytes)
            let appender = Appender(
                topic.partitions, compression: compression, batchBytes: limit, acknowledgement: acknowledgement)
            let progress = Progress("appending", unit: .records, invocation.terminal, clock: log.clock)
            defer { progress.finish() }
            let files = Array(invocation.arguments.dropFirst())
            for file in files.isEmpty ? ["-"] : files {
                let descriptor = file == "-" ? 0 : try SystemProcess.openToRead(file)
                do { try append(LineReader(descriptor), named: file, to: appender, progress, log.clock) } catch {
                    // What came before a line that cannot be read is kept, as the message says.
                    try appender.finish()
                    throw error
                }
            }
            try appender.finish()
            let took = progress.finish()
            let rate = Double(appender.records) / max(took.seconds, 0.000_001)
            Said(
                "appended \(Human.text(count: appender.records)) records to \(name), "
                    + "\(Human.text(bytes: appender.appendedBytes)) in \(Human.text(span: took)) "
                    + "(\(Human.text(count: Int64(rate)))/s)",
                [
                    ("topic", .text(name)), ("records", .count(appender.records)),
                    ("bytes", .bytes(appender.appendedBytes)), ("seconds", .span(took)),
                ]
            ).print(to: invocation.terminal)
        }
    }

    private func append(
        _ lines: LineReader, named file: String, to appender: Appender, _ progress: Progress, _ clock: any RuntimeClock
    ) throws {
        let partition = try invocation.integer("partition", in: 0...Int64(Int32.max)).map { Int($0) }
        var now = clock.wall.flooredMilliseconds
        var untold: Int64 = 0
        while true {
            if !lines.hasBufferedLine {
                // The next read may wait: nothing that came before shall wait with it.
                try appender.flush()
                progress.advance(by: untold)
                untold = 0
            }
            guard let line = try lines.next() else { return progress.advance(by: untold) }
            if untold & 255 == 0 { now = clock.wall.flooredMilliseconds }
            if form.isPlain, partition == nil {
                try appender.append(line, milliseconds: now)
            } else {
                try appender.append(
                    form.record(line, number: lines.lineNumber, of: file), milliseconds: now, to: partition)
            }
            untold += 1
        }
    }
}
