internal import MillraceCore

/// How far a task had come at a commit: all it needs, beside its state, to go on after a crash.
struct TaskMark: Equatable, Sendable {
    /// The next record to read, for each of the task's inputs; none before the first commit.
    var positions: [Int64] = []
    var watermark = EventTime.distantPast
    /// The latest event time seen: where the watermark strategy goes on.
    var latestEvent = EventTime.distantPast
    /// Commits of this task so far; also the number of its last decided transaction.
    var commits: Int64 = 0
    var recordsIn: Int64 = 0
    var recordsOut: Int64 = 0
    var lateRecords: Int64 = 0
    var badRecords: Int64 = 0
    /// The input has ended and everything has fired.
    var isFinished = false
    /// What the tasks before a shuffle have said about event time.
    var upstream: [UpstreamWatermarks.Producer] = []
    /// The records that this commit made visible in logs, by where they begin.
    var transaction: [TransactionPart] = []

    /// Blocks of the state's journal that belong to this commit.
    var journal: Range<Int64> = 0..<0

    /// 3: with the journal. 2 is read too: state was entries of their own alone then.
    private static let version: UInt8 = 3

    var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 96)
        writer.byte(Self.version)
        for number in [
            watermark.microseconds, latestEvent.microseconds, commits, recordsIn, recordsOut, lateRecords,
            badRecords,
        ] { writer.integer(number) }
        writer.byte(isFinished ? 1 : 0)
        writer.integer(UInt16(positions.count))
        for position in positions { writer.integer(position) }
        writer.integer(UInt32(upstream.count))
        for producer in upstream {
            writer.integer(producer.id)
            writer.integer(producer.watermark.microseconds)
            writer.byte(producer.isIdle ? 1 : 0)
        }
        writer.integer(journal.lowerBound)
        writer.integer(journal.upperBound)
        writer.integer(UInt32(transaction.count))
        for part in transaction {
            writer.integer(UInt16(part.topic.utf8.count))
            writer.text(part.topic)
            writer.integer(UInt32(part.partition))
            writer.integer(part.firstOffset)
        }
        writer.integer(writer.bytes.withUnsafeBytes { CRC32C.of($0) })
        return writer.bytes
    }

    init() {}

    init(_ bytes: [UInt8], of task: TaskAddress) throws(Failure) {
        do throws(ByteFault) { self = try bytes.lending { (raw) throws(ByteFault) in try Self(reading: raw) } } catch {
            throw Failure(
                error.reason == .unknownValue ? .incompatible : .corrupt, "the mark of a task cannot be read",
                advice: error.reason == .unknownValue
                    ? "It was written by another version of Millrace; use that one, or reset the pipeline"
                    : "Restore the data directory from a snapshot, or reset the pipeline",
                place: task.description, cause: error, isFatal: true)
        }
    }

    private init(reading raw: UnsafeRawBufferPointer) throws(ByteFault) {
        var reader = ByteReader(raw)
        let version = try reader.byte()
        guard version == Self.version || version == 2 else { throw ByteFault(.unknownValue, at: 0) }
        watermark = EventTime(microseconds: try reader.integer())
        latestEvent = EventTime(microseconds: try reader.integer())
        commits = try reader.integer()
        recordsIn = try reader.integer()
        recordsOut = try reader.integer()
        lateRecords = try reader.integer()
        badRecords = try reader.integer()
        isFinished = try reader.byte() != 0
        for _ in 0..<Int(try reader.integer(UInt16.self)) { positions.append(try reader.integer()) }
        let producers = try reader.checked(
            count: try reader.integer(UInt32.self), minimumElementBytes: 17, limit: Limits.upstreamTasks)
        for _ in 0..<producers {
            var producer = UpstreamWatermarks.Producer(id: try reader.integer())
            producer.watermark = EventTime(microseconds: try reader.integer())
            producer.isIdle = try reader.byte() != 0
            upstream.append(producer)
        }
        if version > 2 {
            let (lower, upper) = (try reader.integer(Int64.self), try reader.integer(Int64.self))
            guard lower >= 0, lower <= upper else { throw ByteFault(.unknownValue, at: reader.position) }
            journal = lower..<upper
        }
        let parts = try reader.checked(
            count: try reader.integer(UInt32.self), minimumElementBytes: 14, limit: Limits.transactionParts)
        for _ in 0..<parts {
            let topic = try reader.text(Int(try reader.integer(UInt16.self)))
            let partition = Int(try reader.integer(UInt32.self))
            transaction.append(TransactionPart(topic: topic, partition: partition, firstOffset: try reader.integer()))
        }
        let covered = UnsafeRawBufferPointer(rebasing: raw[..<reader.position])
        guard try reader.integer(UInt32.self) == CRC32C.of(covered) else {
            throw ByteFault(.checksum, at: reader.position)
        }
        try reader.expectEnd()
    }
}
