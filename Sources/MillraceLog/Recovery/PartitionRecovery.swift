internal import MillraceCore

/// Opens one partition's directory: finds its segments, cuts a torn tail, refuses damage, and brings producers up to
/// date.
///
/// Repeating it after a crash in the middle gives the same result. It deletes only what a finished compaction or roll
/// has replaced, and temporary files.
struct PartitionRecovery: ~Copyable {
    let name: String
    let directory: String
    let context: StoreContext
    let point: RecoveryPoint?
    let wasClean: Bool
    /// Whether everything written was synced at once: bounds what a crash can have torn.
    let durability: Acknowledgement
    private var segments: [Segment] = []
    private var refusal: Failure?
    private var report: RecoveryReport

    init(
        name: String, directory: String, context: StoreContext, point: RecoveryPoint?, wasClean: Bool,
        durability: Acknowledgement, report: RecoveryReport
    ) {
        (self.name, self.directory, self.context, self.point) = (name, directory, context, point)
        (self.wasClean, self.durability, self.report) = (wasClean, durability, report)
    }

    private var storage: any Storage { context.storage }
    private func path(_ file: String) -> String { directory + "/" + file }

    /// The partition's state, or the failure that keeps it from being read at all.
    consuming func run() throws(IOFault) -> (Partition.State, RecoveryReport) {
        let stored = try readStart()
        let served = stored ?? 0
        try measure(try listSegments(servedFrom: served))
        if stored != nil, let first = segments.first, first.base > served {
            // Retention writes the start down before it deletes anything: these went some other way.
            refuse(
                "The records \(served) ..< \(first.base) are missing: no file holds them", "\(name) \(first.name.log)")
        }
        try settleTail()
        let end = max(segments.last?.end ?? 0, 0)
        if let point, point.durableOffset > end, refusal == nil {
            refuse("The log ends at \(end), but \(point.durableOffset) records were known to be on the disk", name)
        }
        let snapshot = try readSnapshot(end: end)
        let first = segments.first?.base ?? 0
        // A start beyond the end is no start.
        let start = max(first, min(served, end))
        let producers = try replay(from: snapshot, start: first, end: end)
        let isBumped = !wasClean && end > first
        let epoch = (segments.last?.name.epoch ?? 0) + (isBumped ? 1 : 0)
        var state = Partition.State(
            segments: segments, start: start, end: end, durable: end, epoch: epoch, producers: producers,
            hasState: !producers.isEmpty || (snapshot != nil))
        state.fault = refusal
        state.snapshotOffset = snapshot?.offset ?? -1
        return (state, report)
    }

    private mutating func refuse(_ message: String, _ place: String) {
        report.note(.refused, place, message)
        if refusal == nil {
            refusal = Failure(.corrupt, message, advice: Partition.damageAdvice, place: place)
        }
    }

    /// The segment files by base offset, one for each.
    private mutating func listSegments(servedFrom start: Int64) throws(IOFault) -> [SegmentName] {
        var names: [SegmentName] = []
        for file in try storage.list(directory) {
            if file.hasSuffix(".tmp") {
                try storage.unlink(path(file))
            } else if let name = SegmentName(file) {
                names.append(name)
            }
        }
        names.sort()
        var kept: [SegmentName] = []
        for name in names {
            if let last = kept.last, last.base == name.base {
                guard try supersede(last, by: name) else { continue }
                kept[kept.count - 1] = name
            } else {
                if let last = kept.last, last.epoch > name.epoch {
                    refuse("\(name.log) has an older epoch than \(last.log) before it", "\(self.name) \(name.log)")
                }
                kept.append(name)
            }
        }
        // What retention had given up before the crash.
        if kept.count > 1, kept[1].base <= start { try storage.syncDirectory(directory) }
        while kept.count > 1, kept[1].base <= start {
            report.note(.leftover, name, "\(kept[0].log) was deleted by retention")
            try removeFiles(of: kept.removeFirst())
        }
        return kept
    }

    private func removeFiles(of segment: SegmentName) throws(IOFault) {
        try storage.unlink(path(segment.log))
        if try storage.status(of: path(segment.index)) != nil { try storage.unlink(path(segment.index)) }
    }

    /// Zero when nobody has moved the start; nil when that is not known.
    private func readStart() throws(IOFault) -> Int64? {
        guard let bytes = try storage.contents(of: path(StartFile.name), limit: 4_096) else { return 0 }
        // A damaged start only brings deleted records back.
        do throws(ByteFault) { return try StartFile.decode(bytes) } catch { return nil }
    }

    /// Two files for one range: the newer generation of a compaction, which was whole before it got its name, or an
    /// empty one that an epoch replaced. Anything else is kept and refused.
    private mutating func supersede(_ old: SegmentName, by new: SegmentName) throws(IOFault) -> Bool {
        let size = try storage.status(of: path(old.log))?.size ?? 0
        if old.epoch == new.epoch || size == 0 {
            // The new one's name may not be durable yet.
            try storage.syncDirectory(directory)
            report.note(.leftover, name, "\(old.log) was replaced by \(new.log)")
            try removeFiles(of: old)
            return true
        }
        refuse("\(old.log) and \(new.log) hold the same offsets", "\(name) \(new.log)")
        return false
    }

    /// Sizes, and that every segment but the last ends where the next one begins.
    private mutating func measure(_ names: [SegmentName]) throws(IOFault) {
        let now = context.clock.wall
        for (at, segmentName) in names.enumerated() {
            guard let status = try storage.status(of: path(segmentName.log)), status.kind == .file else {
                refuse("\(segmentName.log) is no plain file", "\(name) \(segmentName.log)")
                continue
            }
            let isLast = at == names.count - 1
            let end = isLast ? segmentName.base : names[at + 1].base
            let segment = Segment(name: segmentName, bytes: status.size, end: end, since: now)
            segments.append(isLast ? segment : try checkEnd(of: segment))
        }
    }

    /// Proves with the segment's index, or else by reading it, that nothing is missing behind it.
    private mutating func checkEnd(of given: Segment) throws(IOFault) -> Segment {
        var segment = given
        if let bytes = try storedIndex(segment) {
            do throws(ByteFault) {
                let (index, end) = try SegmentIndex.decode(bytes, for: segment.name)
                if index.notedBytes == segment.bytes, end == segment.end {
                    segment.since = index.closedAt
                    return segment
                }
            } catch {}
        }
        var index = SegmentIndex()
        let interval = context.options.indexIntervalBytes
        let walk = try walk(segment, from: 0, offset: segment.base, limit: segment.bytes) { view in
            index.note(
                offset: view.header.baseOffset, base: segment.base, position: index.notedBytes,
                bytes: view.header.totalBytes, milliseconds: view.header.maxMilliseconds, interval: interval)
        }
        if let fault = walk.fault {
            let place = segment.place(name, fault.position, offset: fault.offset)
            refuse("The batch at offset \(fault.offset) is damaged: \(fault.reason)", place)
        } else if walk.offset != segment.end {
            refuse(
                "\(segment.name.log) ends with offset \(walk.offset), the next segment begins with \(segment.end)",
                "\(name) \(segment.name.log) byte \(walk.position)")
        } else {
            // What was read for the proof is the index; the next start finds it.
            index.closedAt = segment.since
            index.store(for: segment.name, endOffset: segment.end, in: directory, storage)
        }
        return segment
    }

    private func storedIndex(_ segment: Segment) throws(IOFault) -> [UInt8]? {
        do throws(IOFault) {
            return try storage.contents(of: path(segment.name.index), limit: Limits.checkedFileBytes)
        } catch {
            // An index that cannot be read is rebuilt; only running out of handles is not its fault.
            if error.errno == IOFault.tooManyFiles { throw error }
            return nil
        }
    }

    private struct Walk {
        var position: Int64
        var offset: Int64
        var fault: FrameFault?
    }

    private mutating func walk(
        _ segment: Segment, from position: Int64, offset: Int64, limit: Int64, _ body: (RecordBatchView) -> Void
    ) throws(IOFault) -> Walk {
        guard position < limit else { return Walk(position: position, offset: offset) }
        let file = try context.files.file(path(segment.name.log))
        var reader = FrameReader(file, segment.name, from: position, offset: offset, limit: limit)
        defer { report.scannedBytes += reader.position - position }
        while true {
            do throws(FrameReader.Failing) {
                if try !reader.next(body) { return Walk(position: reader.position, offset: reader.offset) }
            } catch {
                switch error {
                case .io(let fault): throw fault
                case .frame(let fault):
                    return Walk(position: reader.position, offset: reader.offset, fault: fault)
                }
            }
        }
    }

    /// Finds the end of the last segment. What is not proven by the recovery point is read.
    private mutating func settleTail() throws(IOFault) {
        guard let last = segments.last else { return }
        let at = segments.count - 1
        var (position, offset) = (Int64(0), last.base)
        var known: Int64 = 0
        if let point, point.segmentBase == last.base, point.epoch == last.name.epoch {
            known = Int64(point.position)
            // A point inside the file is where to begin; one beyond it proves a loss, and everything is read.
            if known <= last.bytes { (position, offset) = (known, point.durableOffset) }
        } else if let point, point.segmentBase > last.base {
            known = .max
        }
        let walk = try walk(last, from: position, offset: offset, limit: last.bytes) { _ in }
        segments[at].bytes = walk.position
        segments[at].end = walk.offset
        guard let fault = walk.fault else {
            let isProven = known == last.bytes && known > 0
            return isProven ? () : try makeDurable(last, from: position, to: walk.position)
        }
        let place = last.place(name, fault.position, offset: fault.offset)
        let message = "The batch at offset \(fault.offset) is damaged: \(fault.reason)"
        if fault.position < known {
            // Kept as it is; readers get everything around the damage.
            segments[at].bytes = last.bytes
            segments[at].end = max(walk.offset, point?.durableOffset ?? 0)
            return refuse(message, place)
        }
        try judge(fault, in: last, from: position, message, place)
    }

    /// An unproven broken frame: the torn end of an unfinished write, or damage?
    private mutating func judge(
        _ fault: FrameFault, in last: Segment, from proven: Int64, _ message: String, _ place: String
    ) throws(IOFault) {
        let at = segments.count - 1
        let file = try context.files.file(path(last.name.log))
        let later = try FrameSearch.next(
            in: file, last.name, from: fault.position + 1, above: fault.offset, limit: last.bytes)
        let window = durability == .durable ? Int64(Limits.unsyncedBytes) + Int64(Limits.batchBytes) : .max
        if let later, later.position - fault.position > window {
            let rest = try walk(last, from: later.position, offset: later.offset, limit: last.bytes) { _ in }
            segments[at].bytes = last.bytes
            segments[at].end = rest.offset
            return refuse(message, place)
        }
        let lost = last.bytes - fault.position
        // Bytes that end before their batch would are no batch that anybody was promised.
        var isUnfinished = later == nil
        if isUnfinished { isUnfinished = try !isWhole(file, last, fault) }
        if isUnfinished {
            report.note(.tornTail, place, "\(message); \(lost) bytes were cut")
        } else {
            do throws(IOFault) {
                let kept = try quarantine(file, last, from: fault.position)
                report.note(
                    .quarantined, place, "\(message); \(lost) bytes that were not known to be synced are in \(kept)")
            } catch {
                // Nothing is cut that cannot be kept. What lies before it is served.
                guard error.isDiskFull else { throw error }
                return refuse("\(message); there is no room to keep the \(lost) bytes that would be cut", place)
            }
        }
        try file.truncate(to: fault.position)
        try makeDurable(last, from: min(proven, fault.position), to: fault.position)
    }

    /// Whether the batch at a fault has all its bytes, so that it may once have been whole.
    private func isWhole(_ file: any StorageFile, _ segment: Segment, _ fault: FrameFault) throws(IOFault) -> Bool {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: BatchHeader.byteCount, alignment: 16)
        defer { bytes.deallocate() }
        guard try file.read(into: bytes, at: fault.position) == bytes.count else { return false }
        // Zeros are room that the file got before its bytes.
        guard UnsafeRawBufferPointer(bytes).contains(where: { $0 != 0 }) else { return false }
        // By its length alone: any other byte of the header may be what is damaged.
        guard let size = BatchHeader.totalBytes(peeking: UnsafeRawBufferPointer(bytes)) else { return true }
        return Int64(size) <= segment.bytes - fault.position
    }

    /// Makes what was read, and was not known to be on the disk, durable: from now on it counts as acknowledged.
    ///
    /// Written again before the sync: if the last run ended because a sync failed, the system may hold these bytes as
    /// clean although they never reached the disk.
    private func makeDurable(_ segment: Segment, from start: Int64, to end: Int64) throws(IOFault) {
        let file = try context.files.file(path(segment.name.log))
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Limits.scanWindowBytes, alignment: 16)
        defer { buffer.deallocate() }
        var position = start
        while position < end {
            let wanted = Int(min(Int64(buffer.count), end - position))
            let count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), at: position)
            guard count > 0 else { throw IOFault(.read, path: path(segment.name.log), errno: IOFault.inputOutput) }
            try file.write(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count]), at: position)
            position += Int64(count)
        }
        try file.sync()
        try storage.syncDirectory(directory)
    }

    /// Copies what is about to be cut, and makes the copy durable.
    private func quarantine(_ file: any StorageFile, _ segment: Segment, from position: Int64) throws(IOFault) -> String
    {
        try storage.makeDirectory(context.quarantine)
        let slug = String(name.map { $0 == "/" ? "-" : $0 })
        let target = "\(context.quarantine)/\(slug).\(segment.name.stem).byte\(position)"
        // A copy that an interrupted recovery began is made anew.
        let copy = try storage.open(target, .create)
        defer { copy.close() }
        try copy.truncate(to: 0)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Limits.scanWindowBytes, alignment: 16)
        defer { buffer.deallocate() }
        var done: Int64 = 0
        while position + done < segment.bytes {
            let count = try file.read(into: buffer, at: position + done)
            guard count > 0 else { break }
            try copy.write(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count]), at: done)
            done += Int64(count)
        }
        try copy.sync()
        try storage.syncDirectory(context.quarantine)
        return target
    }

    private func readSnapshot(end: Int64) throws(IOFault) -> PartitionSnapshot? {
        guard let bytes = try storage.contents(of: path(PartitionSnapshot.fileName), limit: Limits.checkedFileBytes)
        else { return nil }
        do throws(ByteFault) {
            let snapshot = try PartitionSnapshot(decoding: bytes)
            // One that knows more than the log has is another log's.
            return snapshot.offset <= end ? snapshot : nil
        } catch { return nil }
    }

    /// Lets the producers' states see every batch behind the snapshot.
    private mutating func replay(
        from snapshot: PartitionSnapshot?, start: Int64, end: Int64
    ) throws(IOFault) -> ProducerStates {
        var producers = snapshot?.producers ?? ProducerStates()
        var (from, position) = (snapshot?.offset ?? start, Int64(0))
        if snapshot == nil, let point, !point.hasState, point.durableOffset <= end {
            from = max(start, point.durableOffset)
            if point.segmentBase == segments.last?.base, point.epoch == segments.last?.name.epoch {
                position = Int64(point.position)
            }
        }
        guard from < end else { return producers }
        let now = context.clock.wall
        for segment in segments where segment.end > from {
            let isTail = position > 0 && segment.base == segments.last?.base
            let walk = try walk(
                segment, from: isTail ? position : 0, offset: isTail ? from : segment.base, limit: segment.bytes
            ) { view in
                guard view.header.baseOffset >= from, view.header.hasProducer else { return }
                var marker: ControlRecord?
                if view.header.attributes.isControl, view.header.attributes.isTransactional {
                    do throws(ByteFault) { marker = try view.controlRecord() } catch { marker = nil }
                }
                producers.apply(view.header, marker: marker, now: now)
            }
            if let fault = walk.fault {
                refuse(
                    "The batch at offset \(fault.offset) is damaged: \(fault.reason)",
                    segment.place(name, fault.position, offset: fault.offset))
            }
        }
        return producers
    }
}
