internal import MillraceCore
internal import MillraceLog

/// The batches of one thread that are on their way, and the first failure among them.
struct AppendFlight: Sendable {
    private let state = ThreadMonitor((batches: 0, failure: Failure?.none))

    func send(_ batch: EncodedBatch, to partition: Partition, _ acknowledgement: Acknowledgement? = nil) {
        state.withLock { $0.batches += 1 }
        let state = state
        partition.append(batch, acknowledgement: acknowledgement) { outcome in
            state.withLock {
                $0.batches -= 1
                if case .failure(let failure) = outcome, $0.failure == nil { $0.failure = failure }
            }
            state.signal()
        }
    }

    func wait(below limit: Int) throws(Failure) {
        let failure: Failure? = state.wait { $0.batches < limit ? .done($0.failure) : .wait(until: nil) }
        if let failure { throw failure }
    }
}
