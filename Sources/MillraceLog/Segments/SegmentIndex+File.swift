internal import MillraceCore

extension SegmentIndex {
    private static let file = CheckedFile(magic: "MRINDEX\n", version: 1)
    private static let entryBytes = 16

    /// Writes the index beside its segment. It is a cache: where that fails, it is built anew when it is needed.
    func store(for name: SegmentName, endOffset: Int64, in directory: String, _ storage: any Storage) {
        let target = directory + "/" + name.index
        let temporary = target + ".tmp"
        do throws(IOFault) {
            if try storage.status(of: temporary) != nil { try storage.unlink(temporary) }
            let file = try storage.open(temporary, .createNew)
            defer { file.close() }
            try encode(for: name, endOffset: endOffset).lending { (bytes) throws(IOFault) in
                try file.write(bytes, at: 0)
            }
            // Not synced: its checksum tells a torn one.
            try storage.rename(temporary, to: target)
        } catch { return }
    }

    /// The file's bytes: which segment it belongs to and how much of it, then the entries.
    func encode(for name: SegmentName, endOffset: Int64) -> [UInt8] {
        var writer = ByteWriter(capacity: 64 + entries.count * Self.entryBytes)
        writer.integer(name.base)
        writer.integer(name.epoch)
        writer.integer(name.generation)
        writer.integer(notedBytes)
        writer.integer(endOffset)
        writer.integer(maxMilliseconds)
        writer.integer(closedAt.microseconds)
        writer.integer(UInt32(entries.count))
        for entry in entries {
            writer.integer(entry.relativeOffset)
            writer.integer(entry.position)
            writer.integer(entry.maxBefore)
        }
        return Self.file.encode(writer.bytes)
    }

    /// An index and the offset after the last batch it covers. Throws for another segment's, and for one that no writer
    /// could have made.
    static func decode(_ bytes: [UInt8], for name: SegmentName) throws(ByteFault) -> (index: SegmentIndex, end: Int64) {
        let payload = try file.decode(bytes)
        return try payload.lending { (raw) throws(ByteFault) in
            var reader = ByteReader(raw)
            guard try reader.integer() == name.base, try reader.integer() == name.epoch,
                try reader.integer() == name.generation
            else { throw ByteFault(.unknownValue, at: 0) }
            let noted: Int64 = try reader.integer()
            let end: Int64 = try reader.integer()
            let maxMilliseconds: Int64 = try reader.integer()
            let closedAt = EventTime(microseconds: try reader.integer())
            let count = try reader.checked(
                count: try reader.integer(UInt32.self), minimumElementBytes: entryBytes, limit: Int(Int32.max))
            guard (0...Limits.segmentBytes).contains(noted), end >= name.base else {
                throw ByteFault(.impossibleCount, at: reader.position)
            }
            var entries: ContiguousArray<Entry> = []
            entries.reserveCapacity(count)
            for _ in 0..<count {
                let entry = Entry(
                    relativeOffset: try reader.integer(), position: try reader.integer(),
                    maxBefore: try reader.integer())
                let last = entries.last
                guard Int64(entry.position) < noted, Int64(entry.relativeOffset) < end - name.base,
                    last.map({ $0.position < entry.position && $0.relativeOffset < entry.relativeOffset }) ?? true,
                    last.map({ $0.maxBefore <= entry.maxBefore }) ?? true, entry.maxBefore <= maxMilliseconds
                else { throw ByteFault(.impossibleCount, at: reader.position) }
                entries.append(entry)
            }
            try reader.expectEnd()
            var index = SegmentIndex(entries: entries, maxMilliseconds: maxMilliseconds, notedBytes: noted)
            index.closedAt = closedAt
            return (index, end)
        }
    }
}
