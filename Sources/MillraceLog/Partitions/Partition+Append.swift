public import MillraceCore

extension Partition {
    /// Takes a batch and returns without waiting for the disk. `completion` runs once, on a thread of the store's or,
    /// before the call returns, on this one; it must be short, and neither close the store nor need a lock of the
    /// caller's.
    ///
    /// A caller that finds nobody writing to the partition copies the batch into the system's page cache itself: its
    /// bytes are still in this processor's cache, and no thread has to wake up. Everything else is the store's threads'
    /// work: opening, rolling, syncing, and writing while others do.
    ///
    /// Batches of one caller are appended in the order of its calls, and durable ones are answered in that order, one
    /// at a time. When the store's buffer is full the completion gets a retriable `limitReached`; the async form waits
    /// instead.
    public func append(
        _ batch: EncodedBatch, acknowledgement: Acknowledgement? = nil,
        completion: @escaping @Sendable (Result<AppendResult, Failure>) -> Void
    ) {
        guard context.callers.enter() else { return completion(.failure(context.closedFailure)) }
        defer { context.callers.leave() }
        let configuration = settings.current
        if let full = context.diskLow.withLock({ $0 }) { return completion(.failure(full)) }
        if let refusal = check(batch, configuration) { return completion(.failure(refusal)) }
        guard context.budget.reserve(batch.count) else { return completion(.failure(overloaded)) }
        let request = Request(
            batch: batch, acknowledgement: acknowledgement ?? configuration.durability, completion: completion)
        let isClosing = context.isClosing.withLock { $0 }
        let closed = context.closedFailure
        let (refusal, mustWrite): (Failure?, Bool) = state.withLock { state in
            if isClosing { return (closed, false) }
            if let fault = state.fault { return (fault, false) }
            state.queue.append(request)
            return (nil, state.takeTurn())
        }
        if let refusal {
            context.budget.release(batch.count)
            return completion(.failure(refusal))
        }
        if mustWrite, !writeAtOnce() { context.writeQueue.enqueue(self) }
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
        // Whoever made the batch computed its checksum from these very bytes, or checked it; every reader does again.
        guard header.recordCount > 0, Int64(header.recordCount) == Int64(header.lastOffsetDelta) + 1 else {
            return Failure(
                .corrupt, "The batch's count and offsets differ", advice: "Build it anew; its offsets must be dense",
                place: name)
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
