import MillraceCore
import MillraceTables

extension TablesBenchmark {
    /// One partition with as many rows as all others together.
    func wide() throws(Failure) {
        let table = try series("wide")
        let there = peer("wide", key: 30)
        let column = try table.schema.require("v")
        try compare("put into one partition of \(rows) rows, 1,000 a batch", rows) { () throws(Failure) in
            try fill(table, partition: 1, 0..<rows, ttl: nil)
        } theirs: {
            there.run("fillseq", "--batch_size=1000").first.map { 1 / $0.perSecond }
        }
        try store.compact(table)
        _ = there.run("compact", "--use_existing_db=1")
        var random = SeededRandom(seed: 5)
        let gets = min(rows, 200_000)
        try compare("get of a random row in it, lent", gets) { () throws(Failure) in
            for _ in 0..<gets {
                _ = try store.view(table, key: [.bigint(1), .bigint(Int64(random.next() % UInt64(rows)))]) {
                    (row) throws(Failure) in try row.bytes(column)?.count
                }
            }
        } theirs: {
            there.run("readrandom", "--use_existing_db=1 --reads=\(gets)").first.map { 1 / $0.perSecond }
        }
        try compare("reading all of it, per row, lent", rows) { () throws(Failure) in
            var cursor = try store.snapshot().rows(table, .partition([.bigint(1)]))
            var seen = 0
            try cursor.forEach { (row) throws(Failure) in
                if try row.bytes(column) != nil { seen += 1 }
                return true
            }
            if seen != rows { report("  only \(seen) rows") }
        } theirs: {
            there.run("readseq", "--use_existing_db=1").first.map { 1 / $0.perSecond }
        }
    }

    private func fill(
        _ table: StoredTable, partition: Int64, _ range: Range<Int>, ttl: Int32?
    ) throws(Failure) {
        for base in stride(from: range.lowerBound, to: range.upperBound, by: 1_000) {
            var commit = store.begin(ties: .byOrder)
            for i in base..<min(range.upperBound, base + 1_000) {
                try commit.put(
                    table, key: [.bigint(partition), .bigint(Int64(i))], [value(i)], WriteOptions(ttl: ttl))
            }
            try store.commit(commit, synced: false)
        }
    }

    /// What has expired leaves the disk: a partition that was written in the order of time, and every second row of
    /// another. Beside it a compaction of as many rows there, which is what purging without bulk costs.
    func purges() throws(Failure) {
        let there = peer("purge", key: 30)
        for isWhole in [true, false] {
            let name = isWhole ? "expired" : "mixed"
            let what = isWhole ? "a partition that expired" : "every second row"
            try compare(
                "purge of \(what), per row", rows,
                before: { () throws(Failure) in
                    let table = try series(name)
                    try fill(table, partition: 1, 0..<rows, ttl: 1)
                    if !isWhole { try rewriteEverySecond(table) }
                    try store.flush()
                    clock.putForward(by: .seconds(200))
                },
                ours: { () throws(Failure) in
                    try store.purge(try series(name))
                },
                theirs: {
                    _ = there.run("fillseq", "--batch_size=1000")
                    return there.run("compact", "--use_existing_db=1").first.map {
                        $0.microseconds / 1e6 / Double(rows)
                    }
                },
                after: { () throws(Failure) in
                    let left = try store.size(of: try series(name)).bytes
                    report("  \(left >> 10) KiB of the table are left")
                    try store.dropTable("bench", name)
                })
        }
    }

    private func rewriteEverySecond(_ table: StoredTable) throws(Failure) {
        for base in stride(from: 0, to: rows, by: 2_000) {
            var commit = store.begin(ties: .byOrder)
            for i in stride(from: base, to: min(rows, base + 2_000), by: 2) {
                try commit.put(table, key: [.bigint(1), .bigint(Int64(i))], [value(i)])
            }
            try store.commit(commit, synced: false)
        }
    }
}
