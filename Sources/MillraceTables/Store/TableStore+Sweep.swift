import MillraceCore

/// Forgetting range deletions. A compaction must not: it sees a partition's list without the rows it covers, and rows
/// that outlive the list would come back.
extension TableStore {
    /// Removes what old range deletions cover, then the deletions themselves; partition by partition, each while nobody
    /// writes.
    func sweep(_ table: StoredTable) throws(Failure) {
        let horizon =
            clock.wall.seconds - table.tombstoneGrace.microseconds / 1_000_000 - Limits.purgeMarginSeconds
        for partition in try partitionsWithRanges(table) {
            try exclusively { (database) throws(Failure) in
                try TableStore.sweep(partition, table, horizon: horizon, database)
            }
        }
    }

    /// Steps from partition to partition, without reading rows.
    private func partitionsWithRanges(_ table: StoredTable) throws(Failure) -> [[UInt8]] {
        let snapshot = try self.snapshot()
        let cursor = DatabaseCursor(snapshot.snapshot, table.rows)
        var found: [[UInt8]] = []
        cursor.seekToFirst()
        while let key = cursor.currentKey {
            let end = try RowKey.end(ofPartition: key, table)
            let prefix = Array(key[..<end])
            if key.count > end, key[end] == RowSpace.ranges { found.append(prefix) }
            cursor.seek(prefix + [RowSpace.end])
        }
        try cursor.check()
        return found
    }

    private static func sweep(
        _ partition: [UInt8], _ table: StoredTable, horizon: Int64, _ database: Database
    ) throws(Failure) {
        let list = partition + [RowSpace.ranges]
        guard let bytes = try database.value(list) else { return }
        let entries: [RangeDeletions.Entry]
        do throws(RowFault) {
            entries = try bytes.lending { (bytes) throws(RowFault) in
                RangeDeletions.merge([try RangeDeletions.read(bytes)])
            }
        } catch {
            throw RowView.damage(table)
        }
        let old = entries.filter { $0.deletion.seconds < horizon }
        guard !old.isEmpty else { return }
        var batch = RawBatch()
        let cursor = DatabaseCursor(
            DatabaseSnapshot(database), KeyRange(partition + [RowSpace.fixed], partition + [RowSpace.end]))
        cursor.seekToFirst()
        while let key = cursor.currentKey {
            let suffix = UnsafeRawBufferPointer(rebasing: key[partition.count...])
            let deletion = RangeDeletions.deletion(of: suffix, in: old)
            do throws(RowFault) {
                if !deletion.isNone, let row = try RowMerge.trim(cursor.value, by: deletion) {
                    if row.isBare { batch.delete(key) } else { batch.put(key, row.bytes) }
                }
            } catch {
                throw RowView.damage(table)
            }
            if batch.recordBytes > Limits.groupBytes {
                try database.write(&batch, sync: false)
                batch.removeAll()
            }
            cursor.next()
        }
        try cursor.check()
        let rest = entries.filter { $0.deletion.seconds >= horizon }
        if rest.isEmpty { batch.delete(list) } else { batch.put(list, RangeDeletions.write(rest)) }
        try database.write(&batch, sync: true)
    }
}
