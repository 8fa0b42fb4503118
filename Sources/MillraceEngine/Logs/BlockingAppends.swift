internal import MillraceCore
internal import MillraceLog

/// Appends to several partitions at once and waits. For threads that may block.
enum BlockingAppends {
    private struct Progress {
        var left: Int
        var results: [Result<AppendResult, Failure>?]
    }

    /// Each partition gets its batches in order; when the last is acknowledged, all are.
    ///
    /// - Parameter drive: does the log's work, where it has no threads of its own.
    /// - Returns: from the first offset in each partition to behind the last; others may have appended in between.
    static func append(
        _ batches: [(Partition, [EncodedBatch])], acknowledgement: Acknowledgement?,
        drive: @Sendable () -> Void = {}
    ) throws(Failure) -> [Range<Int64>] {
        var taken = [Range<Int64>](repeating: 0..<0, count: batches.count)
        let rounds = batches.map { $0.1.count }.max() ?? 0
        // One batch a partition at a time: a refused one must not be overtaken by the next.
        for round in 0..<rounds {
            var waiting = batches.indices.filter { batches[$0].1.count > round }
            while !waiting.isEmpty {
                let results = appendOnce(
                    waiting.map { (batches[$0].0, batches[$0].1[round]) },
                    acknowledgements: waiting.map { batches[$0].1.count == round + 1 ? acknowledgement : .written },
                    drive: drive)
                var again: [Int] = []
                for (index, result) in zip(waiting, results) {
                    switch result {
                    case .success(let appended):
                        let first = round == 0 ? appended.baseOffset : taken[index].lowerBound
                        taken[index] = first..<appended.lastOffset + 1
                    case .failure(let failure) where failure.code == .limitReached && failure.isRetriable:
                        again.append(index)
                    case .failure(let failure): throw failure
                    }
                }
                waiting = again
            }
        }
        return taken
    }

    private static func appendOnce(
        _ batches: [(Partition, EncodedBatch)], acknowledgements: [Acknowledgement?], drive: @Sendable () -> Void
    ) -> [Result<AppendResult, Failure>] {
        let progress = ThreadMonitor(
            Progress(left: batches.count, results: Array(repeating: nil, count: batches.count)))
        for (index, (partition, batch)) in batches.enumerated() {
            partition.append(batch, acknowledgement: acknowledgements[index]) { result in
                progress.withLock { progress in
                    progress.results[index] = result
                    progress.left -= 1
                }
                progress.signal()
            }
        }
        drive()
        return progress.wait { progress in
            progress.left > 0 ? .wait(until: nil) : .done(progress.results.compactMap { $0 })
        }
    }
}
