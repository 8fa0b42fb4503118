internal import MillraceCore

/// One segment of a partition as its partition knows it. A value: readers copy it and go on without the lock.
struct Segment: Sendable {
    var name: SegmentName
    /// Bytes of whole batches.
    var bytes: Int64
    /// The offset after the last batch. For all but the last segment the next one's base.
    var end: Int64
    /// Nil until someone needed it.
    var index: SegmentIndex?
    /// When the segment got its first batch, or was opened.
    var since: EventTime
    /// Set while a compaction or the maintenance looked at it: whether compaction has been through.
    var isCompacted: Bool { name.generation > 0 }

    var base: Int64 { name.base }

    init(name: SegmentName, bytes: Int64, end: Int64, since: EventTime) {
        (self.name, self.bytes, self.end, self.since) = (name, bytes, end, since)
    }
}

extension Segment {
    /// Where damage lies, in words that lead to the bytes.
    func place(_ partition: String, _ position: Int64, offset: Int64) -> String {
        "\(partition) offset \(offset), \(name.log) byte \(position)"
    }
}
