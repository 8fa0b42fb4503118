public import MillraceCore

extension Partition {
    /// Compacts if the topic wants it and enough has changed. Called by the maintenance thread only.
    func compactIfDirty(now: EventTime, _ throttle: inout some Throttle) throws(Failure) {
        let configuration = settings.current
        guard configuration.cleanup.contains(.compact), !settings.metadata.isRebuilt else { return }
        let (dirty, total): (Int64, Int64) = state.withLock { state in
            let closed = state.segments.dropLast()
            let cleaned = state.compaction.cleanedTo
            return (
                closed.reduce(0) { $0 + ($1.end > cleaned ? $1.bytes : 0) }, closed.reduce(0) { $0 + $1.bytes }
            )
        }
        guard dirty > 0, dirty * 100 >= total * Int64(configuration.dirtyPercent) else { return }
        _ = try compact(now: now, &throttle)
    }

    /// Keeps the last committed record of each key in the closed segments. Blocks; meant for tools and maintenance, one
    /// at a time.
    @discardableResult
    public func compact() throws(Failure) -> CompactionResult {
        var throttle = NoThrottle()
        return try compact(now: context.clock.wall, &throttle)
    }

    func compact(now: EventTime, _ throttle: inout some Throttle) throws(Failure) -> CompactionResult {
        let mayBegin = state.withLock { state in
            defer { state.compaction.isRunning = true }
            return !state.compaction.isRunning
        }
        guard mayBegin else {
            throw Failure(
                .inUse, "The partition is being compacted", advice: "Wait for it", place: name, isRetriable: true)
        }
        defer { state.withLock { $0.compaction.isRunning = false } }
        let configuration = settings.current
        let closed: [Segment] = state.withLock { state in
            let limit = min(state.durable, state.producers.firstOpenOffset ?? .max, state.holds.values.min() ?? .max)
            return state.segments.dropLast().filter { $0.end <= limit && $0.bytes > 0 }
        }
        let old = closed.prefix {
            configuration.compactionLag == .zero || $0.since <= now - configuration.compactionLag
        }
        guard !old.isEmpty else { return CompactionResult() }
        guard let (keys, upTo) = try keyMap(of: Array(old), &throttle) else { return CompactionResult() }
        let rules = SegmentRewriter.Rules(
            keys: keys, upTo: upTo,
            horizonMilliseconds: (now + configuration.tombstoneRetention).flooredMilliseconds,
            nowMilliseconds: now.flooredMilliseconds, isAborted: { [self] id, offset in isAborted(id, offset) })
        var result = CompactionResult()
        for segment in old where segment.base < upTo {
            guard try rewrite(segment, rules, &result, &throttle) else { return result }
        }
        state.withLock { $0.compaction.cleanedTo = max($0.compaction.cleanedTo, upTo) }
        return result
    }

    /// The last committed offset of each key, and up to which offset the map knows all of them. Nil when it was
    /// stopped.
    private func keyMap(of segments: [Segment], _ throttle: inout some Throttle) throws(Failure) -> (KeyMap, Int64)? {
        var keys = KeyMap()
        let cleaned = state.withLock { $0.compaction.cleanedTo }
        var known = max(segments.first?.base ?? 0, cleaned)
        let decompressor = Decompressor()
        for segment in segments where segment.end > cleaned {
            var reader = try frames(of: segment)
            while !keys.isFull {
                let before = reader.position
                let isMore = try nextFrame(&reader, segment) { view in
                    known = view.header.nextOffset
                    guard !view.header.attributes.isControl,
                        !(view.header.attributes.isTransactional
                            && isAborted(view.header.producerID, view.header.baseOffset))
                    else { return }
                    do throws(ByteFault) {
                        var cursor = try view.records(using: decompressor)
                        while let record = try cursor.next() {
                            if let key = record.key { keys.note(key, at: record.offset) }
                        }
                    } catch { return }
                }
                guard isMore else { break }
                guard throttle.spend(Int(reader.position - before)) else { return nil }
            }
        }
        return (keys, known)
    }

    private func frames(of segment: Segment) throws(Failure) -> FrameReader {
        let file = try attempting("The segment could not be read", place: name) { () throws(IOFault) in
            try context.files.file(path(segment.name.log))
        }
        return FrameReader(file, segment.name, from: 0, offset: segment.base, limit: segment.bytes)
    }

    private func nextFrame(
        _ reader: inout FrameReader, _ segment: Segment, _ body: (RecordBatchView) -> Void
    ) throws(Failure) -> Bool {
        do throws(FrameReader.Failing) { return try reader.next(body) } catch {
            switch error {
            case .io(let fault): throw Failure(fault, "The segment could not be read", place: name)
            case .frame(let fault):
                throw Failure(
                    .corrupt, "Not compacted: the batch at offset \(fault.offset) is damaged: \(fault.reason)",
                    advice: Self.damageAdvice, place: segment.place(name, fault.position, offset: fault.offset))
            }
        }
    }

    /// Writes one segment anew and puts it in the old one's place. False when it was stopped; nothing has changed then.
    private func rewrite(
        _ segment: Segment, _ rules: SegmentRewriter.Rules, _ result: inout CompactionResult,
        _ throttle: inout some Throttle
    ) throws(Failure) -> Bool {
        var name = segment.name
        name.generation += 1
        var replacement = Segment(name: name, bytes: 0, end: segment.end, since: segment.since)
        var index = SegmentIndex()
        index.closedAt = segment.since
        let temporary = path(name.log + ".tmp")
        var rewriter = SegmentRewriter(rules)
        let file = try attempting("The compacted segment could not be made", place: self.name) { () throws(IOFault) in
            if try context.storage.status(of: temporary) != nil { try context.storage.unlink(temporary) }
            return try context.storage.open(temporary, .createNew)
        }
        defer { file.close() }
        func write(_ batch: EncodedBatch?) throws(Failure) {
            guard let batch else { return }
            let at = replacement.bytes
            try attempting("The compacted segment could not be written", place: self.name) { () throws(IOFault) in
                try batch.bytes.lending { (bytes) throws(IOFault) in try file.write(bytes, at: at) }
            }
            index.note(
                offset: batch.header.baseOffset, base: name.base, position: at, bytes: batch.count,
                milliseconds: batch.header.maxMilliseconds, interval: context.options.indexIntervalBytes)
            replacement.bytes += Int64(batch.count)
        }
        var reader = try frames(of: segment)
        var isMore = true
        while isMore {
            let before = reader.position
            var outcome: Result<EncodedBatch?, Failure> = .success(nil)
            isMore = try nextFrame(&reader, segment) { view in
                do throws(Failure) { outcome = .success(try rewriter.add(view)) } catch { outcome = .failure(error) }
            }
            try write(try outcome.get())
            guard throttle.spend(2 * Int(reader.position - before)) else { return false }
        }
        try write(rewriter.finish())
        result.recordsDropped += rewriter.dropped
        result.bytesBefore += segment.bytes
        result.bytesAfter += replacement.bytes
        replacement.index = index
        guard rewriter.isChanged else {
            try attempting("A temporary file could not be removed") { () throws(IOFault) in
                try context.storage.unlink(temporary)
            }
            return true
        }
        try swap(segment, replacement, file, temporary)
        result.segments += 1
        return true
    }

    /// The new file is whole and durable under its own name before the old one goes: after a crash both may be there,
    /// and the higher generation counts.
    private func swap(
        _ old: Segment, _ new: Segment, _ file: any StorageFile, _ temporary: String
    ) throws(Failure) {
        try attempting("The compacted segment could not be put in place", place: name) { () throws(IOFault) in
            try file.sync()
            context.storage.crashPoint("log.compaction.synced")
            try context.storage.rename(temporary, to: path(new.name.log))
            context.storage.crashPoint("log.compaction.renamed")
            try context.storage.syncDirectory(directory)
        }
        context.storage.crashPoint("log.compaction.durable")
        storeIndex(of: new)
        let isSwapped = state.withLock { state in
            guard let at = state.segments.firstIndex(where: { $0.name == old.name }) else { return false }
            state.segments[at] = new
            return true
        }
        // Retention was faster: then the new one goes too.
        remove(isSwapped ? old.name : new.name)
        context.storage.crashPoint("log.compaction.removed")
    }
}
