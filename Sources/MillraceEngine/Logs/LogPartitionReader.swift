internal import MillraceCore
internal import MillraceFlow
internal import MillraceLog

/// Reads a partition of the embedded log for a task: lends records straight from the segment's bytes.
///
/// Reads committed records only, so what another pipeline has produced but not committed is never seen.
final class LogPartitionReader: MarkedReader {
    private let reader: LogReader
    private let partition: Partition
    private let decompressor = Decompressor()
    /// Records of one call of the body. Allocated once.
    private let lent: UnsafeMutableBufferPointer<RawRecord>
    private var registration: ReadRegistration?
    private let hold: RetentionHold?
    private let skipped: [UInt8]?

    /// - Parameters:
    ///   - hold: keeps what is not committed yet.
    ///   - skipped: records whose value begins so are passed over.
    ///   - onGap: decides when records are gone before they were read: throws, or has them missed.
    init(
        _ partition: Partition, from position: Int64?, hold: RetentionHold? = nil, skipping skipped: [UInt8]? = nil,
        onGap: (Gap) throws(Failure) -> Void = { (gap) throws(Failure) in throw gap.failure }
    ) throws(Failure) {
        (self.partition, self.hold, self.skipped) = (partition, hold, skipped)
        var position = position
        let start = partition.startOffset
        if let wanted = position, wanted < start {
            try onGap(Gap(place: partition.name, first: wanted, end: start))
            position = start
        }
        reader = try LogReader(
            partition: partition, from: position ?? partition.startOffset, isolation: .readCommitted,
            deliversControl: true)
        lent = .allocate(capacity: Limits.recordsPerBatch)
        settledPosition = reader.offset
    }
    deinit { lent.deallocate() }

    /// Records that are gone before they were read.
    struct Gap {
        var place: String
        var first: Int64
        var end: Int64

        var failure: Failure {
            Failure(
                .offsetOutOfRange, "gap: records \(first) to \(end - 1) are gone and were not read",
                advice: "Restore the log; or start with --skip-gap PIPELINE to go on without them", place: place,
                isFatal: true)
        }
    }

    var position: Int64 { reader.offset }
    /// Not behind the markers that were read last: nobody syncs those, and after a power cut other records may stand
    /// where they stood. Records are on the disk before a marker shows them.
    private(set) var settledPosition: Int64
    var end: Int64 { max(position, partition.lastStableOffset) }

    func read(maxBytes: Int, _ body: (UnsafeBufferPointer<RawRecord>) -> Void) throws(Failure) -> ReadOutcome {
        try read(maxBytes: maxBytes, onMark: { _, _ in }, body)
    }

    func read(
        maxBytes: Int, onMark: (_ producer: Int64, _ watermark: EventTime) -> Void,
        _ body: (UnsafeBufferPointer<RawRecord>) -> Void
    ) throws(Failure) -> ReadOutcome {
        guard let batches = try reader.next(maxBytes: maxBytes) else { return .empty }
        for batch in batches.batches {
            do throws(ByteFault) {
                if batch.header.attributes.isControl {
                    guard case .watermark(let time) = try batch.controlRecord() else { continue }
                    onMark(batch.header.producerID, time)
                } else {
                    try lend(batch, from: batches.startOffset, body)
                }
                settledPosition = batch.header.baseOffset + Int64(batch.header.lastOffsetDelta) + 1
            } catch {
                throw Failure(
                    .corrupt, "the records of the batch at offset \(batch.header.baseOffset) cannot be read",
                    advice: "Look at it with: millrace log dump", place: partition.name, cause: error)
            }
        }
        return .more
    }

    private func lend(
        _ batch: RecordBatchView, from start: Int64, _ body: (UnsafeBufferPointer<RawRecord>) -> Void
    ) throws(ByteFault) {
        var cursor = try batch.records(using: decompressor)
        var count = 0
        while let record = try cursor.next() {
            guard record.offset >= start else { continue }
            if let skipped, record.value?.starts(with: skipped) == true { continue }
            lent[count] = RawRecord(
                offset: record.offset, timestamp: .milliseconds(record.milliseconds), key: record.key,
                value: record.value)
            count += 1
            if count == lent.count {
                body(UnsafeBufferPointer(lent))
                count = 0
            }
        }
        if count > 0 { body(UnsafeBufferPointer(rebasing: lent[..<count])) }
    }

    func whenReadable(_ wake: @escaping @Sendable () -> Void) {
        registration?.cancel()
        do throws(Failure) {
            registration = try partition.whenReadable(from: reader.offset, isolation: .readCommitted, wake)
        } catch {
            // Too many wait on this partition: look again at the next tick instead.
            registration = nil
        }
    }

    func committed(upTo position: Int64) { hold?.move(to: position) }

    func record(at position: Int64) throws(Failure) -> (key: [UInt8]?, value: [UInt8]?, timestamp: EventTime)? {
        let reader = try LogReader(partition: partition, from: position, isolation: .readUncommitted)
        guard let batches = try reader.next(maxBytes: 1) else { return nil }
        var found: (key: [UInt8]?, value: [UInt8]?, timestamp: EventTime)?
        do {
            try batches.forEachRecord(using: Decompressor()) { record in
                if record.offset == position {
                    found = (
                        record.key.map(Array.init), record.value.map(Array.init), .milliseconds(record.milliseconds)
                    )
                }
            }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(
                .corrupt, "the record cannot be read", place: "\(partition.name) at \(position)", cause: error)
        }
        return found
    }

    func close() { registration?.cancel() }
}
