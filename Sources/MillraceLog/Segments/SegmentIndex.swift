internal import MillraceCore

/// A sparse index of one segment: every few KiB the first offset of a batch, where it lies, and the largest time before
/// it.
///
/// A cache: everything in it can be had again by reading the segment.
struct SegmentIndex: Sendable {
    struct Entry: Hashable, Sendable, BitwiseCopyable {
        /// Offset minus the segment's base.
        var relativeOffset: UInt32
        var position: UInt32
        /// The largest timestamp, in milliseconds, of the batches before `position`; `Int64.min` when there are none.
        var maxBefore: Int64
    }
    private(set) var entries: ContiguousArray<Entry> = []
    /// The largest timestamp of what was noted so far.
    private(set) var maxMilliseconds = Int64.min
    private(set) var notedBytes: Int64 = 0
    /// When the segment was closed by the wall clock; retention trusts no record time beyond it.
    var closedAt = EventTime.distantFuture
    private var lastPosition: Int64 = 0

    init() {}
    init(entries: ContiguousArray<Entry>, maxMilliseconds: Int64, notedBytes: Int64) {
        (self.entries, self.maxMilliseconds, self.notedBytes) = (entries, maxMilliseconds, notedBytes)
        lastPosition = entries.last.map { Int64($0.position) } ?? 0
    }

    /// Takes note of a batch. Positions rise without gaps.
    mutating func note(offset: Int64, base: Int64, position: Int64, bytes: Int, milliseconds: Int64, interval: Int) {
        precondition(position == notedBytes, "an index follows its segment without gaps")
        if position - lastPosition >= Int64(interval) {
            entries.append(
                Entry(
                    relativeOffset: UInt32(offset - base), position: UInt32(position), maxBefore: maxMilliseconds))
            lastPosition = position
        }
        maxMilliseconds = max(maxMilliseconds, milliseconds)
        notedBytes = position + Int64(bytes)
    }

    /// Where to start looking for an offset: at or before the batch that holds it.
    func position(ofOffset relative: Int64) -> Int64 {
        let index = entries.partitioningIndex { Int64($0.relativeOffset) > relative }
        return index == 0 ? 0 : Int64(entries[index - 1].position)
    }
    /// Where to start looking for the first batch with a time at or after `milliseconds`.
    func position(ofTime milliseconds: Int64) -> Int64 {
        let index = entries.partitioningIndex { $0.maxBefore >= milliseconds }
        return index == 0 ? 0 : Int64(entries[index - 1].position)
    }
    /// The last entry at or before a byte position.
    func position(atOrBefore position: Int64) -> Int64 {
        let index = entries.partitioningIndex { Int64($0.position) > position }
        return index == 0 ? 0 : Int64(entries[index - 1].position)
    }
    /// The first entry after a byte position.
    func entry(after position: Int64) -> Entry? {
        let index = entries.partitioningIndex { Int64($0.position) > position }
        return index < entries.count ? entries[index] : nil
    }
}

extension ContiguousArray {
    /// The first index whose element belongs to the second part of a partitioned array.
    func partitioningIndex(where belongsToSecond: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if belongsToSecond(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
