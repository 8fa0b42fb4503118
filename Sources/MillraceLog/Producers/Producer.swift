public import MillraceCore

/// Appends single records: gathers them into batches by size and by time, one batch per partition at a time.
///
/// Keyed records go where Kafka's default partitioner sends them; records without a key stick to one partition until
/// its batch is full, then move on. Idempotent by default: a batch that was in doubt is sent again under its sequence.
/// Thread-safe. `send` does not block: it throws a retriable `limitReached` when `bufferBytes` wait; the async form
/// waits.
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
    public typealias Completion = @Sendable (Result<Int64, Failure>) -> Void

    /// A partition's batch under construction, and what waits for it.
    private struct Lane {
        var builder: UncheckedBox<RecordBatchBuilder>
        var completions: [Completion] = []
        var bytes = 0
        var sequence: Int32 = 0
        var timer: ClockTimer?
    }
    private struct State {
        var lanes: [Int: Lane] = [:]
        var sticky = 0
        var waiting = 0
        var isClosed = false
        var flushes: [@Sendable () -> Void] = []
        /// A sequence was lost: nothing may follow it.
        var failure: Failure?
    }
    public let topic: Topic
    private let options: Options
    private let identity: ProducerIdentity?
    private let clock: any RuntimeClock
    private let budget: AppendBudget
    private let state = Lock(State())

    init(topic: Topic, options: Options, identity: ProducerIdentity?, clock: any RuntimeClock) {
        (self.topic, self.options, self.identity, self.clock) = (topic, options, identity, clock)
        budget = AppendBudget(limit: options.bufferBytes)
    }

    /// Takes a record and returns. `completion` gets its offset once it is acknowledged.
    ///
    /// - Parameter partition: where it goes; by default the partitioner decides.
    public func send(
        key: [UInt8]?, value: [UInt8]?, timestamp: EventTime? = nil, headers: [RecordHeader] = [],
        partition: Int? = nil, completion: @escaping Completion = { _ in }
    ) throws(Failure) {
        let bytes = (key?.count ?? 0) + (value?.count ?? 0) + Self.recordOverhead
        guard budget.reserve(bytes) else {
            throw Failure(
                .limitReached, "\(options.bufferBytes) bytes wait for their acknowledgement",
                advice: "Wait for completions, or raise bufferBytes", place: topic.name, isRetriable: true)
        }
        let time = (timestamp ?? clock.wall).flooredMilliseconds
        let count = topic.partitions.count
        let finished: Completion = { [budget] outcome in
            budget.release(bytes)
            completion(outcome)
        }
        let outcome: Result<Ready?, Failure> = state.withLock { state in
            if state.isClosed { return .failure(closed) }
            if let failure = state.failure { return .failure(failure) }
            let at = Self.partition(partition, key, count, &state)
            guard (0..<count).contains(at) else {
                return .failure(Failure(.notFound, "There is no partition \(topic.name)/\(at)"))
            }
            do throws(Failure) {
                return .success(try add(key, value, time, headers, to: at, bytes, finished, &state))
            } catch { return .failure(error) }
        }
        do throws(Failure) { if let ready = try outcome.get() { dispatch(ready) } } catch {
            budget.release(bytes)
            throw error
        }
    }

    /// Sends a record and returns its offset once it is acknowledged. Waits for room first.
    @discardableResult
    public func send(
        key: [UInt8]?, value: [UInt8]?, timestamp: EventTime? = nil, headers: [RecordHeader] = [], partition: Int? = nil
    ) async throws(Failure) -> Int64 {
        let bytes = (key?.count ?? 0) + (value?.count ?? 0) + Self.recordOverhead
        while true {
            let outcome: Result<Int64, Failure> = await withCheckedContinuation { continuation in
                do throws(Failure) {
                    try send(key: key, value: value, timestamp: timestamp, headers: headers, partition: partition) {
                        continuation.resume(returning: $0)
                    }
                } catch { continuation.resume(returning: .failure(error)) }
            }
            guard case .failure(let failure) = outcome, failure.code == .limitReached, failure.isRetriable else {
                return try outcome.get()
            }
            let isQueued: Bool = await withCheckedContinuation { continuation in
                if !budget.whenRoom(for: bytes, { continuation.resume(returning: true) }) {
                    continuation.resume(returning: false)
                }
            }
            guard isQueued else { throw failure }
        }
    }

    /// What a record takes in a batch besides its bytes, and here besides its batch.
    private static let recordOverhead = 64

    private var closed: Failure { Failure(.closed, "The producer is closed", place: topic.name) }

    private static func partition(_ wanted: Int?, _ key: [UInt8]?, _ count: Int, _ state: inout State) -> Int {
        if let wanted { return wanted }
        if let key { return key.withUnsafeBytes { Partitioner.partition(ofKey: $0, among: count) } }
        return state.sticky % count
    }

    private struct Ready {
        var partition: Int
        var batch: EncodedBatch
        var completions: [Completion]
    }

    private func add(
        _ key: [UInt8]?, _ value: [UInt8]?, _ milliseconds: Int64, _ headers: [RecordHeader], to at: Int, _ bytes: Int,
        _ completion: @escaping Completion, _ state: inout State
    ) throws(Failure) -> Ready? {
        var lane = state.lanes[at] ?? newLane()
        try lane.builder.value.append(key: key, value: value, milliseconds: milliseconds, headers: headers)
        lane.completions.append(completion)
        lane.bytes += bytes
        let isFull = lane.builder.value.byteCount >= min(options.batchBytes, topic.configuration.maxBatchBytes / 2)
        if lane.timer == nil, !isFull {
            lane.timer = clock.schedule(at: clock.now + options.linger) { [weak self] in self?.flush(at) }
        }
        state.lanes[at] = lane
        guard isFull else { return nil }
        if key == nil { state.sticky += 1 }
        return take(at, &state)
    }

    private func newLane() -> Lane {
        var properties = RecordBatchBuilder.Properties()
        properties.compression = options.compression
        if let identity { (properties.producerID, properties.producerEpoch) = (identity.id, identity.epoch) }
        return Lane(builder: UncheckedBox(RecordBatchBuilder(properties, capacity: options.batchBytes)))
    }

    /// Ends a partition's batch.
    private func take(_ at: Int, _ state: inout State) -> Ready? {
        guard var lane = state.lanes[at], !lane.completions.isEmpty else { return nil }
        lane.timer?.cancel()
        let records = Int32(lane.completions.count)
        if identity != nil {
            lane.builder.value.properties.baseSequence = lane.sequence
            lane.sequence = Int32(truncatingIfNeeded: (Int64(lane.sequence) + Int64(records)) & 0x7FFF_FFFF)
        }
        let ready = Ready(partition: at, batch: lane.builder.value.finish(), completions: lane.completions)
        (lane.completions, lane.bytes, lane.timer) = ([], 0, nil)
        state.lanes[at] = lane
        state.waiting += 1
        return ready
    }

    private func flush(_ at: Int) {
        let ready = state.withLock { take(at, &$0) }
        if let ready { dispatch(ready) }
    }

    private func dispatch(_ ready: Ready) {
        topic.partitions[ready.partition].append(ready.batch, acknowledgement: options.acknowledgement) {
            [self] outcome in
            answered(ready, outcome)
        }
    }

    private func answered(_ ready: Ready, _ outcome: Result<AppendResult, Failure>) {
        if case .failure(let failure) = outcome, failure.isRetriable, !state.withLock({ $0.isClosed }) {
            // A full buffer or disk: the same batch again, under the same sequence, a little later.
            _ = clock.schedule(at: clock.now + Self.retryPause) { [self] in dispatch(ready) }
            return
        }
        let woken: [@Sendable () -> Void] = state.withLock { state in
            if identity != nil, case .failure(let failure) = outcome, state.failure == nil { state.failure = failure }
            state.waiting -= 1
            guard state.waiting == 0 else { return [] }
            defer { state.flushes = [] }
            return state.flushes
        }
        for (place, completion) in ready.completions.enumerated() {
            completion(outcome.map { $0.baseOffset + Int64(place) })
        }
        for wake in woken { wake() }
    }
    /// Long enough for a buffer to drain, short against anybody's patience.
    private static let retryPause: TimeSpan = .milliseconds(20)

    /// Sends what is gathered and returns when everything is answered.
    public func flush() async {
        let ready: [Ready] = state.withLock { state in
            state.lanes.keys.sorted().compactMap { take($0, &state) }
        }
        for batch in ready { dispatch(batch) }
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isDone = state.withLock { state in
                if state.waiting == 0 { return true }
                state.flushes.append { continuation.resume() }
                return false
            }
            if isDone { continuation.resume() }
        }
    }

    /// Flushes and takes nothing more.
    public func close() async {
        await flush()
        state.withLock { $0.isClosed = true }
        budget.close()
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
