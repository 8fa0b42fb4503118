internal import BenchmarkHarness
internal import MillraceCore
internal import MillraceLog

/// A start after a kill, with nothing in the page cache. A unit is a MiB of log; full size is 1 GiB in eight segments.
let recoveryWorkloads: [Workload] = [
    Workload(
        "log.recover.dirty-segment", unit: "MiB", small: 64, full: 1_024, goal: "1 GiB ≤ 2 s",
        controlAnswersTheSame: false,
        control: ("read+write+fdatasync", { try rewrite(log($0), last: true, $0) }),
        run: { try recover(log($0), $0) { log in try forgetPoints(log) } }),
    Workload(
        "log.recover.all-indexes", unit: "MiB", small: 64, full: 1_024, goal: "1 GiB ≤ 20 s",
        controlAnswersTheSame: false, control: ("pread", { try rewrite(log($0), last: false, $0) }),
        run: { size in
            try recover(log(size), size) { log in
                try forgetPoints(log)
                try log.forEachIndex { path in
                    if try PosixStorage().status(of: path) != nil { try PosixStorage().unlink(path) }
                }
            }
        }),
]

/// Eight segments, the last nearly as long as the others.
private func log(_ size: Int) throws -> PreparedLog {
    try PreparedLog.of(
        (size << 20) / 1_034, 1_024, batchBytes: 64 << 10, segmentBytes: Int64(size) << 20 / 8 + 256 << 10)
}

/// What is known to be on the disk is forgotten, so that the last segment has to be read, written again and synced.
private func forgetPoints(_ log: PreparedLog) throws {
    let path = "\(log.directory)/topics/\(PreparedLog.topic)/durable.points"
    if try PosixStorage().status(of: path) != nil { try PosixStorage().unlink(path) }
}

private func recover(
    _ log: PreparedLog, _ size: Int, _ damage: (PreparedLog) throws -> Void
) throws -> Workload.Outcome {
    try PosixStorage().unlink(log.directory + "/clean")
    try damage(log)
    for segment in log.segments { try RawFile.dropCache(of: segment.path) }
    let ((store, hash), part) = try Part.timing {
        let store = try PreparedLog.open(log.directory)
        let partition = try PreparedLog.partition(store)
        var hash = UInt64(partition.endOffset)
        // The index of every segment but the first batch's is needed for this.
        for segment in log.segments {
            let reader = try LogReader(partition: partition, from: (segment.baseOffset + segment.endOffset) / 2)
            hash = hash &* 31 &+ UInt64(try reader.next(maxBytes: 1)?.endOffset ?? 0)
        }
        return (store, hash)
    }
    guard store.recovery.events.isEmpty else { throw Failure(.corrupt, "\(store.recovery.events)") }
    try store.close()
    return .init(units: size, hash: hash, extra: [("s", part.wallSeconds)], part: part)
}

private func rewrite(_ log: PreparedLog, last: Bool, _ size: Int) throws -> Workload.Outcome {
    for segment in log.segments { try RawFile.dropCache(of: segment.path) }
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4_096)
    defer { piece.deallocate() }
    let (bytes, part) = try Part.timing {
        guard last, let path = log.segments.last?.path else {
            return try log.segments.reduce(0) { try $0 + RawFile.readThrough($1.path, piece: piece) }
        }
        let file = try RawFile(path)
        defer { file.shut() }
        var position: Int64 = 0
        while true {
            let count = try file.get(piece, at: position)
            if count == 0 { break }
            try file.put(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(piece)[..<count]), at: position)
            position += Int64(count)
        }
        try file.sync()
        return Int(position)
    }
    return .init(units: size, hash: UInt64(bytes), extra: [("s", part.wallSeconds)], part: part)
}
