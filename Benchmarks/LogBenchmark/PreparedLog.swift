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
        let flight = ThreadMonitor((batches: 0, failure: Failure?.none))
        var milliseconds = Noise.milliseconds
        for start in stride(from: 0, to: records, by: recordsPerBatch) {
            let batch = try Noise.batch(
                of: min(recordsPerBatch, records - start), recordBytes, milliseconds: milliseconds)
            milliseconds += Self.batchMilliseconds
            flight.wait { $0.batches < 64 ? .done(()) : .wait(until: nil) }
            flight.withLock { $0.batches += 1 }
            partition.append(batch) { outcome in
                flight.withLock {
                    $0.batches -= 1
                    if case .failure(let failure) = outcome { $0.failure = failure }
                }
                flight.signal()
            }
        }
        let failure: Failure? = flight.wait { $0.batches == 0 ? .done($0.failure) : .wait(until: nil) }
        if let failure { throw failure }
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
