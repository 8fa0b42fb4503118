internal import MillraceCore

/// The state of a partition that its batches alone would be slow to give again: written at a roll and at the close.
struct PartitionSnapshot: Sendable {
    static let fileName = "partition.state"
    private static let file = CheckedFile(magic: "MRSTATE\n", version: 1)

    /// Everything before this offset is in it.
    var offset: Int64
    var producers: ProducerStates

    init(offset: Int64, producers: ProducerStates) {
        (self.offset, self.producers) = (offset, producers)
    }

    func encode() -> [UInt8] {
        var writer = ByteWriter(capacity: 256)
        writer.integer(offset)
        writer.integer(UInt32(producers.entries.count))
        for (id, entry) in producers.entries.sorted(by: { $0.key < $1.key }) {
            writer.integer(id)
            writer.integer(entry.epoch)
            writer.integer(entry.lastSeen.microseconds)
            writer.integer(entry.openOffset ?? -1)
            writer.integer(entry.openSince.microseconds)
            writer.integer(entry.openEpoch)
            writer.byte(UInt8(entry.batches.count))
            for batch in entry.batches {
                writer.integer(batch.firstSequence)
                writer.integer(batch.lastSequence)
                writer.integer(batch.baseOffset)
                writer.integer(batch.lastOffset)
            }
        }
        writer.integer(UInt32(producers.aborted.count))
        for (id, ranges) in producers.aborted.sorted(by: { $0.key < $1.key }) {
            writer.integer(id)
            writer.integer(UInt32(ranges.count))
            for range in ranges {
                writer.integer(range.first)
                writer.integer(range.last)
            }
        }
        return Self.file.encode(writer.bytes)
    }

    init(decoding bytes: [UInt8]) throws(ByteFault) {
        let payload = try Self.file.decode(bytes)
        self = try payload.lending { (raw) throws(ByteFault) in
            var reader = ByteReader(raw)
            let offset: Int64 = try reader.integer()
            guard offset >= 0 else { throw ByteFault(.impossibleCount, at: 0) }
            let entries = try Self.entries(&reader)
            let aborted = try Self.aborted(&reader)
            try reader.expectEnd()
            return PartitionSnapshot(
                offset: offset, producers: ProducerStates(entries: entries, aborted: aborted))
        }
    }

    private static func entries(_ reader: inout ByteReader) throws(ByteFault) -> [Int64: ProducerStates.Entry] {
        let count = try reader.checked(
            count: try reader.integer(UInt32.self), minimumElementBytes: 37, limit: Limits.producersPerPartition)
        var entries: [Int64: ProducerStates.Entry] = [:]
        for _ in 0..<count {
            let id: Int64 = try reader.integer()
            let epoch: Int16 = try reader.integer()
            var entry = ProducerStates.Entry(epoch: epoch, lastSeen: EventTime(microseconds: try reader.integer()))
            let open: Int64 = try reader.integer()
            entry.openOffset = open < 0 ? nil : open
            entry.openSince = EventTime(microseconds: try reader.integer())
            entry.openEpoch = try reader.integer()
            let batches = try reader.checked(
                count: try reader.byte(), minimumElementBytes: 24, limit: Limits.batchesPerProducer)
            for _ in 0..<batches {
                entry.batches.append(
                    ProducerStates.Batch(
                        firstSequence: try reader.integer(), lastSequence: try reader.integer(),
                        baseOffset: try reader.integer(), lastOffset: try reader.integer()))
            }
            guard id >= 0, entries.updateValue(entry, forKey: id) == nil else {
                throw ByteFault(.unknownValue, at: reader.position)
            }
        }
        return entries
    }

    private static func aborted(
        _ reader: inout ByteReader
    ) throws(ByteFault) -> [Int64: ContiguousArray<AbortedRange>] {
        let count = try reader.checked(
            count: try reader.integer(UInt32.self), minimumElementBytes: 12, limit: Limits.abortedPerPartition)
        var aborted: [Int64: ContiguousArray<AbortedRange>] = [:]
        for _ in 0..<count {
            let id: Int64 = try reader.integer()
            let ranges = try reader.checked(
                count: try reader.integer(UInt32.self), minimumElementBytes: 16, limit: Limits.abortedPerPartition)
            var list: ContiguousArray<AbortedRange> = []
            for _ in 0..<ranges {
                let range = AbortedRange(first: try reader.integer(), last: try reader.integer())
                guard range.first <= range.last, list.last.map({ $0.last < range.first }) ?? true else {
                    throw ByteFault(.unknownValue, at: reader.position)
                }
                list.append(range)
            }
            guard !list.isEmpty, aborted.updateValue(list, forKey: id) == nil else {
                throw ByteFault(.unknownValue, at: reader.position)
            }
        }
        return aborted
    }
}
