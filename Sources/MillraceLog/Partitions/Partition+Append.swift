public import MillraceCore

extension Partition {
    /// Hands a batch to the store's writer and returns at once. `completion` runs once, on a thread of the store's or
    /// on this one, and must be short.
    ///
    /// Batches of one caller are appended in the order of its calls, and durable ones are answered in that order, one
    /// at a time. When the store's buffer is full the completion
    /// gets a retriable `limitReached`; the async form waits instead.
    public func append(
        _ batch: EncodedBatch, acknowledgement: Acknowledgement? = nil,
        completion: @escaping @Sendable (Result<AppendResult, Failure>) -> Void
    ) {
        let configuration = settings.current
        if let full = context.diskLow.withLock({ $0 }) { return completion(.failure(full)) }
        if let refusal = check(batch, configuration) { return completion(.failure(refusal)) }
        guard context.budget.reserve(batch.count) else { return completion(.failure(overloaded)) }
        let request = Request(
            batch: batch, acknowledgement: acknowledgement ?? configuration.durability, completion: completion)
        let isClosing = context.isClosing.withLock { $0 }
        let closed = context.closedFailure
        let (refusal, mustQueue): (Failure?, Bool) = state.withLock { state in
            if isClosing { return (closed, false) }
            if let fault = state.fault { return (fault, false) }
            state.queue.append(request)
            let mustQueue = !state.isQueued && !state.isHeldBack
            if mustQueue { state.isQueued = true }
            return (nil, mustQueue)
        }
        if let refusal {
            context.budget.release(batch.count)
            return completion(.failure(refusal))
        }
        if mustQueue { context.writeQueue.enqueue(self) }
    }

    /// Appends a batch and returns when it is acknowledged. Waits for room first when the store's buffer is full.
    @discardableResult
    public func append(
        _ batch: EncodedBatch, acknowledgement: Acknowledgement? = nil
    ) async throws(Failure) -> AppendResult {
        while true {
            let outcome: Result<AppendResult, Failure> = await withCheckedContinuation { continuation in
                append(batch, acknowledgement: acknowledgement) { continuation.resume(returning: $0) }
            }
            guard case .failure(let failure) = outcome, failure.code == .limitReached, failure.isRetriable else {
                return try outcome.get()
            }
            let bytes = batch.count
            let isQueued: Bool = await withCheckedContinuation { continuation in
                if !context.budget.whenRoom(for: bytes, { continuation.resume(returning: true) }) {
                    continuation.resume(returning: false)
                }
            }
            guard isQueued, !context.isClosing.withLock({ $0 }) else { throw failure }
        }
    }

    private var overloaded: Failure {
        Failure(
            .limitReached, "\(context.options.appendBufferBytes) bytes wait to be written",
            advice: "Wait for the completion of earlier appends", place: name, isRetriable: true)
    }

    /// What no log should take: a batch that is not what it says, too large, or from the future.
    private func check(_ batch: EncodedBatch, _ configuration: TopicConfiguration) -> Failure? {
        let header = batch.header
        guard batch.count <= configuration.maxBatchBytes else {
            return Failure(
                .limitReached, "A batch of \(batch.count) bytes is above the topic's \(configuration.maxBatchBytes)",
                advice: "Send smaller batches or raise maxBatchBytes", place: name)
        }
        let isIntact = batch.bytes.withUnsafeBytes { RecordBatchView(header: header, bytes: $0).isIntact }
        guard isIntact, header.recordCount > 0, Int64(header.recordCount) == Int64(header.lastOffsetDelta) + 1 else {
            return Failure(
                .corrupt, isIntact ? "The batch's count and offsets differ" : "The batch's checksum does not match",
                advice: "Build it anew; look at the memory of the machine if it happens again", place: name)
        }
        guard configuration.timestamps == .create, !header.attributes.isControl, let limit = configuration.futureLimit
        else { return nil }
        let newest = context.clock.wall + limit
        guard max(header.maxTimestamp, .milliseconds(header.baseMilliseconds)) <= newest else {
            return Failure(
                .invalidTimestamp,
                "A record's time, \(header.maxMilliseconds) ms, is more than \(limit.seconds) s in the future",
                advice: "Times are milliseconds since 1970; check the producer's clock, or raise futureLimit",
                place: name)
        }
        return nil
    }
}
