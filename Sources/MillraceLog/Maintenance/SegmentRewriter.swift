internal import MillraceCore

/// Writes a segment anew without the records that nobody needs. The range of offsets stays without gaps: a batch keeps
/// its range when records go from it, and the range of an emptied batch joins its predecessor's, or stays as an empty
/// batch at the segment's beginning.
struct SegmentRewriter {
    struct Rules {
        var keys: KeyMap
        /// Records from here on are newer than what the map knows: all stay.
        var upTo: Int64
        /// Tombstones seen for the first time get this horizon; those whose horizon is before `now` go.
        var horizonMilliseconds: Int64
        var nowMilliseconds: Int64
        var isAborted: (Int64, Int64) -> Bool
    }
    let rules: Rules
    private(set) var dropped: Int64 = 0
    /// Something is not as it was: the old file must go.
    private(set) var isChanged = false
    private let decompressor = Decompressor()
    /// The last batch, held back because it may still be widened.
    private var held: EncodedBatch?

    init(_ rules: Rules) { self.rules = rules }

    /// The batch to write before going on, if one is ready.
    mutating func add(_ view: RecordBatchView) throws(Failure) -> EncodedBatch? {
        let header = view.header
        guard header.nextOffset <= rules.upTo else { return release(then: whole(view)) }
        // Below, everything but an untouched batch is a change.
        let isGone =
            header.attributes.isControl
            || (header.attributes.isTransactional && rules.isAborted(header.producerID, header.baseOffset))
        if isGone {
            dropped += Int64(header.recordCount)
            isChanged = true
            return widen(over: header)
        }
        guard let batch = try filtered(view) else { return widen(over: header) }
        return release(then: batch)
    }
    mutating func finish() -> EncodedBatch? {
        defer { held = nil }
        return held
    }

    private mutating func release(then next: EncodedBatch) -> EncodedBatch? {
        defer { held = next }
        return held
    }

    /// Lets the range of an emptied batch join the one before it.
    private mutating func widen(over header: BatchHeader) -> EncodedBatch? {
        guard var batch = held else {
            held = EncodedBatch(covering: header)
            return nil
        }
        let delta = header.lastOffset - batch.header.baseOffset
        // A range of more than 2³¹ offsets does not fit one batch.
        guard delta <= Int64(Int32.max) else {
            let next = EncodedBatch(covering: header)
            return release(then: next)
        }
        batch.widen(toDelta: Int32(delta))
        held = batch
        return nil
    }

    private func whole(_ view: RecordBatchView) -> EncodedBatch {
        EncodedBatch(bytes: Array(view.bytes), header: view.header)
    }

    /// The batch with what is left of it; nil when nothing is.
    private mutating func filtered(_ view: RecordBatchView) throws(Failure) -> EncodedBatch? {
        let header = view.header
        var properties = RecordBatchBuilder.Properties(of: header)
        // Only committed ones come here: without the flag they need no marker any more.
        properties.isTransactional = false
        var (kept, gone, tombstones) = (0, 0, 0)
        let builder = RecordBatchBuilder(properties, capacity: view.bytes.count)
        do throws(ByteFault) {
            var cursor = try view.records(using: decompressor)
            while let record = try cursor.next() {
                guard isKept(record, header) else {
                    gone += 1
                    continue
                }
                kept += 1
                if record.isTombstone, record.key != nil { tombstones += 1 }
            }
        } catch {
            // Unreadable records behind a right checksum: the producer's doing. They stay as they are.
            return whole(view)
        }
        dropped += Int64(gone)
        if kept == 0 {
            // An empty batch at a segment's beginning was one before.
            if header.recordCount > 0 || held != nil { isChanged = true }
            return nil
        }
        let needsHorizon = tombstones > 0 && !header.attributes.hasDeleteHorizon
        if gone == 0, !needsHorizon, !header.attributes.isTransactional { return whole(view) }
        isChanged = true
        if needsHorizon { builder.properties.deleteHorizonMilliseconds = rules.horizonMilliseconds }
        try copy(view, into: builder)
        var batch = builder.finish()
        batch.widen(toDelta: header.lastOffsetDelta)
        batch.place(baseOffset: header.baseOffset, leaderEpoch: header.leaderEpoch)
        return batch
    }

    private func copy(_ view: RecordBatchView, into builder: RecordBatchBuilder) throws(Failure) {
        do {
            var cursor = try view.records(using: decompressor)
            while let record = try cursor.next() {
                if isKept(record, view.header) { try builder.append(copying: record) }
            }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(.corrupt, "A batch changed while it was compacted: \(error)")
        }
    }

    private func isKept(_ record: RecordView, _ header: BatchHeader) -> Bool {
        // Without a key nothing can replace it.
        guard let key = record.key else { return true }
        if let latest = rules.keys.latestOffset(of: key), latest > record.offset { return false }
        guard record.isTombstone, let horizon = header.deleteHorizonMilliseconds else { return true }
        return horizon > rules.nowMilliseconds
    }
}

extension EncodedBatch {
    /// Makes the range of offsets end at `delta`, and signs the batch anew.
    mutating func widen(toDelta delta: Int32) {
        precondition(delta >= header.lastOffsetDelta, "a range only grows")
        guard delta > header.lastOffsetDelta else { return }
        var (header, bytes) = (header, bytes)
        header.lastOffsetDelta = delta
        header.sign(&bytes)
        self = EncodedBatch(bytes: bytes, header: header)
    }

    /// An empty batch with the range of one whose records have all gone.
    init(covering header: BatchHeader) {
        var empty = header
        empty.attributes = BatchAttributes()
        (empty.recordCount, empty.producerID, empty.producerEpoch) = (0, BatchHeader.noProducer, -1)
        (empty.baseSequence, empty.baseMilliseconds, empty.maxMilliseconds) = (BatchHeader.noSequence, -1, -1)
        self.init(signing: empty, body: UnsafeRawBufferPointer(start: nil, count: 0))
    }
}
