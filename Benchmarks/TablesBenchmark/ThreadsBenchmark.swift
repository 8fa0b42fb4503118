import MillraceCore
import MillraceTables

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension TablesBenchmark {
    /// Synced commits from many threads, which share syncs.
    func threads() throws(Failure) {
        for (threads, size) in [(1, 1), (16, 1), (16, 100)] {
            let commits = size == 1 ? 200 : 50
            try measure("synced commit of \(size) rows, \(threads) threads, per row", threads * commits * size) {
                () throws(Failure) in
                var running: [pthread_t] = []
                for thread in 0..<threads {
                    let work = Unmanaged.passRetained(
                        Work {
                            do throws(Failure) { try commitMany(thread, commits, size) } catch { report("\(error)") }
                        })
                    var handle = pthread_t()
                    pthread_create(
                        &handle, nil,
                        { context in
                            guard let context else { return nil }
                            Unmanaged<Work>.fromOpaque(context).takeRetainedValue().body()
                            return nil
                        }, work.toOpaque())
                    running.append(handle)
                }
                for thread in running { pthread_join(thread, nil) }
            }
        }
    }

    private func commitMany(_ thread: Int, _ commits: Int, _ size: Int) throws(Failure) {
        var random = SeededRandom(seed: UInt64(thread))
        for _ in 0..<commits {
            var commit = store.begin(ties: .byOrder)
            for i in 0..<size {
                try commit.put(table, key: [.bigint(Int64(random.next() % UInt64(rows)))], [value(i)])
            }
            try store.commit(commit)
        }
    }

    /// A partition of many rows, and what expires of it.
    func wide() throws(Failure) {
        let column = try series.schema.require("v")
        try measure("fill one partition", rows) { () throws(Failure) in
            for base in stride(from: 0, to: rows, by: 1_000) {
                var commit = store.begin(ties: .byOrder)
                for i in base..<base + 1_000 {
                    try commit.put(series, key: [.bigint(-1), .bigint(Int64(i))], [value(i)], WriteOptions(ttl: 1))
                }
                try store.commit(commit, synced: false)
            }
        }
        var random = SeededRandom(seed: 5)
        try measure("get of one row in it", 100_000) { () throws(Failure) in
            for _ in 0..<100_000 {
                _ = try store.view(series, key: [.bigint(-1), .bigint(Int64(random.next() % UInt64(rows)))]) {
                    (row) throws(Failure) in try row.bytes(column)?.count
                }
            }
        }
        try measure("compact it", rows) { () throws(Failure) in try store.compact(series) }
    }
}

private final class Work {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
}
