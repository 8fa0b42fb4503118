import MillraceCore
import MillraceLog

private let readOptions: [Verb.Option] = [
    .value("partition", "N", "p", "only this partition; may be repeated"),
    .value("limit", "N", "n", "stop after so many records"),
    .flag("raw", "r", "print the values alone, a line each"),
    .flag("keys", "with --raw: the key and a tab before the value"),
    .flag("uncommitted", "also records of open and aborted transactions"),
    .flag("skip-damage", "go on behind damaged batches; exit code 3 at the end"),
]

let readVerb = Verb(
    name: "read", summary: "print records",
    about: "Prints one partition after the other. Only records of committed transactions, unless told otherwise.",
    arguments: [.init(name: "TOPIC", help: "the topic")],
    options: [
        .value("from", "WHERE", "earliest (default), latest, an offset, -N for the last N, or a time"),
        .value("to", "WHERE", "stop before an offset or a time"),
        .flag("follow", "f", "wait for more at the end"),
    ] + readOptions,
    examples: [
        .init("millrace log read clicks --from 2026-03-01T12:00:00Z --limit 10", "ten records from noon on"),
        .init("millrace log read clicks --raw --from -100 > last.ndjson", "the last 100 values of each partition"),
    ],
    action: .blocking { try ReadRun($0).run() })

let tailVerb = Verb(
    name: "tail", summary: "print the last records, and new ones as they come",
    arguments: [.init(name: "TOPIC", help: "the topic")],
    options: [.value("from", "WHERE", "as with read (-10)"), .flag("no-follow", "stop at the end")] + readOptions,
    action: .blocking { try ReadRun($0, isTail: true).run() })

/// A place in a partition as people name it.
enum LogPlace: Equatable {
    case earliest, latest
    case offset(Int64)
    case fromEnd(Int64)
    case time(EventTime)

    init?(_ text: String) {
        switch text {
        case "earliest", "start", "beginning": self = .earliest
        case "latest", "end": self = .latest
        default:
            if let number = Int64(text) {
                self = number < 0 || text.hasPrefix("-") ? .fromEnd(number == .min ? .max : -number) : .offset(number)
            } else if let time = CivilTime.parse(text) {
                self = .time(time)
            } else {
                return nil
            }
        }
    }
    /// The offset it means; one that was given as a number may lie outside of what can be read.
    func offset(in partition: Partition, _ isolation: Isolation) throws(Failure) -> Int64 {
        let (start, end) = (partition.startOffset, partition.readableEnd(isolation))
        return switch self {
        case .earliest: start
        case .latest: end
        case .offset(let offset): offset
        case .fromEnd(let count): max(start, end - min(count, end))
        case .time(let time): try partition.offset(atOrAfter: time) ?? end
        }
    }
    static let form = "earliest, latest, an offset, -N for the last N, or a time such as 2026-03-01T12:00:00Z"
}

private final class ReadRun {
    private struct Source {
        let partition: Partition
        let reader: LogReader
        /// Where reading stops; nil never.
        let end: Int64?
    }
    private let invocation: Invocation
    private let isFollowing: Bool
    private let from: LogPlace
    private let to: LogPlace?
    private let isolation: Isolation
    private var left: Int64
    private let decompressor = Decompressor()
    private var damaged = 0

    init(_ invocation: Invocation, isTail: Bool = false) throws(Failure) {
        self.invocation = invocation
        isFollowing = isTail ? !invocation.flag("no-follow") : invocation.flag("follow")
        isolation = invocation.flag("uncommitted") ? .readUncommitted : .readCommitted
        left = try invocation.integer("limit", in: 0...Int64.max) ?? .max
        func place(_ name: String, _ fallback: String?) throws(Failure) -> LogPlace? {
            guard let text = invocation.value(name) ?? fallback else { return nil }
            guard let place = LogPlace(text) else { throw invocation.refusal(name, text, LogPlace.form) }
            return place
        }
        guard let from = try place("from", isTail ? "-10" : "earliest") else { preconditionFailure("it has a default") }
        self.from = from
        to = isTail ? nil : try place("to", nil)
    }

    func run() throws {
        try OpenLog.look(invocation) { log in
            let topic = try log.topic(invocation.required(0))
            let partitions = try log.partitions(of: topic, invocation)
            let printer = RecordPrinter(invocation, partitionCount: topic.partitions.count)
            let sources = try partitions.map { partition in
                let start = try from.offset(in: partition, isolation)
                let end =
                    isFollowing ? nil : try to?.offset(in: partition, isolation) ?? partition.readableEnd(isolation)
                let reader = try LogReader(partition: partition, from: kept(start, in: partition), isolation: isolation)
                return Source(partition: partition, reader: reader, end: end)
            }
            try refuseBeyond(partitions)
            for source in sources where left > 0 { try drain(source, printer) }
            printer.flush()
            if isFollowing { try follow(sources, topic, log, printer) }
        }
        if damaged > 0 {
            throw Failure(
                .corrupt, "\(damaged) damaged part\(damaged == 1 ? " was" : "s were") skipped",
                advice: "See 'millrace log verify'")
        }
    }

    /// An offset inside what a partition holds: where its first records are gone, it says so and begins behind them.
    private func kept(_ wanted: Int64, in partition: Partition) -> Int64 {
        let start = partition.startOffset
        if wanted < start {
            invocation.terminal.note("\(partition.name): the offsets \(wanted) to \(start - 1) are gone")
        }
        return min(max(wanted, start), partition.readableEnd(isolation))
    }
    /// One partition may be shorter than another; an offset that none of them has is a mistake.
    private func refuseBeyond(_ partitions: [Partition]) throws(Failure) {
        guard case .offset(let offset) = from, let end = partitions.map(\.endOffset).max(), offset > end else { return }
        throw Failure(
            .offsetOutOfRange, "offset \(offset) is beyond the end, \(end)",
            advice: "See 'millrace log offsets'; 'latest' and -N count from the end")
    }

    private func drain(_ source: Source, _ printer: RecordPrinter) throws {
        while left > 0 {
            do {
                guard let lent = try source.reader.next() else { return }
                try lent.forEachRecord(using: decompressor) { record in
                    guard left > 0, source.end.map({ record.offset < $0 }) ?? true else { return }
                    try printer.print(record, partition: source.partition.index)
                    left -= 1
                }
                if let end = source.end, lent.endOffset >= end { return }
            } catch let failure as Failure where failure.code == .corrupt {
                printer.flush()
                guard invocation.flag("skip-damage") else {
                    throw Failure(
                        .corrupt, failure.message,
                        advice: "Nothing was deleted: read around it with --skip-damage, see 'millrace log verify', or "
                            + "restore the file from a backup", place: failure.place)
                }
                let lost = try source.reader.skipDamage()
                invocation.terminal.note(
                    "\(failure.message); offsets \(lost.lowerBound) to \(lost.upperBound - 1) skipped")
                damaged += 1
            }
        }
    }

    /// Looks again and again for more until --limit or a signal ends it. Whoever writes is another process, and files
    /// wake nobody.
    private func follow(_ sources: [Source], _ topic: Topic, _ log: OpenLog, _ printer: RecordPrinter) throws {
        let pause = ThreadMonitor(())
        while left > 0 {
            try log.store.refresh(topic)
            for source in sources where left > 0 { try drain(source, printer) }
            printer.flush()
            let next = log.clock.now + Limits.followInterval
            let clock = log.clock
            pause.wait { _ in clock.now >= next ? .done(()) : .wait(until: next) }
        }
    }
}
