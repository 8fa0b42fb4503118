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
        var writer = RowWriter()
        guard start < count else { return Array(first) }
        try RowMerge.merge(first, operand(start), into: &writer)
        var merged = writer.take()
        for i in start + 1..<max(count, start + 1) {
            var next = RowWriter()
            try merged.lending { (older) throws(RowFault) in try RowMerge.merge(older, operand(i), into: &next) }
            merged = next.take()
        }
        return merged
    }
}
