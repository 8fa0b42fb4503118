internal import BenchmarkHarness
internal import MillraceCore
internal import MillraceLog

/// Every batch checked, and every record decoded or (`batches`) left as it is, from the page cache; the control only
/// copies the same bytes out of it. The small size too is more than a processor's third cache holds: from there, other
/// things are fast.
let scanWorkloads: [Workload] = [(100, "100B", 5_000_000), (1_024, "1KiB", 500_000)].flatMap { bytes, size, full in
    [
        Workload(
            "log.scan.\(size).batches", small: full / 8, full: full, allocationGate: 5, goal: "≤ 1.43×",
            control: ("pread", { try read(log($0, bytes), records: $0) }),
            run: { try scan(log($0, bytes), records: $0, decodes: false) }),
        Workload(
            "log.scan.\(size)", small: full / 8, full: full, allocationGate: 5,
            control: ("pread", { try read(log($0, bytes), records: $0) }),
            run: { try scan(log($0, bytes), records: $0, decodes: true) }),
        // What a reader on mapped pages could reach at best: no copy, but a page fault every so often.
        Workload(
            "log.scan.\(size).mapped-experiment", small: full / 8, full: full,
            control: ("pread", { try read(log($0, bytes), records: $0) }),
            run: { try mapped(log($0, bytes), records: $0) }),
    ]
}

private func log(_ records: Int, _ recordBytes: Int) throws -> PreparedLog {
    try PreparedLog.of(records, recordBytes, batchBytes: 64 << 10, segmentBytes: 256 << 20)
}

private func scan(_ log: PreparedLog, records: Int, decodes: Bool) throws -> Workload.Outcome {
    let store = try PreparedLog.open(log.directory)
    let partition = try PreparedLog.partition(store)
    let decompressor = Decompressor()
    let ((count, bytes, sum), part) = try Part.timing {
        let reader = try LogReader(partition: partition, from: 0)
        var (count, bytes, sum) = (0, 0, 0)
        while let lent = try reader.next() {
            bytes += lent.byteCount
            guard decodes else {
                for batch in lent.batches { count += Int(batch.header.recordCount) }
                sum = count
                continue
            }
            try lent.forEachRecord(using: decompressor) { record in
                count += 1
                sum &+= record.value?.count ?? 0
            }
        }
        return (count, bytes, sum)
    }
    try store.close()
    guard count == records, sum > 0 else { throw Failure(.corrupt, "read \(count) of \(records) records") }
    return .init(units: records, hash: UInt64(bytes), part: part)
}

private func mapped(_ log: PreparedLog, records: Int) throws -> Workload.Outcome {
    let decompressor = Decompressor()
    let ((count, bytes, sum), part) = try Part.timing {
        var (count, bytes, sum) = (0, 0, 0)
        for segment in log.segments {
            let file = try PosixStorage().open(segment.path, .read)
            let map = try file.map(offset: 0, length: Int(segment.bytes))
            var rest = map.bytes
            while !rest.isEmpty {
                let view = try RecordBatchView(rest)
                try view.verifyChecksum()
                var cursor = try view.records(using: decompressor)
                while let record = try cursor.next() {
                    count += 1
                    sum &+= record.value?.count ?? 0
                }
                bytes += view.bytes.count
                rest = UnsafeRawBufferPointer(rebasing: rest[view.bytes.count...])
            }
            withExtendedLifetime(map) {}
        }
        return (count, bytes, sum)
    }
    guard count == records, sum > 0 else { throw Failure(.corrupt, "read \(count) of \(records) records") }
    return .init(units: records, hash: UInt64(bytes), part: part)
}

private func read(_ log: PreparedLog, records: Int) throws -> Workload.Outcome {
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: Limits.readPieceBytes, alignment: 4_096)
    defer { piece.deallocate() }
    let (bytes, part) = try Part.timing {
        try log.segments.reduce(0) { try $0 + RawFile.readThrough($1.path, piece: piece) }
    }
    return .init(units: records, hash: UInt64(bytes), part: part)
}

/// One record found by its offset or its time, in a log of 16-KiB batches; the control reads as much at the same place.
let lookUpWorkloads: [Workload] = [
    Workload(
        "log.look-up.offset", unit: "look-up", small: 500, full: 20_000, controlAnswersTheSame: false,
        control: ("pread of a batch", { try preads($0) }),
        run: { count in
            try lookUps(count) { partition, offsets in
                let reader = try LogReader(partition: partition, from: 0)
                let decompressor = Decompressor()
                var hash: UInt64 = 0
                for offset in offsets {
                    reader.seek(to: offset)
                    var found: Int64?
                    while found == nil, let lent = try reader.next(maxBytes: 1) {
                        try lent.forEachRecord(using: decompressor) { if found == nil { found = $0.offset } }
                    }
                    guard found == offset else { throw Failure(.corrupt, "found \(found ?? -1), not \(offset)") }
                    hash = hash &* 31 &+ UInt64(offset)
                }
                return hash
            }
        }),
    Workload(
        "log.look-up.time", unit: "look-up", small: 500, full: 20_000, controlAnswersTheSame: false,
        control: ("pread of a batch", { try preads($0) }),
        run: { count in
            try lookUps(count) { partition, offsets in
                var hash: UInt64 = 0
                for offset in offsets {
                    let batch = offset / Int64(LookUp.recordsPerBatch)
                    let time = Noise.milliseconds + batch * PreparedLog.batchMilliseconds - 1
                    let found = try partition.offset(atOrAfter: .milliseconds(time))
                    guard found == batch * Int64(LookUp.recordsPerBatch) else {
                        throw Failure(.corrupt, "found \(found ?? -1) for batch \(batch)")
                    }
                    hash = hash &* 31 &+ UInt64(offset)
                }
                return hash
            }
        }),
]

private enum LookUp {
    static let batchBytes = 16 << 10, recordBytes = 100, records = 1_000_000
    static let recordsPerBatch = batchBytes / (recordBytes + 8)
    static func log() throws -> PreparedLog {
        try PreparedLog.of(records, recordBytes, batchBytes: batchBytes, segmentBytes: 32 << 20)
    }
}

private func lookUps(
    _ count: Int, _ body: (Partition, [Int64]) throws -> UInt64
) throws -> Workload.Outcome {
    let log = try LookUp.log()
    let store = try PreparedLog.open(log.directory)
    let partition = try PreparedLog.partition(store)
    var random = SeededRandom(seed: 5)
    // The indexes are in memory from the first look-up on.
    for segment in log.segments {
        _ = try LogReader(partition: partition, from: segment.baseOffset + 1).next(maxBytes: 1)
    }
    let offsets = (0..<count).map { _ in Int64(random.next(upperBound: UInt64(log.records))) }
    let (hash, part) = try Part.timing { try body(partition, offsets) }
    try store.close()
    return .init(units: count, hash: hash, part: part)
}

private func preads(_ count: Int) throws -> Workload.Outcome {
    let log = try LookUp.log()
    let files = try log.segments.map { try RawFile($0.path) }
    defer { for file in files { file.shut() } }
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: LookUp.batchBytes, alignment: 4_096)
    defer { piece.deallocate() }
    var random = SeededRandom(seed: 5)
    let (hash, part) = try Part.timing {
        var hash: UInt64 = 0
        for _ in 0..<count {
            let number = Int(random.next(upperBound: UInt64(files.count)))
            let position = Int64(random.next(upperBound: UInt64(log.segments[number].bytes)))
            hash &+= UInt64(try files[number].get(piece, at: position))
        }
        return hash
    }
    return .init(units: count, hash: hash, part: part)
}
