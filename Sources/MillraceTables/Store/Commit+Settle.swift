internal import Synchronization
import MillraceCore

extension Commit {
    /// Fills in what only its turn decides: the timestamps, and whether a row may be a put.
    ///
    /// A put hides everything of its row that came before, unseen. That is right when nothing there can be newer: ids
    /// grow with RocksDB's sequence, so nothing is, unless some writer brought a timestamp ahead of the clock
    /// (`facts.future`). And it is wrong in a table with a grace, whose deletions have to be kept for older writes to
    /// come: the row's own cells would cover those, but not in a column that is added later.
    mutating func settle(id: Int64) {
        for (number, timestamp) in explicit where timestamp >= id {
            let facts = tables[number].facts
            if timestamp > facts.future.load(ordering: .relaxed) {
                facts.future.store(timestamp, ordering: .releasing)
                batch.put(Layout.tableFactsKey(tables[number].id), facts.encoded)
            }
        }
        for (table, bytes) in zip(tables, dying) where bytes > 0 {
            table.facts.dying.wrappingAdd(bytes, ordering: .relaxed)
            if !table.facts.mayDie.exchange(true, ordering: .relaxed) {
                batch.put(Layout.tableFactsKey(table.id), table.facts.encoded)
            }
        }
        let mayPut = tables.map { table in
            (table.tombstoneGrace == .zero || table.isCounter) && id > table.facts.future.load(ordering: .relaxed)
        }
        batch.patching { (bytes) in
            let stamp = id.bigEndian
            for patch in patches {
                if !patch.isExplicit {
                    bytes.storeBytes(of: stamp, toByteOffset: Int(patch.base), as: Int64.self)
                }
                if patch.isWhole, mayPut[Int(patch.table)] { bytes[Int(patch.tag)] = RawBatch.Tag.put }
            }
        }
        if !ranges.isEmpty { placeRanges(id: id, mayPut) }
    }

    /// Range deletions are RocksDB's own where that is exact; else they go into the partition's list.
    private mutating func placeRanges(id: Int64, _ mayPut: [Bool]) {
        var settled = RawBatch(capacity: batch.bytes.count + 128 * ranges.count)
        var done = RawBatch.headerBytes
        for range in ranges {
            let position = ties == .byOrder ? range.position : batch.bytes.count
            settled.append(raw: batch.bytes[done..<position])
            done = position
            let table = tables[range.table]
            if range.timestamp == nil, mayPut[range.table] {
                settled.deleteRange(KeyRange(range.partition + range.lower, range.partition + range.upper))
            } else {
                if !table.facts.hasRanges.exchange(true, ordering: .releasing) {
                    settled.put(Layout.tableFactsKey(table.id), table.facts.encoded)
                }
                let entry = RangeDeletions.Entry(
                    lower: range.lower, upper: range.upper,
                    deletion: Deletion(timestamp: range.timestamp ?? id, seconds: seconds))
                settled.merge(range.partition + [RowSpace.ranges], RangeDeletions.write([entry]))
            }
        }
        settled.append(raw: batch.bytes[done...])
        settled.add(count: batch.count)
        batch = settled
        (patches, ranges) = ([], [])
    }
}
