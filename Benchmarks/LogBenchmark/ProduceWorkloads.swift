internal import BenchmarkHarness
internal import MillraceCore
internal import MillraceLog

/// Single records through a `Producer` as it is by default but for the acknowledgement: one by one, and a thousand at a
/// time. The control writes as many bytes in pieces of the same size.
let produceWorkloads: [Workload] = [100, 1_024].flatMap { recordBytes in
    [1, 1_000].map { atOnce in
        Workload(
            "log.produce.\(recordBytes == 100 ? "100B" : "1KiB")\(atOnce == 1 ? "" : ".many")",
            small: 150_000 * 100 / recordBytes, full: 8_000_000 * 100 / recordBytes, goal: atOnce == 1 ? "" : "≤ 1.67×",
            controlAnswersTheSame: false,
            control: ("write", { try rawWrites($0, recordBytes) }),
            run: { try produce($0, recordBytes, atOnce) })
    }
}

private func produce(_ count: Int, _ recordBytes: Int, _ atOnce: Int) throws -> Workload.Outcome {
    let directory = try BenchDirectory.fresh("produce")
    defer { BenchDirectory.remove(directory) }
    var logOptions = LogOptions()
    // The control does not sync behind its writes either.
    logOptions.lazySyncInterval = .seconds(3_600)
    let store = try LogStore.open(
        directory: directory, storage: PosixStorage(), clock: SystemClock(), options: logOptions)
    var configuration = TopicConfiguration()
    (configuration.durability, configuration.segmentBytes) = (.written, Limits.segmentBytes)
    let partition = try store.createTopic("t", configuration).partitions[0]
    let producer = try store.producer("t")
    // What a user has in hands: arrays made elsewhere.
    let records = (0..<1_000).map { number in
        Producer.Record(value: Array(Noise.shared[number * 64..<number * 64 + recordBytes]))
    }
    func flush() {
        let isDone = ThreadMonitor(false)
        Task {
            try await producer.flush()
            isDone.withLock { $0 = true }
            isDone.broadcast()
        }
        isDone.wait { $0 ? .done(()) : .wait(until: nil) }
    }
    func sending(_ body: () throws(Failure) -> Void) throws {
        while true {
            do throws(Failure) { return try body() } catch {
                guard error.code == .limitReached, error.isRetriable else { throw error }
                flush()
            }
        }
    }
    let (_, part) = try Part.timing {
        var left = count
        while left > 0 {
            let piece = min(left, records.count)
            if atOnce == 1 {
                for number in 0..<piece {
                    try sending { () throws(Failure) in try producer.send(key: nil, value: records[number].value) }
                }
            } else {
                try sending { () throws(Failure) in
                    try producer.send(contentsOf: piece == records.count ? records : Array(records[..<piece]))
                }
            }
            left -= piece
        }
        flush()
    }
    guard partition.endOffset == Int64(count) else { throw Failure(.corrupt, "\(partition.endOffset) of \(count)") }
    // Nobody reads them any more: closing would only wait for the disk.
    for segment in partition.segments { try PosixStorage().open(segment.path, .readWrite).truncate(to: 0) }
    try store.close()
    return .init(units: count, hash: UInt64(count), part: part)
}

private func rawWrites(_ count: Int, _ recordBytes: Int) throws -> Workload.Outcome {
    let directory = try BenchDirectory.fresh("raw")
    defer { BenchDirectory.remove(directory) }
    let perBatch = (64 << 10) / (recordBytes + 8)
    let bytes = try Noise.batch(of: perBatch, recordBytes).bytes
    let file = try RawFile(directory + "/raw", create: true)
    defer { file.shut() }
    let (_, part) = try Part.timing {
        var position: Int64 = 0
        for _ in 0..<max(1, count / perBatch) {
            try bytes.withUnsafeBytes { try file.put($0, at: position) }
            position += Int64(bytes.count)
        }
    }
    return .init(units: max(1, count / perBatch) * perBatch, hash: 0, part: part)
}
