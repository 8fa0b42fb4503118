import MillraceCore
import MillraceLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The child that is killed: writes into a log as fast as it can and says on its standard output what was acknowledged.
///
///     LogProbe DIRECTORY PARTITIONS ACKNOWLEDGEMENT SEQUENCE ...
///
/// One producer per SEQUENCE, which is where it goes on. Lines out: `R` the log is open; `A producer first last offset`
/// acknowledged; `F message` refused. It never ends by itself unless it is refused.
@main struct Probe {
    static func main() {
        let words = CommandLine.arguments
        guard words.count > 4, let partitions = Int(words[2]) else { exit(2) }
        let acknowledgement: Acknowledgement = words[3] == "written" ? .written : .durable
        do throws(Failure) {
            try write(words[1], partitions, acknowledgement, words.dropFirst(4).compactMap { Int32($0) })
        } catch {
            say("F \(error)")
            exit(1)
        }
    }

    private struct Window: Sendable {
        /// Batches on their way, per producer.
        var inFlight: [Int]
        var hasFailed = false
    }
    /// As many as the log remembers of a producer.
    private static let window = 5

    private static func write(
        _ directory: String, _ partitions: Int, _ acknowledgement: Acknowledgement, _ starts: [Int32]
    ) throws(Failure) {
        var options = LogOptions()
        options.freeBytesLeast = 1 << 20
        let store = try LogStore.open(
            directory: directory, storage: PosixStorage(), clock: SystemClock(), options: options)
        for event in store.recovery.events where event.kind == .refused { say("F \(event)") }
        if store.topic(Workload.topic) == nil {
            var configuration = TopicConfiguration(partitions: partitions)
            // Small, so that rolls are killed too.
            configuration.segmentBytes = 48 << 10
            configuration.retentionTime = nil
            try store.createTopic(Workload.topic, configuration)
        }
        guard let topic = store.topic(Workload.topic) else { preconditionFailure("it was made") }
        say("R")

        var next = starts
        let state = ThreadMonitor(Window(inFlight: starts.map { _ in 0 }))
        let clock = SystemClock()
        let window = window
        while true {
            let free: [Int] = state.wait { state in
                if state.hasFailed { return .done([]) }
                let free = state.inFlight.indices.filter { state.inFlight[$0] < window }
                return free.isEmpty ? .wait(until: nil) : .done(free)
            }
            guard !free.isEmpty else { return }
            for producer in free {
                let first = next[producer]
                let batch = try batch(of: producer, from: first, clock.wall)
                let last = first + Int32(batch.recordCount) - 1
                next[producer] = last + 1
                state.withLock { $0.inFlight[producer] += 1 }
                let partition = topic.partitions[producer % partitions]
                let answer: @Sendable (Result<AppendResult, Failure>) -> Void = { outcome in
                    switch outcome {
                    case .success(let result): say("A \(producer) \(first) \(last) \(result.baseOffset)")
                    case .failure(let failure): say("F \(failure)")
                    }
                    let failed = (try? outcome.get()) == nil
                    state.withLock {
                        $0.inFlight[producer] -= 1
                        $0.hasFailed = $0.hasFailed || failed
                    }
                    state.signal()
                }
                partition.append(batch, acknowledgement: acknowledgement, completion: answer)
            }
        }
    }

    private static func batch(of producer: Int, from first: Int32, _ now: EventTime) throws(Failure) -> EncodedBatch {
        var properties = RecordBatchBuilder.Properties()
        (properties.producerID, properties.producerEpoch) = (Int64(producer) + 1, 0)
        properties.baseSequence = first
        properties.compression = Compression.allCases[producer % Compression.allCases.count]
        let builder = RecordBatchBuilder(properties)
        for sequence in first..<first + Int32(Workload.batchLength(producer, first)) {
            try builder.append(
                key: Array("\(producer)".utf8), value: Workload.value(producer, sequence),
                milliseconds: now.flooredMilliseconds)
        }
        return builder.finish()
    }

    /// One line in one system call, so that a kill cannot tear it.
    private static func say(_ line: String) {
        let bytes = Array((line.split(separator: "\n").joined(separator: " ") + "\n").utf8)
        _ = bytes.withUnsafeBytes { unsafeWrite(1, $0.baseAddress, $0.count) }
    }
    private static func unsafeWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
        #if canImport(Glibc)
            Glibc.write(descriptor, bytes, count)
        #else
            Darwin.write(descriptor, bytes, count)
        #endif
    }
}
