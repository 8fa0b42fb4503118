import MillraceCore
import MillraceTables

extension TablesBenchmark {
    /// Synced commits of some rows from one thread and from many, which share syncs.
    func commits() throws(Failure) {
        let table = try filled()
        let there = peer("plain")
        for (size, threads, each) in [
            (1, 1, 500), (100, 1, 200), (10_000, 1, 8), (1, 16, 100), (100, 16, 40), (10_000, 16, 2),
        ] {
            let count = threads * each
            let writers = "\(threads) thread\(threads == 1 ? "" : "s")"
            try compare("synced commit of \(size) rows, \(writers), per row", count * size) { () throws(Failure) in
                try concurrently(threads) { (thread) throws(Failure) in
                    try commitMany(table, thread, each, size)
                }
            } theirs: {
                there.run(
                    "overwrite",
                    "--use_existing_db=1 --sync=1 --batch_size=\(size) --threads=\(threads) --writes=\(each * size)"
                ).first.map { 1 / $0.perSecond }
            }
        }
    }

    private func commitMany(_ table: StoredTable, _ thread: Int, _ commits: Int, _ size: Int) throws(Failure) {
        var random = SeededRandom(seed: UInt64(thread))
        for _ in 0..<commits {
            var commit = store.begin(ties: .byOrder)
            for i in 0..<size {
                try commit.put(table, key: [.bigint(Int64(random.next() % UInt64(rows)))], [value(i)])
            }
            try store.commit(commit)
        }
    }

    private func concurrently(
        _ count: Int, _ body: @escaping @Sendable (Int) throws(Failure) -> Void
    ) throws(Failure) {
        let failure = Lock<Failure?>(nil)
        let threads = (0..<count).map { number in
            OwnedThread(name: "commit") {
                do throws(Failure) { try body(number) } catch {
                    let met = error
                    failure.withLock { $0 = met }
                }
            }
        }
        for thread in threads { thread.join() }
        if let failure = failure.withLock({ $0 }) { throw failure }
    }
}
