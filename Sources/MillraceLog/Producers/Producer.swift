public import MillraceCore

/// Appends records: gathers them into batches by size and by time, one batch per partition at a time.
///
/// Keyed records go where Kafka's default partitioner sends them; records without a key stick to one partition until
/// its batch is full, then move on. Idempotent by default: a batch that was refused for a while is sent again under its
/// sequence, and what follows it waits. Thread-safe. `send` does not block: it throws a retriable `limitReached` when
/// `bufferBytes` wait; the async form waits. Many records are best given at once: one lock then, not one each.
public final class Producer: Sendable {
    public struct Options: Sendable {
        /// A batch is sent when it is this large…
        public var batchBytes = 64 << 10
        /// …or this old.
        public var linger: TimeSpan = .milliseconds(5)
        public var compression: Compression = .none
        public var acknowledgement: Acknowledgement?
        public var isIdempotent = true
        /// Bytes of records that may wait for their acknowledgement.
        public var bufferBytes = 32 << 20
        public init() {}
    }
    public struct Record: Hashable, Sendable {
        public var key: [UInt8]?
        public var value: [UInt8]?
        /// By default the moment of `send`.
        public var timestamp: EventTime?
        public var headers: [RecordHeader]
        public init(
            key: [UInt8]? = nil, value: [UInt8]?, timestamp: EventTime? = nil,
            headers: [RecordHeader] = []
        ) { (self.key, self.value, self.timestamp, self.headers) = (key, value, timestamp, headers) }

        /// What it takes in a batch besides its bytes, and here besides its batch.
        private static let overhead = 64
        var bytes: Int { (key?.count ?? 0) + (value?.count ?? 0) + Self.overhead }
    }
    public typealias Completion = @Sendable (Result<Int64, Failure>) -> Void

    public let topic: Topic
    private let options: Options
    private let identity: ProducerIdentity?
    private let clock: any RuntimeClock
    private let state: Lock<State>

    /// A finished batch and who wants to know what became of it.
    private struct Ready {
        var number: Int64
        var batch: EncodedBatch
        /// Bytes of the budget.
        var bytes: Int
        var completions: [(place: Int64, body: Completion)]
    }
    /// A partition's batch under construction, and those on their way.
    private struct Lane {
        var builder: UncheckedBox<RecordBatchBuilder>
        var completions: [(place: Int64, body: Completion)] = []
        var bytes = 0
        var sequence: Int32 = 0
        var number: Int64 = 0
        var timer: ClockTimer?
        /// Finished and not handed to the partition yet, the oldest first. One thread at a time hands over, so that
        /// batches arrive in the order of their sequences.
        var finished: [Ready] = []
        var isHandingOver = false
        var inFlight = 0
        /// Refused for a while, with what followed and was refused for that. Handed over again, in order, when
        /// everything in flight has its answer.
        var refused: [Ready] = []
        /// A sequence was lost: nothing may follow it.
        var failure: Failure?
    }
    private struct State {
        var lanes: [Lane] = []
        var budget: ByteBudget
        /// The topic's partitions, and bytes at which a batch is full, as of the last batch's end.
        var partitions: Int
        var batchBytes: Int
        var sticky = 0
        /// Batches without an answer.
        var waiting = 0
        var isClosed = false
        var flushes: [@Sendable () -> Void] = []
        /// The first batch that was lost since `flush` last said so.
        var lost: Failure?
    }

    init(topic: Topic, options: Options, identity: ProducerIdentity?, clock: any RuntimeClock) {
        (self.topic, self.options, self.identity, self.clock) = (topic, options, identity, clock)
        state = Lock(
            State(
                budget: ByteBudget(limit: options.bufferBytes), partitions: topic.partitions.count,
                batchBytes: Self.batchBytes(options, topic)))
    }
    private static func batchBytes(_ options: Options, _ topic: Topic) -> Int {
        min(options.batchBytes, topic.configuration.maxBatchBytes / 2)
    }

    // MARK: Sending

    /// Takes a record and returns. `completion` gets its offset once it is acknowledged.
    ///
    /// - Parameter partition: where it goes; by default the partitioner decides.
    public func send(
        key: [UInt8]?, value: [UInt8]?, timestamp: EventTime? = nil, headers: [RecordHeader] = [],
        partition: Int? = nil, completion: Completion? = nil
    ) throws(Failure) {
        let record = Record(key: key, value: value, timestamp: timestamp, headers: headers)
        try take(record, to: partition, completion)
    }

    /// Takes all of the records, or none when there is no room for them. `flush` says whether they arrived.
    public func send(contentsOf records: [Record], partition: Int? = nil) throws(Failure) {
        try take(records, to: partition)
    }

    /// Sends a record and returns its offset once it is acknowledged. Waits for room first.
    @discardableResult
    public func send(
        key: [UInt8]?, value: [UInt8]?, timestamp: EventTime? = nil, headers: [RecordHeader] = [],
        partition: Int? = nil
    ) async throws(Failure) -> Int64 {
        let record = Record(key: key, value: value, timestamp: timestamp, headers: headers)
        while true {
            let outcome: Result<Int64, Failure> = await withCheckedContinuation { continuation in
                do throws(Failure) {
                    try take(record, to: partition) {
                        continuation.resume(returning: $0)
                    }
                } catch { continuation.resume(returning: .failure(error)) }
            }
            guard case .failure(let failure) = outcome, failure.code == .limitReached, failure.isRetriable
            else {
                return try outcome.get()
            }
            guard await room(for: record.bytes) else { throw failure }
        }
    }

    /// The same of many records: waits for room, and returns when all of them have been taken.
    public func send(contentsOf records: [Record], partition: Int? = nil) async throws(Failure) {
        while true {
            do throws(Failure) { return try take(records, to: partition) } catch {
                let bytes = records.reduce(0) { $0 + $1.bytes }
                guard error.code == .limitReached, error.isRetriable, await room(for: bytes) else { throw error }
            }
        }
    }

    /// Waits until there may be room; false when too many wait.
    private func room(for bytes: Int) async -> Bool {
        await withCheckedContinuation { continuation in
            let outcome = state.withLock {
                $0.budget.wait(for: bytes) { continuation.resume(returning: true) }
            }
            if outcome != .queued { continuation.resume(returning: outcome == .now) }
        }
    }

    private func take(_ record: Record, to wanted: Int?, _ completion: Completion?) throws(Failure) {
        let outcome: Result<Void, Failure> = withUnsafePointer(to: record) { record in
            do throws(Failure) {
                return .success(try take(UnsafeBufferPointer(start: record, count: 1), to: wanted, completion))
            } catch { return .failure(error) }
        }
        try outcome.get()
    }
    private func take(_ records: [Record], to wanted: Int?) throws(Failure) {
        let outcome: Result<Void, Failure> = records.withUnsafeBufferPointer { records in
            do throws(Failure) { return .success(try take(records, to: wanted, nil)) } catch { return .failure(error) }
        }
        try outcome.get()
    }

    /// Records are lent, so that none is copied on the way into its batch.
    private func take(
        _ records: UnsafeBufferPointer<Record>, to wanted: Int?, _ completion: Completion?
    ) throws(Failure) {
        var bytes = 0
        for at in records.indices { bytes += records[at].bytes }
        let now = clock.wall.flooredMilliseconds
        if let wanted, !topic.partitions.indices.contains(wanted) {
            throw Failure(
                .notFound, "There is no partition \(topic.name)/\(wanted)",
                advice: "The topic has \(topic.partitions.count), from 0 on", place: topic.name)
        }
        // Those whose batch became full.
        var full: [Int] = []
        let (refusal, woken): (Failure?, [@Sendable () -> Void]) = state.withLock { state in
            if state.isClosed {
                return (Failure(.closed, "The producer is closed", place: topic.name), [])
            }
            guard state.budget.reserve(bytes) else { return (overloaded, []) }
            var left = bytes
            for place in records.indices {
                let at = wanted ?? Self.partition(records[place].key, state.partitions, state.sticky)
                let isFull: Bool
                do throws(Failure) { isFull = try add(records, place, now, to: at, completion, &state) } catch {
                    return (error, state.budget.release(left))
                }
                left -= records[place].bytes
                guard isFull else { continue }
                if records[place].key == nil, wanted == nil { state.sticky += 1 }
                if full.last != at { full.append(at) }
            }
            return (nil, [])
        }
        for at in full { handOver(at) }
        for wake in woken { wake() }
        if let refusal { throw refusal }
    }

    private var overloaded: Failure {
        Failure(
            .limitReached, "\(options.bufferBytes) bytes wait for their acknowledgement",
            advice: "Wait for completions, or raise bufferBytes", place: topic.name, isRetriable: true)
    }

    private static func partition(_ key: [UInt8]?, _ count: Int, _ sticky: Int) -> Int {
        guard let key else { return sticky % count }
        return key.withUnsafeBytes { Partitioner.partition(ofKey: $0, among: count) }
    }

    /// Adds a record to its partition's batch; true when that is full and was finished.
    private func add(
        _ records: UnsafeBufferPointer<Record>, _ place: Int, _ now: Int64, to at: Int, _ completion: Completion?,
        _ state: inout State
    ) throws(Failure) -> Bool {
        while state.lanes.count <= at { state.lanes.append(newLane()) }
        if let failure = state.lanes[at].failure { throw failure }
        let builder = state.lanes[at].builder.value
        try builder.append(
            key: records[place].key, value: records[place].value,
            milliseconds: records[place].timestamp?.flooredMilliseconds ?? now, headers: records[place].headers)
        if let completion { state.lanes[at].completions.append((Int64(builder.count - 1), completion)) }
        state.lanes[at].bytes += records[place].bytes
        if builder.byteCount >= state.batchBytes {
            finish(at, &state)
            return true
        }
        if state.lanes[at].timer == nil {
            state.lanes[at].timer = clock.schedule(at: clock.now + options.linger) { [weak self] in
                self?.flush(at)
            }
        }
        return false
    }

    private func newLane() -> Lane {
        var properties = RecordBatchBuilder.Properties()
        properties.compression = options.compression
        if let identity {
            (properties.producerID, properties.producerEpoch) = (identity.id, identity.epoch)
        }
        return Lane(builder: UncheckedBox(RecordBatchBuilder(properties, capacity: 4 << 10)))
    }

    /// Ends a partition's batch.
    private func finish(_ at: Int, _ state: inout State) {
        guard at < state.lanes.count, !state.lanes[at].builder.value.isEmpty else { return }
        let builder = state.lanes[at].builder.value
        state.lanes[at].timer?.cancel()
        state.lanes[at].timer = nil
        if identity != nil {
            let sequence = state.lanes[at].sequence
            builder.properties.baseSequence = sequence
            // Wraps from 2³¹−1 to 0, as Kafka's.
            state.lanes[at].sequence = Int32(
                truncatingIfNeeded: (Int64(sequence) + Int64(builder.count)) & 0x7FFF_FFFF)
        }
        let lane = state.lanes[at]
        state.lanes[at].finished.append(
            Ready(
                number: lane.number, batch: builder.finish(), bytes: lane.bytes,
                completions: lane.completions))
        (state.lanes[at].completions, state.lanes[at].bytes) = ([], 0)
        state.lanes[at].number += 1
        state.waiting += 1
        (state.partitions, state.batchBytes) = (topic.partitions.count, Self.batchBytes(options, topic))
    }

    private func flush(_ at: Int) {
        state.withLock { finish(at, &$0) }
        handOver(at)
    }

    // MARK: On their way

    /// Hands a partition its finished batches, unless another thread is at it, which then does these too.
    private func handOver(_ at: Int) {
        let partition = topic.partitions[at]
        var isFirst = true
        while true {
            let ready: Ready? = state.withLock { state in
                if isFirst, state.lanes[at].isHandingOver { return nil }
                isFirst = false
                let isDone = state.lanes[at].finished.isEmpty || !state.lanes[at].refused.isEmpty
                state.lanes[at].isHandingOver = !isDone
                if isDone { return nil }
                state.lanes[at].inFlight += 1
                return state.lanes[at].finished.removeFirst()
            }
            guard let ready else { return }
            partition.append(ready.batch, acknowledgement: options.acknowledgement) { [self] outcome in
                answered(at, ready, outcome)
            }
        }
    }

    private func answered(_ at: Int, _ ready: Ready, _ outcome: Result<AppendResult, Failure>) {
        enum Next {
            case nothing, again
            case tell([@Sendable () -> Void], [@Sendable () -> Void], again: Bool)
        }
        let next: Next = state.withLock { state in
            state.lanes[at].inFlight -= 1
            if case .failure(let failure) = outcome, mustSendAgain(failure, state.lanes[at]) {
                // A full buffer or disk, or a batch that followed one of these.
                state.lanes[at].refused.append(ready)
                return state.lanes[at].inFlight == 0 ? .again : .nothing
            }
            if case .failure(let failure) = outcome {
                state.lost = state.lost ?? failure
                if identity != nil { state.lanes[at].failure = state.lanes[at].failure ?? failure }
            }
            let woken = state.budget.release(ready.bytes)
            state.waiting -= 1
            let isAgain = !state.lanes[at].refused.isEmpty && state.lanes[at].inFlight == 0
            guard state.waiting == 0 else { return .tell(woken, [], again: isAgain) }
            defer { state.flushes = [] }
            return .tell(woken, state.flushes, again: isAgain)
        }
        switch next {
        case .nothing: return
        case .again: sendAgainSoon(at)
        case .tell(let woken, let flushed, let isAgain):
            for (place, body) in ready.completions { body(outcome.map { $0.baseOffset + place }) }
            for wake in woken + flushed { wake() }
            if isAgain { sendAgainSoon(at) }
        }
    }

    private func mustSendAgain(_ failure: Failure, _ lane: Lane) -> Bool {
        failure.isRetriable || (failure.code == .outOfOrderSequence && !lane.refused.isEmpty)
    }

    private func sendAgainSoon(_ at: Int) {
        _ = clock.schedule(at: clock.now + Self.retryPause) { [self] in
            state.withLock { state in
                state.lanes[at].finished.insert(
                    contentsOf: state.lanes[at].refused.sorted { $0.number < $1.number }, at: 0)
                state.lanes[at].refused = []
            }
            handOver(at)
        }
    }
    /// Long enough for a buffer to drain, short against anybody's patience.
    private static let retryPause: TimeSpan = .milliseconds(20)

    /// Sends what is gathered and returns when everything is answered. Throws when a batch was lost since last time.
    public func flush() async throws(Failure) {
        let count: Int = state.withLock { state in
            for at in state.lanes.indices { finish(at, &state) }
            return state.lanes.count
        }
        for at in 0..<count { handOver(at) }
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isDone = state.withLock { state in
                if state.waiting == 0 { return true }
                state.flushes.append { continuation.resume() }
                return false
            }
            if isDone { continuation.resume() }
        }
        let lost = state.withLock { state in
            defer { state.lost = nil }
            return state.lost
        }
        if let lost { throw lost }
    }

    /// Why records for a partition are refused since one was lost; nil while all is well.
    public var failure: Failure? {
        state.withLock { state in state.lanes.lazy.compactMap(\.failure).first }
    }

    /// Takes nothing more, and flushes.
    public func close() async throws(Failure) {
        let woken = state.withLock { state in
            state.isClosed = true
            return state.budget.close()
        }
        for wake in woken { wake() }
        try await flush()
    }
}

extension LogStore {
    /// A producer for a topic. Blocks on the disk now and then, for a new block of producer ids.
    public func producer(
        _ name: String, options: Producer.Options = Producer.Options()
    ) throws(Failure) -> Producer {
        guard let topic = topic(name) else {
            throw Failure(.notFound, "There is no topic \(name)", advice: "Create it first")
        }
        let identity = options.isIdempotent ? try newProducerIdentity() : nil
        return Producer(topic: topic, options: options, identity: identity, clock: context.clock)
    }
}
