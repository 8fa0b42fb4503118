public import MillraceCore

extension Partition {
    /// What a reader may read now, and where.
    struct ReadPlace {
        var segment: SegmentName
        /// Whole batches in the segment's file.
        var bytes: Int64
        /// The offset after the segment.
        var segmentEnd: Int64
        /// Where to begin looking.
        var position: Int64
        var positionOffset: Int64
    }
    struct ReadBounds {
        var start: Int64
        var end: Int64
        var visible: Int64
    }

    /// Calls `wake` once, when something at or after `offset` can be read: at once, or from a thread of the store's.
    /// It must be short. Also called when the partition refuses service, so that nobody waits in vain.
    public func whenReadable(
        from offset: Int64, isolation: Isolation = .readCommitted, _ wake: @escaping @Sendable () -> Void
    ) throws(Failure) -> ReadRegistration {
        let durability = settings.current.durability
        let isClosing = context.isClosing.withLock { $0 } && !context.isLooking
        enum Outcome { case now, waits(UInt64), full }
        let outcome: Outcome = state.withLock { state in
            if isClosing || state.fault != nil || offset < state.visibleEnd(durability, isolation) { return .now }
            guard state.readers.count < Limits.readWaitersPerPartition else { return .full }
            state.nextReader += 1
            state.readers[state.nextReader] = ReadWaiter(offset: offset, isolation: isolation, wake: wake)
            return .waits(state.nextReader)
        }
        switch outcome {
        case .now:
            wake()
            return ReadRegistration {}
        case .waits(let id):
            return ReadRegistration { [weak self] in
                let dropped = self?.state.withLock { $0.readers.removeValue(forKey: id) }
                withExtendedLifetime(dropped) {}
            }
        case .full:
            throw Failure(
                .limitReached, "\(Limits.readWaitersPerPartition) readers wait for this partition",
                advice: "Share readers, or cancel registrations that are not needed", place: name)
        }
    }

    func bounds(_ isolation: Isolation) -> ReadBounds {
        let durability = settings.current.durability
        return state.withLock { state in
            ReadBounds(start: state.start, end: state.end, visible: state.visibleEnd(durability, isolation))
        }
    }

    /// The segment that holds an offset and where in it to begin.
    func place(of offset: Int64) throws(Failure) -> ReadPlace? {
        while true {
            enum Outcome { case none, needsIndex(SegmentName), found(ReadPlace) }
            let outcome: Outcome = state.withLock { state in
                guard let at = state.segmentIndex(of: offset) else { return .none }
                let segment = state.segments[at]
                guard let index = segment.index else {
                    // The first batch of a segment needs no index.
                    guard offset == segment.base else { return .needsIndex(segment.name) }
                    return .found(Self.place(segment, 0, segment.base))
                }
                let position = index.position(ofOffset: offset - segment.base)
                return .found(Self.place(segment, position, index.offset(at: position, base: segment.base)))
            }
            switch outcome {
            case .none: return nil
            case .found(let place): return place
            case .needsIndex(let name): try loadIndex(of: name)
            }
        }
    }

    private static func place(_ segment: Segment, _ position: Int64, _ offset: Int64) -> ReadPlace {
        ReadPlace(
            segment: segment.name, bytes: segment.bytes, segmentEnd: segment.end, position: position,
            positionOffset: offset)
    }

    func isAborted(_ producer: Int64, _ offset: Int64) -> Bool {
        state.withLock { $0.producers.isAborted(producer, offset) }
    }

    func outOfRange(_ offset: Int64, _ bounds: ReadBounds) -> Failure {
        if offset < bounds.start {
            return Failure(
                .offsetOutOfRange,
                "The records \(offset) ..< \(bounds.start) are gone: the log starts at \(bounds.start)",
                advice: "Decide whether to go on from \(bounds.start) without them; a hold keeps records for a reader",
                place: name)
        }
        return Failure(
            .offsetOutOfRange, "Offset \(offset) is beyond the log's end, \(bounds.end)",
            advice: "Records that were written but not synced may have gone with a power cut; start from the end",
            place: name)
    }

    /// The end offset of the records of an epoch or older ones: where a reader that stopped in that epoch may go on.
    public func endOffset(ofEpoch epoch: Int32) -> Int64 {
        state.withLock { state in state.segments.first { $0.name.epoch > epoch && $0.bytes > 0 }?.base ?? state.end }
    }
}

extension Partition.State {
    /// The segment whose range holds an offset.
    func segmentIndex(of offset: Int64) -> Int? {
        guard offset >= start, offset < end else { return nil }
        var (low, high) = (0, segments.count)
        while low < high {
            let middle = (low + high) / 2
            if segments[middle].base > offset { high = middle } else { low = middle + 1 }
        }
        return low == 0 ? nil : low - 1
    }
}

extension SegmentIndex {
    /// The first offset of the batch at an entry's position.
    func offset(at position: Int64, base: Int64) -> Int64 {
        guard position > 0 else { return base }
        let at = entries.partitioningIndex { Int64($0.position) >= position }
        precondition(at < entries.count && Int64(entries[at].position) == position, "a position from this index")
        return base + Int64(entries[at].relativeOffset)
    }
}
