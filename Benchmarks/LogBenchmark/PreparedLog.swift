internal import MillraceCore
internal import MillraceLog

/// A closed log of one partition on the disk, made once and read by every run.
final class PreparedLog: Sendable {
    let directory: String
    let records: Int
    let segments: [SegmentDescription]
    static let topic = "t"
    /// Milliseconds from one batch to the next: so that times find offsets.
    static let batchMilliseconds: Int64 = 10

    var bytes: Int64 { segments.reduce(0) { $0 + $1.bytes } }

    private static let made = Lock<[String: PreparedLog]>([:])

    static func of(_ records: Int, _ recordBytes: Int, batchBytes: Int, segmentBytes: Int64) throws -> PreparedLog {
        let key = "\(records) \(recordBytes) \(batchBytes) \(segmentBytes)"
        if let known = made.withLock({ $0[key] }) { return known }
        let log = try PreparedLog(records, recordBytes, batchBytes: batchBytes, segmentBytes: segmentBytes)
        made.withLock { $0[key] = log }
        return log
    }

    private init(_ records: Int, _ recordBytes: Int, batchBytes: Int, segmentBytes: Int64) throws {
        directory = try BenchDirectory.fresh("prepared")
        let store = try Self.open(directory)
        var configuration = TopicConfiguration()
        (configuration.durability, configuration.segmentBytes) = (.written, segmentBytes)
        // The records' times are fixed ones, whatever day it is.
        configuration.retentionTime = nil
        let partition = try store.createTopic(Self.topic, configuration).partitions[0]
        let recordsPerBatch = batchBytes / (recordBytes + 8)
        let flight = AppendFlight()
        var milliseconds = Noise.milliseconds
        for start in stride(from: 0, to: records, by: recordsPerBatch) {
            let batch = try Noise.batch(
                of: min(recordsPerBatch, records - start), recordBytes, milliseconds: milliseconds)
            milliseconds += Self.batchMilliseconds
            try flight.wait(below: 64)
            flight.send(batch, to: partition)
        }
        try flight.wait(below: 1)
        self.records = records
        segments = partition.segments
        try store.close()
    }

    static func open(_ directory: String) throws -> LogStore {
        try LogStore.open(directory: directory, storage: PosixStorage(), clock: SystemClock())
    }
    static func partition(_ store: LogStore) throws -> Partition {
        guard let topic = store.topic(topic) else { throw Failure(.notFound, "the prepared log lost its topic") }
        return topic.partitions[0]
    }

    func forEachIndex(_ body: (String) throws -> Void) rethrows {
        for segment in segments { try body(String(segment.path.dropLast("log".count)) + "index") }
    }
}
