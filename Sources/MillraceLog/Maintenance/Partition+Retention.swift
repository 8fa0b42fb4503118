public import MillraceCore

extension Partition {
    /// Deletes whole segments that are too old or too many, oldest first; never one that a hold, an open transaction or
    /// an unsynced end still needs. Called by the maintenance thread only.
    ///
    /// - Returns: how many segments went.
    @discardableResult
    func applyRetention(now: EventTime) throws(Failure) -> Int {
        let metadata = settings.metadata
        let configuration = metadata.configuration
        guard configuration.cleanup.contains(.delete), !metadata.isRebuilt, !holdFile.isDamaged else { return 0 }
        guard configuration.retentionTime != nil || configuration.retentionBytes != nil else { return 0 }
        let expired = try expiredSegments(configuration, now)
        let limit = state.withLock { $0.deletable }
        let count = expired.prefix { $0.end <= limit }.count
        if expired.count == count { rollIfExpired(configuration, now) }
        guard count > 0 else { return 0 }
        return try moveStart(to: expired[count - 1].end)
    }

    /// The closed segments from the oldest on that retention wants gone.
    private func expiredSegments(_ configuration: TopicConfiguration, _ now: EventTime) throws(Failure) -> [Segment] {
        let (closed, total) = state.withLock { state in
            (Array(state.segments.dropLast()), state.segments.reduce(0) { $0 + $1.bytes })
        }
        var excess = configuration.retentionBytes.map { total - $0 } ?? 0
        var expired: [Segment] = []
        for segment in closed {
            let isTooMuch = excess >= segment.bytes
            var isTooOld = false
            if !isTooMuch, let age = configuration.retentionTime { isTooOld = try newest(in: segment) < now - age }
            guard isTooMuch || isTooOld else { break }
            excess -= segment.bytes
            expired.append(segment)
        }
        return expired
    }

    /// The largest record time of a segment, as far as it can be believed: not after the segment was closed, and that
    /// moment itself where the records have no time.
    private func newest(in segment: Segment) throws(Failure) -> EventTime {
        try loadIndex(of: segment.name)
        let known = state.withLock { state in state.segments.first { $0.name == segment.name }?.index }
        let milliseconds = known?.maxMilliseconds ?? -1
        return milliseconds < 0 ? segment.since : min(.milliseconds(milliseconds), segment.since)
    }

    /// An active segment whose records are all too old is closed, to go the next time.
    private func rollIfExpired(_ configuration: TopicConfiguration, _ now: EventTime) {
        guard let age = configuration.retentionTime else { return }
        let mustRoll = state.withLock { state in
            guard let active = state.segments.last, active.bytes > 0, let index = active.index, state.fault == nil,
                index.maxMilliseconds >= 0, EventTime.milliseconds(index.maxMilliseconds) < now - age,
                active.since < now - age
            else { return false }
            return true
        }
        if mustRoll { requestRoll() }
    }

    /// Asks the writer to close the active segment.
    func requestRoll() {
        let mustQueue = state.withLock { state in
            guard state.fault == nil else { return false }
            state.mustRoll = true
            return state.takeTurn()
        }
        if mustQueue { context.writeQueue.enqueue(self) }
    }

    /// Deletes all records before `offset`: whole segments from the disk, the rest from sight. Holds are not asked.
    public func deleteRecords(before offset: Int64) throws(Failure) {
        let bounds = bounds(.readUncommitted)
        guard offset <= bounds.visible else { throw outOfRange(offset, bounds) }
        guard offset > bounds.start else { return }
        try moveStart(to: offset)
    }

    /// Makes the new start durable, and only then lets segments go.
    @discardableResult
    private func moveStart(to offset: Int64) throws(Failure) -> Int {
        let name = name
        try context.startTurn.perform { (_) throws(Failure) in
            // Never back: segments before the stored start may be half removed.
            let start = max(offset, startOffset)
            try attempting("The partition's start could not be moved", place: name) { () throws(IOFault) in
                try context.storage.replace(path(StartFile.name), with: StartFile.encode(start))
            }
            state.withLock { $0.start = start }
        }
        context.storage.crashPoint("log.retention.start-moved")
        let gone: [SegmentName] = state.withLock { state in
            var count = 0
            while count + 1 < state.segments.count, state.segments[count + 1].base <= state.start { count += 1 }
            defer { state.segments.removeFirst(count) }
            return state.segments[..<count].map(\.name)
        }
        for segment in gone {
            remove(segment)
            context.storage.crashPoint("log.retention.segment-removed")
        }
        return gone.count
    }
}

extension Partition.State {
    /// Up to where retention may delete.
    var deletable: Int64 {
        let held = holds.values.min() ?? .max
        return min(held, durable, producers.firstOpenOffset ?? .max, segments.last?.base ?? start)
    }
}
