public import MillraceCore

/// Appends records that stay invisible until someone decides about them.
///
/// The decision is taken elsewhere (in the engine: a key in the commit's write batch). The order is: `begin`,
/// `append`s, `prepare` (all of it is on the disk), the decision made durable, `writeMarker`. After a crash a new
/// instance of the name finds the transactions without a marker in `undecided`, and `resolve`s each as was decided.
///
/// One transaction at a time. Thread-safe, but its calls are meant to come from one task.
public final class TransactionalProducer: Sendable {
    public let name: String
    public let identity: ProducerIdentity
    private let store: StoreContext

    /// A transaction of an earlier instance that has no marker in a partition.
    public struct Undecided: Sendable {
        public let partition: Partition
        public let transaction: OpenTransaction
    }
    /// What a marker says.
    public enum Decision: Hashable, Sendable { case commit, abort }

    private struct State: Sendable {
        var isOpen = false
        var touched: [Partition] = []
        var sequences: [ObjectIdentifier: Int32] = [:]
        var pending = 0
        var failure: Failure?
        var waiter: (@Sendable () -> Void)?
    }
    private let state = Lock(State())

    init(name: String, identity: ProducerIdentity, store: StoreContext) {
        (self.name, self.identity, self.store) = (name, identity, store)
    }

    /// Starts a transaction.
    public func begin() throws(Failure) {
        let isOpen = state.withLock { state in
            defer { state.isOpen = true }
            return state.isOpen
        }
        if isOpen { throw misuse("A transaction is open", "Write its marker first") }
    }

    /// Ends the builder's batch as part of the transaction and hands it to the log. `completion` gets the offsets.
    ///
    /// The builder's producer fields are overwritten; its compression is kept.
    public func append(
        _ builder: RecordBatchBuilder, to partition: Partition, acknowledgement: Acknowledgement? = nil,
        completion: @escaping @Sendable (Result<AppendResult, Failure>) -> Void = { _ in }
    ) throws(Failure) {
        guard builder.count > 0 else { return }
        let key = ObjectIdentifier(partition)
        let records = Int32(builder.count)
        let outcome: Result<Int32, Failure> = state.withLock { state in
            if let failure = state.failure { return .failure(failure) }
            guard state.isOpen else { return .failure(misuse("No transaction is open", "Call begin first")) }
            let sequence = state.sequences[key] ?? 0
            // Wraps from 2³¹−1 to 0, as Kafka's.
            state.sequences[key] = Int32(truncatingIfNeeded: (Int64(sequence) + Int64(records)) & 0x7FFF_FFFF)
            if !state.touched.contains(where: { $0 === partition }) { state.touched.append(partition) }
            state.pending += 1
            return .success(sequence)
        }
        let sequence = try outcome.get()
        (builder.properties.producerID, builder.properties.producerEpoch) = (identity.id, identity.epoch)
        (builder.properties.baseSequence, builder.properties.isTransactional) = (sequence, true)
        hand(builder.finish(), to: partition, acknowledgement, completion)
    }

    /// Appends a control record (a watermark) as part of the transaction.
    public func append(
        control: ControlRecord, to partition: Partition, acknowledgement: Acknowledgement? = nil,
        completion: @escaping @Sendable (Result<AppendResult, Failure>) -> Void = { _ in }
    ) throws(Failure) {
        precondition(!control.isTransactionMarker, "markers are written by writeMarker")
        let refusal: Failure? = state.withLock { state in
            if let failure = state.failure { return failure }
            guard state.isOpen else { return misuse("No transaction is open", "Call begin first") }
            if !state.touched.contains(where: { $0 === partition }) { state.touched.append(partition) }
            state.pending += 1
            return nil
        }
        if let refusal { throw refusal }
        var properties = RecordBatchBuilder.Properties()
        (properties.producerID, properties.producerEpoch) = (identity.id, identity.epoch)
        properties.isTransactional = true
        let batch = RecordBatchBuilder.control(
            control, milliseconds: store.clock.wall.flooredMilliseconds, properties: properties)
        hand(batch, to: partition, acknowledgement, completion)
    }

    private func hand(
        _ batch: EncodedBatch, to partition: Partition, _ acknowledgement: Acknowledgement?,
        _ completion: @escaping @Sendable (Result<AppendResult, Failure>) -> Void
    ) {
        partition.append(batch, acknowledgement: acknowledgement) { [self] outcome in
            let wake: (@Sendable () -> Void)? = state.withLock { state in
                state.pending -= 1
                // A lost batch leaves a gap in the sequence: the transaction can only be aborted.
                if case .failure(let failure) = outcome, state.failure == nil { state.failure = failure }
                guard state.pending == 0 else { return nil }
                defer { state.waiter = nil }
                return state.waiter
            }
            completion(outcome)
            wake?()
        }
    }

    /// Returns when everything appended in the transaction is acknowledged (by default: on the disk). Only then may the
    /// decision be made durable.
    public func prepare() async throws(Failure) {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            whenPrepared { continuation.resume() }
        }
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }
    /// The same with a callback; runs at once when nothing is pending.
    public func whenPrepared(_ body: @escaping @Sendable () -> Void) {
        let isNow = state.withLock { state in
            guard state.pending > 0 else { return true }
            precondition(state.waiter == nil, "one waits for a transaction")
            state.waiter = body
            return false
        }
        if isNow { body() }
    }
    /// Why the transaction can only be aborted; nil while it is well.
    public var failure: Failure? { state.withLock { $0.failure } }

    /// Writes the marker into every partition that the transaction touched, and ends it.
    ///
    /// `written` is enough by default: a marker that a power cut takes is written again by the next instance. When it
    /// throws, some partitions may lack the marker; a new instance of the name resolves them.
    public func writeMarker(
        _ decision: Decision, acknowledgement: Acknowledgement = .written
    ) async throws(Failure) {
        let (touched, wasFailed): ([Partition], Bool) = state.withLock { state in
            defer { (state.touched, state.isOpen) = ([], false) }
            return (state.touched, state.failure != nil)
        }
        precondition(!(wasFailed && decision == .commit), "a transaction that lost a batch cannot be committed")
        for partition in touched { try await mark(partition, decision, acknowledgement) }
        if wasFailed {
            // The sequence goes on where the log stands.
            state.withLock { state in
                for partition in touched {
                    state.sequences[ObjectIdentifier(partition)] = partition.nextSequence(of: identity)
                }
                state.failure = nil
            }
        }
    }

    /// The same without waiting: `completion` gets the first failure or nothing.
    public func writeMarker(
        _ decision: Decision, acknowledgement: Acknowledgement = .written,
        completion: @escaping @Sendable (Failure?) -> Void
    ) {
        let touched = state.withLock { state in
            defer { (state.touched, state.isOpen) = ([], false) }
            return state.touched
        }
        let left = Lock((count: touched.count, failure: Failure?.none))
        if touched.isEmpty { return completion(nil) }
        for partition in touched {
            partition.append(marker(decision), acknowledgement: acknowledgement) { outcome in
                let (isLast, failure) = left.withLock { left in
                    left.count -= 1
                    if case .failure(let failure) = outcome, left.failure == nil { left.failure = failure }
                    return (left.count == 0, left.failure)
                }
                if isLast { completion(failure) }
            }
        }
    }

    private func mark(
        _ partition: Partition, _ decision: Decision, _ acknowledgement: Acknowledgement
    ) async throws(Failure) {
        try await partition.append(marker(decision), acknowledgement: acknowledgement)
    }

    private func marker(_ decision: Decision) -> EncodedBatch {
        var properties = RecordBatchBuilder.Properties()
        (properties.producerID, properties.producerEpoch) = (identity.id, identity.epoch)
        let record: ControlRecord = decision == .commit ? .commit(coordinatorEpoch: 0) : .abort(coordinatorEpoch: 0)
        return RecordBatchBuilder.control(
            record, milliseconds: store.clock.wall.flooredMilliseconds, properties: properties)
    }

    /// Transactions of earlier instances of this name among `partitions` that wait for a marker.
    public func undecided(in partitions: [Partition]) -> [Undecided] {
        partitions.flatMap { partition in
            partition.openTransactions.filter { $0.producerID == identity.id && $0.producerEpoch < identity.epoch }
                .map { Undecided(partition: partition, transaction: $0) }
        }
    }

    /// Writes the marker that an earlier instance owes.
    public func resolve(
        _ undecided: Undecided, _ decision: Decision, acknowledgement: Acknowledgement = .written
    ) async throws(Failure) {
        try await mark(undecided.partition, decision, acknowledgement)
    }

    private func misuse(_ message: String, _ advice: String) -> Failure {
        Failure(.invalidTransaction, message, advice: advice, place: name)
    }
}

extension Partition {
    /// The sequence that the log expects next from a producer.
    func nextSequence(of identity: ProducerIdentity) -> Int32 {
        state.withLock { state in
            guard let entry = state.producers.entries[identity.id], entry.epoch == identity.epoch,
                let last = entry.batches.last
            else { return 0 }
            return last.lastSequence == .max ? 0 : last.lastSequence + 1
        }
    }
    func raiseEpoch(of identity: ProducerIdentity) {
        state.withLock { $0.producers.raiseEpoch(of: identity.id, to: identity.epoch) }
    }
}

extension LogStore {
    /// A fresh identity for an idempotent producer. May block on the disk.
    public func newProducerIdentity() throws(Failure) -> ProducerIdentity { try producers.newIdentity() }

    /// The next instance of a transactional name: earlier ones are fenced from now on. Blocks on the disk.
    public func transactionalProducer(_ name: String) throws(Failure) -> TransactionalProducer {
        let identity = try transactionalIdentities([name])[0]
        fence(before: identity, in: topics.flatMap(\.partitions))
        return TransactionalProducer(name: name, identity: identity, store: context)
    }

    /// The identities of the names' next instances, for one write to the disk: for owners that write transactions of
    /// their own. Earlier instances are refused in a partition from the next one's first batch there on, or by `fence`.
    public func transactionalIdentities(_ names: [String]) throws(Failure) -> [ProducerIdentity] {
        for name in names where !(1...Limits.groupNameBytes).contains(name.utf8.count) {
            throw Failure(
                .invalidArgument, "A transactional name has 1 to \(Limits.groupNameBytes) bytes",
                advice: "Use the pipeline, stage and partition")
        }
        return try producers.nextInstances(of: names)
    }

    /// Refuses batches of earlier instances from now on.
    public func fence(before identity: ProducerIdentity, in partitions: [Partition]) {
        for partition in partitions { partition.raiseEpoch(of: identity) }
    }

    /// All transactions without a marker, with the partition each one is open in.
    public var openTransactions: [TransactionalProducer.Undecided] {
        topics.flatMap { $0.partitions }.flatMap { partition in
            partition.openTransactions.map { TransactionalProducer.Undecided(partition: partition, transaction: $0) }
        }
    }
}
