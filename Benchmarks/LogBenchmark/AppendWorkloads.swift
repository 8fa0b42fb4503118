internal import BenchmarkHarness
internal import MillraceCore
internal import MillraceLog

/// Records are encoded, batched, checked and appended; the control writes batches of the same bytes, made before.
let appendWorkloads: [Workload] = [100, 1_024].flatMap { recordBytes in
    [Acknowledgement.written, .durable].flatMap { acknowledgement in
        [1, 64].map { producers in
            AppendCase(recordBytes: recordBytes, acknowledgement: acknowledgement, producers: producers).workload
        }
    }
}

private struct AppendCase: Sendable {
    var recordBytes: Int
    var acknowledgement: Acknowledgement
    /// Threads, each of which waits for its acknowledgement before it goes on.
    var producers: Int

    private static let batchBytes = 64 << 10
    private var recordsPerBatch: Int { Self.batchBytes / (recordBytes + 8) }
    /// Batches that one producer has on their way: a single one would only measure how fast threads wake each other.
    private var window: Int { producers == 1 && acknowledgement == .written ? 16 : 1 }

    var workload: Workload {
        let size = recordBytes == 100 ? "100B" : "1KiB"
        let isDurable = acknowledgement == .durable
        let (small, full) = isDurable ? (64, 2_000) : (256, 16_000)
        let goal = isDurable ? producers == 1 ? "p99 ≤ 3×" : "< 1×" : "≤ 1.67×"
        return Workload(
            "log.append.\(size).\(isDurable ? "durable" : "written").\(producers)",
            small: small * recordsPerBatch, full: full * recordsPerBatch, goal: goal,
            control: (isDurable ? "write+fdatasync" : "write", { try control($0) }), run: { try ours($0) })
    }

    private func batches(_ records: Int) -> Int { max(1, records / recordsPerBatch / producers) }

    /// Runs `produce` on every producer's thread and gathers what it measured.
    private func onEveryProducer(_ produce: @escaping @Sendable (Int) throws -> Latencies) throws -> Latencies {
        if producers == 1 { return try produce(0) }
        let gathered = Lock<(Latencies, (any Error)?)>((Latencies(), nil))
        let threads = (0..<producers).map { number in
            OwnedThread(name: "producer") {
                do {
                    let own = try produce(number)
                    gathered.withLock { $0.0.add(own) }
                } catch { gathered.withLock { $0.1 = error } }
            }
        }
        for thread in threads { thread.join() }
        let (latencies, failure) = gathered.withLock { $0 }
        if let failure { throw failure }
        return latencies
    }

    private func outcome(_ records: Int, _ bytes: Int64, _ latencies: Latencies, _ part: Part) -> Workload.Outcome {
        Workload.Outcome(
            units: batches(records) * producers * recordsPerBatch, hash: UInt64(bytes),
            extra: (acknowledgement == .durable ? latencies.extra : [])
                + [("MB/s", Double(bytes) / 1e6 / max(part.wallSeconds, 1e-9))],
            part: part)
    }

    private func ours(_ records: Int) throws -> Workload.Outcome {
        let directory = try BenchDirectory.fresh("append")
        defer { BenchDirectory.remove(directory) }
        var options = LogOptions()
        // The control does not sync behind its writes either.
        options.lazySyncInterval = .seconds(3_600)
        let store = try LogStore.open(
            directory: directory, storage: PosixStorage(), clock: SystemClock(), options: options)
        var configuration = TopicConfiguration()
        (configuration.durability, configuration.segmentBytes) = (acknowledgement, Limits.segmentBytes)
        let partition = try store.createTopic("t", configuration).partitions[0]
        let count = batches(records)
        let (latencies, part) = try Part.timing {
            try onEveryProducer { _ in try produce(count, into: partition) }
        }
        let bytes = partition.byteCount
        // Nobody reads them any more: closing would only wait for the disk.
        for segment in partition.segments { try PosixStorage().open(segment.path, .readWrite).truncate(to: 0) }
        try store.close()
        return outcome(records, bytes, latencies, part)
    }

    private func produce(_ count: Int, into partition: Partition) throws -> Latencies {
        let builder = RecordBatchBuilder(capacity: Self.batchBytes + 4_096)
        let flight = AppendFlight()
        let (noise, window, acknowledgement) = (Noise.shared, window, acknowledgement)
        var latencies = Latencies()
        for _ in 0..<count {
            try noise.withUnsafeBytes { noise in
                for number in 0..<recordsPerBatch {
                    let start = number * 64
                    try builder.append(
                        key: nil, value: UnsafeRawBufferPointer(rebasing: noise[start..<start + recordBytes]),
                        milliseconds: Noise.milliseconds)
                }
            }
            let batch = builder.finish()
            try flight.wait(below: window)
            if acknowledgement == .durable {
                try latencies.time {
                    flight.send(batch, to: partition, acknowledgement)
                    try flight.wait(below: 1)
                }
            } else {
                flight.send(batch, to: partition, acknowledgement)
            }
        }
        try flight.wait(below: 1)
        return latencies
    }

    private func control(_ records: Int) throws -> Workload.Outcome {
        let directory = try BenchDirectory.fresh("raw")
        defer { BenchDirectory.remove(directory) }
        let bytes = try Noise.batch(of: recordsPerBatch, recordBytes).bytes
        let file = try RawFile(directory + "/raw", create: true)
        defer { file.shut() }
        let end = Lock<Int64>(0)
        let (count, isDurable) = (batches(records), acknowledgement == .durable)
        let (latencies, part) = try Part.timing {
            try onEveryProducer { _ in
                var latencies = Latencies()
                for _ in 0..<count {
                    let position = end.withLock { end in
                        defer { end += Int64(bytes.count) }
                        return end
                    }
                    if isDurable {
                        try latencies.time {
                            try bytes.withUnsafeBytes { try file.put($0, at: position) }
                            try file.sync()
                        }
                    } else {
                        try bytes.withUnsafeBytes { try file.put($0, at: position) }
                    }
                }
                return latencies
            }
        }
        return outcome(records, end.withLock { $0 }, latencies, part)
    }
}

/// What the records hold: bytes that do not compress.
enum Noise {
    static let milliseconds: Int64 = 1_767_225_600_000
    static let shared: [UInt8] = {
        var random = SeededRandom(seed: 1)
        return (0..<1 << 18).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }()

    static func batch(
        of records: Int, _ recordBytes: Int, milliseconds: Int64 = Noise.milliseconds
    ) throws -> EncodedBatch {
        let builder = RecordBatchBuilder(capacity: 80 << 10)
        try shared.withUnsafeBytes { noise in
            for number in 0..<records {
                let start = number * 64
                try builder.append(
                    key: nil, value: UnsafeRawBufferPointer(rebasing: noise[start..<start + recordBytes]),
                    milliseconds: milliseconds)
            }
        }
        return builder.finish()
    }
}
