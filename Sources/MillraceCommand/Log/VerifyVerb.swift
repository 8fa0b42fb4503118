import MillraceCore
import MillraceEngine
import MillraceLog

let verifyVerb = Verb(
    name: "verify", summary: "read everything and check every bit",
    about: """
        Reads each segment file from its first byte: checksums, the continuity of offsets, epochs, and every record.
        Changes nothing. An unfinished write at the end of a partition is no damage: the next start cuts it off.
        """,
    arguments: [.init(name: "TOPIC", help: "topics, or partitions as TOPIC/3; none means all", count: .many)],
    examples: [.init("millrace log verify || echo damaged", "exit code 3 tells damage")],
    action: .blocking { invocation in
        let storage = PosixStorage()
        try LogCheck(invocation, storage).run(OpenLog.directoryToLookAt(invocation, storage: storage))
    })

private final class LogCheck {
    private let invocation: Invocation
    private let storage: PosixStorage
    private let clock = SystemClock()
    private let rows: RowWriter
    private struct Damage {
        var file: String
        var position: Int64
        /// The offset that was due there.
        var offset: Int64
        var what: String
    }
    private var damages: [Damage] = []
    private var tails = 0
    private var records: Int64 = 0

    init(_ invocation: Invocation, _ storage: PosixStorage) {
        (self.invocation, self.storage) = (invocation, storage)
        rows = RowWriter(
            [
                .init("partition"), .init("segments"), .init("batches"), .init("records"), .init("bytes", "size"),
                .init("startOffset", "start"), .init("endOffset", "end"), .init("state"),
            ], invocation.terminal)
    }

    func run(_ log: String) throws {
        let files = try SegmentFiles(log: log, storage: storage, wanted: invocation.arguments)
        let bytes = try files.bytes(storage)
        let progress = Progress("verifying", total: bytes, unit: .bytes, invocation.terminal, clock: clock)
        for partition in files.partitions { try check(partition, progress) }
        let took = progress.finish()
        rows.finish()
        let terminal = invocation.terminal
        for damage in damages { tell(damage, terminal) }
        terminal.note(
            "read \(Human.text(bytes: bytes)) and \(Human.text(count: records)) records in \(Human.text(span: took))"
                + (tails > 0 ? "; \(tails) unfinished write\(tails == 1 ? "" : "s") at the end will be cut off" : ""))
        if !damages.isEmpty {
            throw Failure(
                .corrupt, "\(damages.count) damaged place\(damages.count == 1 ? "" : "s")",
                advice: "Records around them can be read with 'millrace log read --skip-damage'; restore the file")
        }
    }

    private func tell(_ damage: Damage, _ terminal: Terminal) {
        guard terminal.format == .json else {
            let place = "\(damage.file) byte \(damage.position) offset \(damage.offset)"
            return terminal.out.line(terminal.style.red("damaged ") + place + ": " + damage.what)
        }
        var json = JSONText()
        json.field("damaged", text: damage.file)
        json.field("position", integer: damage.position)
        json.field("offset", integer: damage.offset)
        json.field("reason", text: damage.what)
        terminal.out.write(json.line)
    }

    private func check(_ partition: SegmentFiles.Partition, _ progress: Progress) throws {
        var (batches, count, bytes) = (0, Int64(0), Int64(0))
        var (start, due): (Int64?, Int64?) = (nil, nil)
        let before = (damages.count, tails)
        for path in partition.files {
            var walk = try SegmentWalk(path: path, storage: storage)
            if let due, let begins = walk.nextOffset, begins != due {
                let what = "begins with offset \(begins), \(due) was due: a file is missing or cut short"
                damages.append(Damage(file: path, position: 0, offset: due, what: what))
            }
            bytes += walk.size
            let isLast = path == partition.files.last
            try walk.run { step in
                switch step {
                case .batch(let view, let position, let fault):
                    batches += 1
                    count += Int64(view.header.recordCount)
                    start = start ?? view.header.baseOffset
                    if let fault {
                        damages.append(
                            Damage(
                                file: path, position: position, offset: view.header.baseOffset,
                                what: "the records cannot be read: \(fault)"))
                    }
                    progress.advance(by: Int64(view.bytes.count))
                case .damage(let damage):
                    progress.advance(by: damage.bytes)
                    if damage.isTail, isLast {
                        tails += 1
                    } else {
                        damages.append(
                            Damage(file: path, position: damage.position, offset: damage.offset, what: damage.reason))
                    }
                }
                return true
            }
            due = walk.nextOffset
        }
        records += count
        let state = damages.count > before.0 ? "damaged" : tails > before.1 ? "unfinished write" : "whole"
        rows.add([
            .text("\(partition.topic)/\(partition.index)"), .count(partition.files.count), .count(batches),
            .count(count), .bytes(bytes), start.map(Cell.number) ?? .missing, due.map(Cell.number) ?? .missing,
            .text(state),
        ])
    }
}
