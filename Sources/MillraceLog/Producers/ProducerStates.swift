public import MillraceCore

/// A transaction that has data in a partition and no marker yet.
public struct OpenTransaction: Hashable, Sendable {
    public var producerID: Int64
    public var producerEpoch: Int16
    /// The first offset of its data. Read-committed readers wait here.
    public var firstOffset: Int64
    /// When its first batch arrived.
    public var since: EventTime
}

/// Records of a producer between these offsets were aborted; `last` is the marker's.
struct AbortedRange: Hashable, Sendable, BitwiseCopyable {
    var first: Int64
    var last: Int64
}

/// What one partition remembers about idempotent and transactional producers. A pure value: the partition's lock
/// carries it.
struct ProducerStates: Sendable, Equatable {
    struct Batch: Hashable, Sendable, BitwiseCopyable {
        var firstSequence: Int32
        var lastSequence: Int32
        var baseOffset: Int64
        var lastOffset: Int64
    }
    struct Entry: Hashable, Sendable {
        var epoch: Int16
        /// The newest last, at most `Limits.batchesPerProducer`.
        var batches: [Batch] = []
        /// The first offset of the open transaction.
        var openOffset: Int64?
        var openSince = EventTime.distantPast
        /// The epoch of the open transaction: older than `epoch` when another instance has taken over since.
        var openEpoch: Int16 = -1
        var lastSeen: EventTime
    }
    /// What `apply` changed, to take it back when the write failed.
    struct Undo {
        fileprivate var id: Int64
        fileprivate var entry: Entry?
        fileprivate var aborted = false
        fileprivate var first: FailedFirst?
    }
    /// The first batch of a producer that nobody knows yet, when it could not be written.
    fileprivate struct FailedFirst: Hashable, Sendable, BitwiseCopyable {
        var epoch: Int16
        var sequence: Int32
        var since: EventTime
    }
    enum Verdict {
        case accept
        case duplicate(Batch)
        case refuse(Failure)
    }

    private(set) var entries: [Int64: Entry] = [:]
    /// Who is not in `entries` may begin anywhere: it may have been forgotten. But not behind a batch that was refused.
    private var failedFirsts: [Int64: FailedFirst] = [:]
    /// By producer, in the order of their offsets.
    private(set) var aborted: [Int64: ContiguousArray<AbortedRange>] = [:]
    private(set) var abortedCount = 0
    /// First offsets of open transactions, rising.
    private var openOffsets: [Int64] = []

    init() {}
    init(entries: [Int64: Entry], aborted: [Int64: ContiguousArray<AbortedRange>]) {
        (self.entries, self.aborted) = (entries, aborted)
        abortedCount = aborted.values.reduce(0) { $0 + $1.count }
        openOffsets = entries.values.compactMap(\.openOffset).sorted()
    }

    var isEmpty: Bool { entries.isEmpty && aborted.isEmpty }
    /// Where the oldest open transaction begins.
    var firstOpenOffset: Int64? { openOffsets.first }

    var openTransactions: [OpenTransaction] {
        entries.compactMap { id, entry in
            entry.openOffset.map {
                OpenTransaction(
                    producerID: id, producerEpoch: entry.openEpoch, firstOffset: $0, since: entry.openSince)
            }
        }.sorted { ($0.firstOffset, $0.producerID) < ($1.firstOffset, $1.producerID) }
    }

    func isAborted(_ id: Int64, _ offset: Int64) -> Bool {
        guard let ranges = aborted[id] else { return false }
        let index = ranges.partitioningIndex { $0.last >= offset }
        return index < ranges.count && ranges[index].first <= offset
    }

    /// What to do with a batch that arrives now.
    func verdict(on header: BatchHeader, place: @autoclosure () -> String) -> Verdict {
        guard header.hasProducer else { return .accept }
        let id = header.producerID
        guard let entry = entries[id] else {
            guard let due = failedFirsts[id], due.epoch == header.producerEpoch, header.baseSequence >= 0,
                header.baseSequence != due.sequence
            else { return .accept }
            return .refuse(gap(header, expected: due.sequence, place()))
        }
        if header.producerEpoch < entry.epoch {
            return .refuse(
                Failure(
                    .fenced, "Producer \(id) with epoch \(header.producerEpoch) was replaced by epoch \(entry.epoch)",
                    advice: "Stop this producer: another instance with its name has started", place: place(),
                    isFatal: true))
        }
        if header.attributes.isControl, header.producerEpoch >= entry.epoch { return .accept }
        if entry.openOffset != nil, header.producerEpoch != entry.openEpoch {
            return .refuse(
                Failure(
                    .invalidTransaction,
                    "Producer \(id) has an open transaction of epoch \(entry.openEpoch) here",
                    advice: "Write its commit or abort marker first", place: place()))
        }
        if header.producerEpoch > entry.epoch {
            guard header.baseSequence <= 0 else { return .refuse(gap(header, expected: 0, place())) }
            return .accept
        }
        if entry.openOffset != nil, !header.attributes.isTransactional {
            return .refuse(
                Failure(
                    .invalidTransaction, "Producer \(id) has a transaction open and sent a batch outside of it",
                    advice: "End the transaction first", place: place()))
        }
        guard header.baseSequence >= 0 else { return .accept }
        let same = entry.batches.last {
            $0.firstSequence == header.baseSequence && $0.lastSequence == header.lastSequence
        }
        if let same { return .duplicate(same) }
        let expected = entry.batches.last.map { $0.lastSequence == .max ? 0 : $0.lastSequence + 1 } ?? 0
        guard header.baseSequence == expected else { return .refuse(gap(header, expected: expected, place())) }
        return .accept
    }

    private func gap(_ header: BatchHeader, expected: Int32, _ place: String) -> Failure {
        Failure(
            .outOfOrderSequence,
            "Producer \(header.producerID) sent sequence \(header.baseSequence) where \(expected) is next",
            advice: "A batch before it is missing: send that first, or start the producer anew", place: place)
    }

    /// Takes note of a batch at its final offset. `marker` is what a transactional control batch says.
    @discardableResult
    mutating func apply(_ header: BatchHeader, marker: ControlRecord?, now: EventTime) -> Undo? {
        guard header.hasProducer else { return nil }
        let id = header.producerID
        let before = entries[id]
        var undo = Undo(id: id, entry: before)
        if before == nil, header.baseSequence >= 0 {
            undo.first = FailedFirst(epoch: header.producerEpoch, sequence: header.baseSequence, since: now)
        }
        if !failedFirsts.isEmpty { failedFirsts[id] = nil }
        var entry = before ?? Entry(epoch: header.producerEpoch, lastSeen: now)
        if header.producerEpoch > entry.epoch {
            entry.epoch = header.producerEpoch
            entry.batches.removeAll()
        }
        entry.lastSeen = now
        if let marker, marker.isTransactionMarker {
            if let first = entry.openOffset {
                close(first)
                entry.openOffset = nil
                if case .abort = marker {
                    aborted[id, default: []].append(AbortedRange(first: first, last: header.lastOffset))
                    abortedCount += 1
                    undo.aborted = true
                }
            }
        } else {
            if header.attributes.isTransactional, entry.openOffset == nil {
                entry.openOffset = header.baseOffset
                (entry.openSince, entry.openEpoch) = (now, header.producerEpoch)
                openOffsets.append(header.baseOffset)
            }
            if header.baseSequence >= 0 {
                if entry.batches.count == Limits.batchesPerProducer { entry.batches.removeFirst() }
                entry.batches.append(
                    Batch(
                        firstSequence: header.baseSequence, lastSequence: header.lastSequence,
                        baseOffset: header.baseOffset, lastOffset: header.lastOffset))
            }
        }
        entries[id] = entry
        if before == nil, entries.count > Limits.producersPerPartition { forgetLongestIdle(but: id) }
        return undo
    }

    mutating func revert(_ undo: Undo) {
        if let first = entries[undo.id]?.openOffset, first != undo.entry?.openOffset { close(first) }
        if let first = undo.entry?.openOffset, first != entries[undo.id]?.openOffset {
            openOffsets.append(first)
            openOffsets.sort()
        }
        entries[undo.id] = undo.entry
        if failedFirsts.count < Limits.producersPerPartition { failedFirsts[undo.id] = undo.first }
        if undo.aborted {
            aborted[undo.id]?.removeLast()
            abortedCount -= 1
        }
    }

    /// Refuses older instances of a producer from now on. Its open transaction stays, to be decided by the new one.
    mutating func raiseEpoch(of id: Int64, to epoch: Int16) {
        guard let entry = entries[id], entry.epoch < epoch else { return }
        entries[id]?.epoch = epoch
        entries[id]?.batches.removeAll()
    }

    private mutating func close(_ offset: Int64) {
        if let index = openOffsets.firstIndex(of: offset) { openOffsets.remove(at: index) }
    }

    /// A sixteenth at once, so that a flood of new producers does not go through all of them each time.
    private mutating func forgetLongestIdle(but id: Int64) {
        let idle = entries.filter { $0.key != id && $0.value.openOffset == nil }
        let oldest = idle.sorted { ($0.value.lastSeen, $0.key) < ($1.value.lastSeen, $1.key) }
        for entry in oldest.prefix(max(1, Limits.producersPerPartition / 16)) { entries[entry.key] = nil }
    }

    /// Forgets producers idle since before `time`, and aborted ranges that lie before the log's start.
    mutating func expire(idleSince time: EventTime, start: Int64) {
        failedFirsts = failedFirsts.filter { $0.value.since >= time }
        entries = entries.filter { $0.value.openOffset != nil || $0.value.lastSeen >= time }
        guard aborted.values.contains(where: { $0.first.map { $0.last < start } ?? true }) else { return }
        aborted = aborted.compactMapValues { ranges in
            let kept = ContiguousArray(ranges.drop { $0.last < start })
            return kept.isEmpty ? nil : kept
        }
        abortedCount = aborted.values.reduce(0) { $0 + $1.count }
    }
}
