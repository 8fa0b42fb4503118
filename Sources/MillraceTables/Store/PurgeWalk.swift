import MillraceCore

/// What one look over a table found.
struct PurgeFindings {
    var bytes = 0
    var deadBytes = 0
    /// Seconds since which the oldest of it could have left the disk.
    var deadSince = Int64.max
    /// From the first key with something dead in it up to behind the last, long runs left out.
    var span: KeyRange?
    /// Bytes that will be dead 2^i minutes from now, and not before.
    var later = [Int](repeating: 0, count: 24)

    mutating func note(_ key: UnsafeRawBufferPointer, _ mortality: Mortality, now: Int64) {
        if mortality.next < .max {
            let minutes = max(0, mortality.next - now) / 60
            later[min(later.count - 1, Int64.bitWidth - minutes.leadingZeroBitCount)] += mortality.nextBytes
        }
        guard mortality.deadBytes > 0 else { return }
        deadBytes += mortality.deadBytes
        deadSince = min(deadSince, mortality.deadSince)
        let key = Array(key)
        span = KeyRange(span?.lower ?? key, key + [0])
    }

    /// How long until so much is dead that it is worth a rewrite; nil when nothing of what is there ever dies.
    var wait: TimeSpan? {
        var sum = deadBytes
        for (i, more) in later.enumerated() {
            sum += more
            if sum * Limits.purgeShare >= bytes, sum > 0 { return min(.seconds(60 << Int64(i)), Limits.purgeLatest) }
        }
        return sum > 0 ? Limits.purgeLatest : nil
    }
}

/// Walks a table for what is dead, and drops long runs of dead rows in bulk on the way.
///
/// Rows that are written in the order of time and expire in it lie next to each other: whole files of them go without
/// being rewritten. The rest is for a compaction; in tables with a grace, where a compaction must not decide it (see
/// `PurgeRules`), rows are written anew without what is dead in them, and the compaction frees the old ones.
struct PurgeWalk {
    let store: TableStore
    let table: StoredTable
    /// Asked now and then.
    let goesOn: () -> Bool

    func run() throws(Failure) -> PurgeFindings {
        let rules = PurgeRules.Table(table)
        let seen = Lock(try store.database().latestSequence)
        let snapshot = try store.snapshot()
        let (now, lag) = (snapshot.seconds, rules.grace + Limits.purgeMarginSeconds)
        let cursor = DatabaseCursor(snapshot.snapshot, table.rows, bulk: true)
        var findings = PurgeFindings()
        var run = DeadRun()
        var stale: [[UInt8]] = []
        var steps = 0
        cursor.seekToFirst()
        while let key = cursor.currentKey, let value = cursor.currentValue {
            steps += 1
            if steps % Limits.purgeChunk == 0, !goesOn() { return findings }
            findings.bytes += key.count + value.count
            var isDead = false
            if let kind = value.first, kind & RowFlags.kindMask == RowFlags.row {
                do throws(RowFault) {
                    let mortality = try Mortality(value, rules, now: now, lag: lag)
                    isDead = mortality.isDead && rules.grace == 0
                    if rules.grace > 0, mortality.deadBytes > 0 { stale.append(Array(key)) }
                    if isDead {
                        run.add(key, mortality)
                    } else {
                        findings.note(key, mortality, now: now)
                    }
                } catch {
                    throw RowView.damage(table)
                }
            }
            if let kind = value.first, kind & RowFlags.kindMask == RowFlags.ranges {
                // Range deletions are for the sweep; some day it is due.
                findings.later[findings.later.count - 1] += value.count
            }
            if !isDead, run.count > 0 { try end(&run, &findings, now, lag, seen) }
            if stale.count == Limits.purgeRewrite { try rewrite(&stale, rules, now: now) }
            cursor.next()
        }
        try cursor.check()
        try end(&run, &findings, now, lag, seen)
        try rewrite(&stale, rules, now: now)
        return findings
    }

    /// Writes rows without what is dead in them, while nobody else writes.
    private func rewrite(_ stale: inout [[UInt8]], _ rules: PurgeRules.Table, now: Int64) throws(Failure) {
        guard !stale.isEmpty else { return }
        let (keys, table) = (stale, table)
        stale = []
        try store.exclusively { (database) throws(Failure) in
            var batch = RawBatch()
            for key in keys {
                guard let value = try database.value(key) else { continue }
                do throws(RowFault) {
                    switch try value.lending({ (value) throws(RowFault) in
                        try PurgeRules.purge(value, rules, now: now)
                    }) {
                    case .keep: break
                    case .drop: batch.delete(key)
                    case .replace(let rest): batch.put(key, rest)
                    }
                } catch {
                    throw RowView.damage(table)
                }
            }
            if !batch.isEmpty { try database.write(&batch, sync: false) }
        }
        store.purge.note(purged: keys.count)
    }

    /// Drops a long run; a short one is left for the compaction.
    ///
    /// - Parameter seen: the sequence up to which everything written is known to the walk.
    private func end(
        _ run: inout DeadRun, _ findings: inout PurgeFindings, _ now: Int64, _ lag: Int64, _ seen: Lock<UInt64>
    ) throws(Failure) {
        defer { run = DeadRun() }
        guard let first = run.starts.first, let last = run.last else { return }
        if run.count < Limits.purgeRun {
            findings.deadBytes += run.bytes
            findings.deadSince = min(findings.deadSince, run.since)
            findings.span = KeyRange(findings.span?.lower ?? first, last + [0])
            return
        }
        let rules = PurgeRules.Table(table)
        var isWhole = true
        for (index, start) in run.starts.enumerated() {
            let chunk = KeyRange(start, index + 1 < run.starts.count ? run.starts[index + 1] : last + [0])
            let gone = Lock(false)
            try store.exclusively { (database) throws(Failure) in
                // What was written meanwhile stays, and its chunk with it. If nothing was, there is no need to look.
                let isKnown = seen.withLock { $0 } == database.latestSequence
                if !isKnown, try !PurgeWalk.isDead(chunk, database, rules, now: now, lag: lag) { return }
                var batch = RawBatch()
                batch.deleteRange(chunk)
                try database.write(&batch, sync: false)
                if isKnown { seen.withLock { $0 = database.latestSequence } }
                gone.withLock { $0 = true }
            }
            if !gone.withLock({ $0 }) { isWhole = false }
            if !goesOn() { return }
        }
        store.purge.note(purged: run.count)
        if isWhole {
            // Files are dropped next: what they hid must not come back after a power cut.
            try store.exclusively { (database) throws(Failure) in
                var nothing = RawBatch()
                try database.write(&nothing, sync: true)
            }
            let database = try store.database()
            try database.deleteFiles(in: KeyRange(first, last))
            database.compact(KeyRange(first, last + [0]), exclusive: false)
        } else {
            findings.deadBytes += run.bytes
            findings.deadSince = min(findings.deadSince, run.since)
            findings.span = KeyRange(findings.span?.lower ?? first, last + [0])
        }
    }

    private static func isDead(
        _ range: KeyRange, _ database: Database, _ rules: PurgeRules.Table, now: Int64, lag: Int64
    ) throws(Failure) -> Bool {
        let cursor = DatabaseCursor(DatabaseSnapshot(database), range)
        cursor.seekToFirst()
        while let value = cursor.currentValue {
            do throws(RowFault) {
                guard let kind = value.first, kind & RowFlags.kindMask == RowFlags.row,
                    try Mortality(value, rules, now: now, lag: lag).isDead
                else { return false }
            } catch {
                return false
            }
            cursor.next()
        }
        try cursor.check()
        return true
    }
}

/// Dead rows next to each other.
private struct DeadRun {
    var count = 0
    var bytes = 0
    var since = Int64.max
    /// The first key of every chunk.
    var starts: [[UInt8]] = []
    var last: [UInt8]?

    mutating func add(_ key: UnsafeRawBufferPointer, _ mortality: Mortality) {
        if count % Limits.purgeChunk == 0 { starts.append(Array(key)) }
        count += 1
        bytes += key.count + mortality.deadBytes
        since = min(since, mortality.deadSince)
        if last == nil { last = [] }
        last?.removeAll(keepingCapacity: true)
        last?.append(contentsOf: key)
    }
}
