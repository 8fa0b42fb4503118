import MillraceCore

/// Merges stored values of either kind; which one, their first byte says.
enum StoredMerge {
    static func merge(
        _ base: UnsafeRawBufferPointer?, count: Int, _ operand: (Int) -> UnsafeRawBufferPointer
    ) throws(RowFault) -> [UInt8] {
        let first = base ?? operand(0)
        guard let kind = first.first else { throw RowFault() }
        let start = base == nil ? 1 : 0
        if kind & RowFlags.kindMask == RowFlags.ranges {
            var lists = [try RangeDeletions.read(first)]
            for i in start..<count { lists.append(try RangeDeletions.read(operand(i))) }
            return RangeDeletions.write(RangeDeletions.merge(lists))
        }
        guard start < count else { return Array(first) }
        // Two buffers in turn, each large enough for everything.
        var bytes = first.count
        for i in start..<count { bytes += operand(i).count }
        var merged = RowWriter(capacity: bytes + RowHead.bytes)
        try RowMerge.merge(first, operand(start), into: &merged)
        guard start + 1 < count else { return merged.take() }
        var older = RowWriter(capacity: bytes + RowHead.bytes)
        for i in start + 1..<count {
            swap(&older, &merged)
            merged.removeAll()
            try older.lending { (older) throws(RowFault) in try RowMerge.merge(older, operand(i), into: &merged) }
        }
        return merged.take()
    }
}
