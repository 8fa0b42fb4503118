public import MillraceCore

/// Reads one partition from an offset on and lends the batches. One owner at a time; never waits for data.
///
/// Each batch is checked as it is read: its checksum, and what the checksum leaves out. Reading blocks on the disk: use
/// it from a thread that may. A slow reader holds nothing but its own buffer.
public final class LogReader {
    public let partition: Partition
    public let isolation: Isolation
    /// Control batches are handed out too (of transactions only those that are not markers).
    public let deliversControl: Bool
    /// The offset that is read next.
    public private(set) var offset: Int64

    private var buffer: UnsafeMutableRawBufferPointer
    private var file: (any StorageFile)?
    private var place: Partition.ReadPlace?
    private var position: Int64 = 0
    /// The offset of the batch at `position`.
    private var positionOffset: Int64 = 0
    private var lent: [RecordBatchView] = []
    /// The part of the buffer that holds the file's bytes from `position` on: the beginning of the next batch, read
    /// along with what was lent.
    private var ahead = 0..<0

    /// - Parameters:
    ///   - epoch: the leader epoch under which the reader learnt its offset, if it knows: tells when the log was cut
    ///     back since and other records took the place.
    public init(
        partition: Partition, from offset: Int64, isolation: Isolation = .readCommitted, deliversControl: Bool = false,
        epoch: Int32? = nil
    ) throws(Failure) {
        (self.partition, self.offset, self.isolation) = (partition, offset, isolation)
        self.deliversControl = deliversControl
        buffer = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        if let epoch {
            let end = partition.endOffset(ofEpoch: epoch)
            if offset > end {
                throw Failure(
                    .offsetOutOfRange, "The log was cut back to \(end) after epoch \(epoch), and written anew",
                    advice: "Start from \(end)", place: partition.name)
            }
        }
    }
    deinit { buffer.deallocate() }

    /// Where reading begins.
    public enum Start: Hashable, Sendable {
        case earliest, latest
        case offset(Int64)
        /// The first record with this time or a later one; the end when there is none.
        case time(EventTime)
    }
    public convenience init(
        partition: Partition, start: Start, isolation: Isolation = .readCommitted, deliversControl: Bool = false
    ) throws(Failure) {
        let offset: Int64
        switch start {
        case .earliest: offset = partition.startOffset
        case .latest: offset = partition.readableEnd(isolation)
        case .offset(let given): offset = given
        case .time(let time): offset = try partition.offset(atOrAfter: time) ?? partition.readableEnd(isolation)
        }
        try self.init(partition: partition, from: offset, isolation: isolation, deliversControl: deliversControl)
    }

    /// Goes to another offset.
    public func seek(to offset: Int64) {
        self.offset = offset
        leave()
    }
    private func leave() {
        place = nil
        ahead = 0..<0
    }

    /// The next batches, about `maxBytes` of them but always one; nil at the end of what can be read, without waiting.
    ///
    /// Throws `offsetOutOfRange` when retention or a cut took the reader's place, and `corrupt` with the exact place
    /// for bytes that are not what was written; the reader then stands before them, and `skipDamage` goes on behind.
    public func next(maxBytes: Int = Limits.lentBytes) throws(Failure) -> LentBatches? {
        let bounds = partition.bounds(isolation)
        if offset < bounds.start || offset > bounds.end { throw partition.outOfRange(offset, bounds) }
        guard offset < bounds.visible else { return nil }
        try locate()
        guard let segment = place else { throw partition.outOfRange(offset, partition.bounds(isolation)) }
        let start = offset
        // Read in pieces that are still in the processor's cache when they are checked. What cannot be read or is
        // damaged shows when the reader stands before it; the batches before it are served first.
        var room = Int(min(segment.bytes - position, Int64(max(maxBytes, BatchHeader.byteCount))))
        let fileStart = position
        var (used, filled, bytes) = (0, keepAhead(withRoomFor: room), 0)
        lent.removeAll(keepingCapacity: true)
        while used < room {
            let rest = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[used..<filled])
            let size = BatchHeader.totalBytes(peeking: rest)
            if rest.count < min(size ?? BatchHeader.byteCount, room - used) {
                let piece = filled..<min(room, filled + Limits.readPieceBytes)
                do throws(Failure) { filled += try read(at: fileStart + Int64(filled), into: piece) } catch {
                    guard used == 0 else { break }
                    throw error
                }
                continue
            }
            if size ?? 0 > rest.count || (size == nil && rest.count < BatchHeader.byteCount) {
                // Only whole batches; the first one is read again with room for all of it.
                guard used == 0 else { break }
                guard let size, Int64(size) <= segment.bytes - position else {
                    return try steppedOver(damage("a batch of \(size ?? rest.count) bytes does not fit the segment"))
                }
                ahead = 0..<filled
                filled = keepAhead(withRoomFor: size)
                room = size
                continue
            }
            let view: RecordBatchView
            do throws(Failure) { view = try check(rest, segment) } catch {
                guard used == 0 else { break }
                return try steppedOver(error)
            }
            if view.header.baseOffset >= bounds.visible { break }
            used += view.bytes.count
            position += Int64(view.bytes.count)
            positionOffset = view.header.nextOffset
            // Batches before the wanted offset are passed over on the way from the index entry.
            guard view.header.lastOffset >= start, isWanted(view) else { continue }
            lent.append(view)
            bytes += view.bytes.count
        }
        offset = max(offset, positionOffset)
        ahead = used..<filled
        return LentBatches(startOffset: start, endOffset: offset, batches: lent, byteCount: bytes)
    }

    /// Finds the segment and position for `offset`, or keeps those it has.
    private func locate() throws(Failure) {
        if var current = place {
            if position < current.bytes { return }
            // At the end of what was written when it looked: is there more in this segment?
            if let now = try partition.place(of: offset), now.segment == current.segment {
                guard now.bytes > position else {
                    throw damage("the segment ends before offset \(offset), which it should hold")
                }
                (current.bytes, current.segmentEnd) = (now.bytes, now.segmentEnd)
                place = current
                return
            }
        }
        leave()
        guard let found = try partition.place(of: offset) else { return }
        do throws(IOFault) { file = try partition.context.files.file(partition.path(found.segment.log)) } catch {
            // Deleted between the look and the open: the log's start has moved.
            if error.errno == IOFault.noSuchFile, partition.startOffset > offset {
                throw partition.outOfRange(offset, partition.bounds(isolation))
            }
            // Or compacted away.
            if error.errno == IOFault.noSuchFile, let again = try partition.place(of: offset),
                again.segment != found.segment
            {
                return try locate()
            }
            throw Failure(error, "The segment could not be opened", place: partition.name)
        }
        (place, position, positionOffset) = (found, found.position, found.positionOffset)
    }

    /// Brings what was read ahead to the front of a buffer of `room` bytes or more, and says how much that is.
    private func keepAhead(withRoomFor room: Int) -> Int {
        let kept = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[ahead])
        ahead = 0..<0
        if buffer.count >= max(room, kept.count) {
            buffer.copyMemory(from: kept)
        } else {
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: max(room, kept.count), alignment: 16)
            larger.copyMemory(from: kept)
            buffer.deallocate()
            buffer = larger
        }
        return kept.count
    }

    private func read(at fileOffset: Int64, into range: Range<Int>) throws(Failure) -> Int {
        guard let file else { preconditionFailure("located before reading") }
        let count: Int
        do throws(IOFault) {
            count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[range]), at: fileOffset)
        } catch { throw Failure(error, "The segment could not be read", place: partition.name) }
        // Fewer bytes than were written there: the file was cut from outside.
        guard count == range.count else { throw damage("the file ends at byte \(fileOffset + Int64(count))") }
        return count
    }

    private func check(_ bytes: UnsafeRawBufferPointer, _ segment: Partition.ReadPlace) throws(Failure)
        -> RecordBatchView
    {
        let view: RecordBatchView
        do throws(ByteFault) {
            view = try RecordBatchView(bytes)
            try view.verifyChecksum()
        } catch { throw damage("\(error)") }
        guard view.header.baseOffset == positionOffset else {
            throw damage("begins with offset \(view.header.baseOffset)")
        }
        guard view.header.leaderEpoch == segment.segment.epoch else {
            throw damage("has epoch \(view.header.leaderEpoch)")
        }
        guard
            view.header.nextOffset <= segment.segmentEnd
                || partition.end(of: segment.segment) ?? 0 >= view.header.nextOffset
        else { throw damage("reaches into the next segment") }
        return view
    }

    private func isWanted(_ view: RecordBatchView) -> Bool {
        let header = view.header
        if header.recordCount == 0 { return false }
        if header.attributes.isControl {
            guard deliversControl else { return false }
            do {
                if try view.controlRecord()?.isTransactionMarker ?? true { return false }
            } catch { return false }
        }
        guard isolation == .readCommitted, header.attributes.isTransactional else { return true }
        return !partition.isAborted(header.producerID, header.baseOffset)
    }

    private func damage(_ what: String) -> Failure {
        let file = place.map { $0.segment.log } ?? "?"
        return Failure(
            .corrupt, "The batch at offset \(positionOffset) is damaged: \(what)", advice: Partition.damageAdvice,
            place: "\(partition.name) offset \(positionOffset), \(file) byte \(position)")
    }

    /// Damage on the way from the index entry to the wanted offset concerns only who wants what lies in it.
    private func steppedOver(_ failure: Failure) throws(Failure) -> LentBatches {
        guard positionOffset < offset, let place, let file else { throw failure }
        let found: FrameSearch.Found?
        do throws(IOFault) {
            found = try FrameSearch.next(
                in: file, place.segment, from: position + 1, above: positionOffset, limit: place.bytes)
        } catch { throw Failure(error, "The segment could not be read", place: partition.name) }
        guard let found, found.offset <= offset else { throw failure }
        (position, positionOffset) = (found.position, found.offset)
        return LentBatches(startOffset: offset, endOffset: offset, batches: [], byteCount: 0)
    }

    /// Goes on behind the damage that `next` reported: to the next batch that is whole, or the next segment.
    ///
    /// - Returns: the offsets that were skipped and cannot be read.
    public func skipDamage() throws(Failure) -> Range<Int64> {
        guard let current = place, let file else { return offset..<offset }
        let found: FrameSearch.Found?
        do throws(IOFault) {
            found = try FrameSearch.next(
                in: file, current.segment, from: position + 1, above: positionOffset, limit: current.bytes)
        } catch { throw Failure(error, "The segment could not be read", place: partition.name) }
        let lost = positionOffset
        if let found, found.offset < current.segmentEnd {
            (position, positionOffset, offset) = (found.position, found.offset, found.offset)
        } else {
            offset = max(current.segmentEnd, partition.end(of: current.segment) ?? offset)
            leave()
        }
        return lost..<offset
    }
}

extension Partition {
    /// The offset after a segment's last batch as known now; nil when the segment is gone.
    func end(of segment: SegmentName) -> Int64? {
        state.withLock { state in state.segments.first { $0.name == segment }?.end }
    }
}
