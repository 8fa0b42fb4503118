import MillraceCore
import MillraceEngine
import MillraceLog

let dumpVerb = Verb(
    name: "dump", summary: "show the batches of a partition or of one segment file, with their checks",
    about: """
        Reads the files themselves: no data directory is needed to look into a segment file, Kafka's own included.
        Damage is shown where it is, and the batches behind it too; exit code 3 then.
        """,
    arguments: [.init(name: "TARGET", help: "TOPIC, TOPIC/PARTITION, or the path of a segment file")],
    options: [
        .flag("records", "r", "show the records too"),
        .value("from", "OFFSET", "begin with the batch of this offset"),
        .value("limit", "N", "n", "stop after so many batches"),
    ],
    examples: [
        .init("millrace log dump clicks/0 --records --limit 3", "three batches with their records"),
        .init("millrace log dump 00000000000000000000.log", "a segment file of Kafka's"),
    ],
    action: .blocking { try DumpRun($0).run() })

private final class DumpRun {
    private let invocation: Invocation
    private let from: Int64
    private var left: Int64
    private let rows: RowWriter
    private let decompressor = Decompressor()
    private var damages = 0
    private let showsRecords: Bool
    /// The segment file that is shown.
    private var file = ""

    init(_ invocation: Invocation) throws(Failure) {
        self.invocation = invocation
        from = try invocation.integer("from", in: 0...Int64.max) ?? 0
        left = try invocation.integer("limit", in: 0...Int64.max) ?? .max
        showsRecords = invocation.flag("records")
        rows = RowWriter(
            [
                .init("file", isHidden: true), .init("position", "byte"), .init("baseOffset", "from"),
                .init("lastOffset", "to"), .init("records"),
                .init("bytes", "size"), .init("codec"), .init("maxTimestamp", "newest"),
                .init("producerID", "producer"), .init("producerEpoch", "pepoch"), .init("baseSequence", "seq"),
                .init("leaderEpoch", "epoch"), .init("flags"), .init("check"), .init("entries", isHidden: true),
            ], invocation.terminal)
    }

    func run() throws {
        let target = invocation.required(0)
        let storage = PosixStorage()
        let status: FileStatus?
        do throws(IOFault) { status = try storage.status(of: target) } catch {
            throw Failure(error, "the target cannot be looked at")
        }
        if status?.kind == .file {
            try dump(target, storage, hasTitle: false)
        } else {
            // A topic's name has no slash but the one before a partition's number.
            if status == nil, target.hasSuffix(".log") || target.split(separator: "/").count > 2 {
                throw Failure(.notFound, "there is no file '\(target)'", advice: "Check the path")
            }
            let log = try OpenLog.directoryToLookAt(invocation, storage: storage)
            let files = try SegmentFiles(log: log, storage: storage, wanted: [target])
            for partition in files.partitions {
                for path in partition.files where left > 0 { try dump(path, storage, hasTitle: true) }
            }
        }
        if damages > 0 {
            throw Failure(.corrupt, "\(damages) damaged place\(damages == 1 ? "" : "s")", advice: "Restore the file")
        }
    }

    private func dump(_ path: String, _ storage: PosixStorage, hasTitle: Bool) throws {
        let terminal = invocation.terminal
        file = path
        var walk = try SegmentWalk(path: path, storage: storage)
        if hasTitle, terminal.format == .columns {
            terminal.out.line(terminal.style.dim("\(path)  \(Human.text(bytes: walk.size))"))
        }
        try walk.run { step in
            switch step {
            case .batch(let view, let position, let fault):
                guard view.header.lastOffset >= from else { return true }
                guard left > 0 else { return false }
                left -= 1
                try show(view, position, fault)
            case .damage(let damage):
                guard left > 0 else { return false }
                show(damage)
            }
            return true
        }
        rows.flush()
    }

    private func show(_ view: RecordBatchView, _ position: Int64, _ fault: ByteFault?) throws {
        let header = view.header
        if fault != nil { damages += 1 }
        let isJSON = invocation.terminal.format == .json
        rows.add([
            .text(file), .number(position), .number(header.baseOffset), .number(header.lastOffset),
            .count(Int64(header.recordCount)), .bytes(view.bytes.count),
            .text(header.attributes.compression.name),
            header.maxMilliseconds < 0 ? .missing : .time(header.maxTimestamp),
            header.hasProducer ? .number(header.producerID) : .missing,
            header.hasProducer ? .number(Int64(header.producerEpoch)) : .missing,
            header.baseSequence >= 0 ? .number(Int64(header.baseSequence)) : .missing,
            .number(Int64(header.leaderEpoch)), flags(view),
            .text(fault.map { "records: \($0)" } ?? "ok"),
            showsRecords && isJSON && fault == nil ? .json(try entries(view)) : .missing,
        ])
        if showsRecords, !isJSON, fault == nil {
            rows.flush()
            try forEachRecord(view) { record in
                let style = invocation.terminal.style
                let time = record.milliseconds < 0 ? "–" : CivilTime.column(record.timestamp)
                let (offset, key) = ("    \(record.offset)", Cell.data(record.key.map(Array.init)).column)
                let headers = record.headerCount > 0 ? "  +\(record.headerCount) headers" : ""
                var value = Cell.data(record.value.map(Array.init)).column
                if let width = invocation.terminal.width {
                    let taken = offset.count + time.count + key.count + headers.count + 6
                    value = value.cut(to: max(8, width - taken))
                }
                invocation.terminal.out.line(
                    "\(offset)  \(style.dim(time))  \(style.cyan(key))  \(value)\(style.dim(headers))")
            }
        }
    }

    private func show(_ damage: SegmentWalk.Damage) {
        if !damage.isTail { damages += 1 }
        rows.flush()
        let terminal = invocation.terminal
        let what = damage.isTail ? "unfinished write" : "damage"
        if terminal.format == .columns {
            terminal.out.line(
                terminal.style.red("\(damage.position)  \(what): \(damage.reason)")
                    + "; \(Human.text(bytes: damage.bytes)) to the \(damage.isTail ? "end" : "next whole batch")")
        } else {
            var json = JSONText()
            json.field("file", text: file)
            json.field("position", integer: damage.position)
            json.field("baseOffset", integer: damage.offset)
            json.field("bytes", integer: damage.bytes)
            json.field("check", text: "\(what): \(damage.reason)")
            terminal.out.write(json.line)
        }
    }

    private func flags(_ view: RecordBatchView) -> Cell {
        let attributes = view.header.attributes
        var flags: [String] = []
        if attributes.isControl {
            let control = try? view.controlRecord()
            switch control {
            case .commit(let epoch): flags.append("commit(\(epoch))")
            case .abort(let epoch): flags.append("abort(\(epoch))")
            case .watermark(let time): flags.append("watermark(\(CivilTime.column(time)))")
            case nil: flags.append("control")
            }
        } else if attributes.isTransactional {
            flags.append("transactional")
        }
        if attributes.isLogAppendTime { flags.append("append-time") }
        if attributes.hasDeleteHorizon { flags.append("compacted") }
        return flags.isEmpty ? .missing : .text(flags.joined(separator: ","))
    }

    private func forEachRecord(_ view: RecordBatchView, _ body: (RecordView) throws -> Void) throws {
        var cursor = try view.records(using: decompressor)
        while let record = try cursor.next() { try body(record) }
    }
    private func entries(_ view: RecordBatchView) throws -> String {
        var objects: [String] = []
        try forEachRecord(view) { record in
            var json = JSONText()
            try RecordPrinter.add(record, to: &json)
            objects.append(json.object)
        }
        return "[" + objects.joined(separator: ",") + "]"
    }
}
