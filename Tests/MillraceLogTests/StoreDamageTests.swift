import MillraceCore
import Testing

@testable import MillraceLog

/// Damage of every bit and every truncation of a small partition's files: nothing wrong is ever served, nothing is lost
/// without being named.
@Suite struct StoreDamageTests {
    struct Sample {
        var disk: SimulatedStorage
        var expected: [Int64: String]
        var files: [String]
    }

    /// Two closed segments and an active one, an idempotent producer and a decided transaction in them.
    static func sample(clean: Bool) throws -> Sample {
        let bench = Bench()
        try bench.open()
        let partition = try bench.topic { $0.segmentBytes = 1_024 }
        var expected: [Int64: String] = [:]
        var properties = RecordBatchBuilder.Properties()
        for number in 0..<11 {
            (properties.producerID, properties.producerEpoch, properties.baseSequence) = (5, 0, Int32(number * 2))
            let values = ["a\(number)-\(String(repeating: "y", count: 40))", "b\(number)"]
            let result = try bench.append(partition, batch(values, properties))
            expected[result.baseOffset] = values[0]
            expected[result.lastOffset] = values[1]
        }
        try #require(partition.segments.count >= 2)
        bench.store.maintain()
        if clean { try bench.store.close() }
        try bench.kill()
        let directory = "log/topics/t/0"
        let files = try bench.disk.list(directory).map { "\(directory)/\($0)" }
        return Sample(
            disk: bench.disk, expected: expected,
            files: files + ["log/topics/t/durable.points", "log/topics/t/topic.meta"])
    }

    /// Opens a damaged copy and reads all of it, around damage where there is some.
    func examine(
        _ disk: SimulatedStorage, _ sample: Sample, _ context: String, mustShow: Bool = false
    ) throws {
        var options = LogOptions()
        options.execution = .manual
        let store = try LogStore.open(directory: "log", storage: disk, clock: SimulatedClock(), options: options)
        let partition = try #require(store.topic("t"), "\(context): the topic is gone").partitions[0]
        let reader = try LogReader(partition: partition, from: partition.startOffset, isolation: .readUncommitted)
        let decompressor = Decompressor()
        var served: Set<Int64> = []
        var named: [Range<Int64>] = []
        var rounds = 0
        while true {
            rounds += 1
            try #require(rounds < 200, "\(context): no end")
            do {
                guard let lent = try reader.next() else { break }
                try lent.forEachRecord(using: decompressor) { record in
                    let value = record.value.map { String(decoding: $0, as: UTF8.self) }
                    #expect(sample.expected[record.offset] == value, "\(context): wrong at \(record.offset)")
                    #expect(served.insert(record.offset).inserted, "\(context): \(record.offset) twice")
                }
            } catch let failure as Failure {
                #expect(failure.code == .corrupt, "\(context): \(failure)")
                named.append(try reader.skipDamage())
            }
        }
        for offset in sample.expected.keys where !served.contains(offset) {
            let isNamed = named.contains { $0.contains(offset) }
            let isRefused = partition.fault != nil && offset >= partition.endOffset
            #expect(isNamed || isRefused, "\(context): \(offset) vanished")
        }
        if mustShow { #expect(!named.isEmpty || partition.fault != nil, "\(context): not seen") }
        if named.isEmpty, partition.fault == nil { #expect(served.count == sample.expected.count, "\(context)") }
        #expect(!store.recovery.events.contains { $0.kind == .tornTail || $0.kind == .quarantined }, "\(context): cut")
    }

    func isLog(_ path: String) -> Bool { path.hasSuffix(".log") }

    @Test(arguments: [true, false])
    func T17_everyBitFlipOfEveryFileIsSeenOrHarmless(clean: Bool) throws {
        let sample = try Self.sample(clean: clean)
        for path in sample.files {
            let size = Int(try #require(try sample.disk.status(of: path)).size)
            for position in 0..<size {
                let isThorough = proofScale > 0 || position % 61 == 0
                for bit in 0..<8 where isThorough || bit == (position + size) % 8 {
                    let disk = sample.disk.fork()
                    #expect(disk.damage(path, at: position, flipping: 1 << UInt8(bit)))
                    try examine(
                        disk, sample, "\(path) byte \(position) bit \(bit)\(clean ? "" : " after a kill")",
                        mustShow: isLog(path))
                }
            }
        }
    }

    @Test(arguments: [true, false])
    func T17_everyTruncationIsSeenOrHarmless(clean: Bool) throws {
        let sample = try Self.sample(clean: clean)
        for path in sample.files {
            let size = Int(try #require(try sample.disk.status(of: path)).size)
            for length in 0..<size {
                let disk = sample.disk.fork()
                let file = try disk.open(path, .readWrite)
                try file.truncate(to: Int64(length))
                try examine(disk, sample, "\(path) cut to \(length)\(clean ? "" : " after a kill")")
            }
        }
    }

    @Test func T17_impossibleSizesAreRefusedWithoutAHugeAllocation() throws {
        let sample = try Self.sample(clean: true)
        for path in sample.files where isLog(path) {
            for size: Int32 in [0, -1, .max, .min, 48, 49, 16 << 20] {
                let disk = sample.disk.fork()
                let file = try disk.open(path, .readWrite)
                try withUnsafeBytes(of: size.bigEndian) { (bytes) throws in try file.write(bytes, at: 8) }
                try examine(disk, sample, "\(path) size \(size)")
            }
        }
    }

    @Test func T17_aDamagedIndexOrStateNeverBreaksTheProducersMemory() throws {
        let sample = try Self.sample(clean: true)
        for path in sample.files where !isLog(path) {
            let disk = sample.disk.fork()
            #expect(disk.damage(path, at: 21, flipping: 16))
            var options = LogOptions()
            options.execution = .manual
            let store = try LogStore.open(directory: "log", storage: disk, clock: SimulatedClock(), options: options)
            let partition = try #require(store.topic("t")).partitions[0]
            var properties = RecordBatchBuilder.Properties()
            (properties.producerID, properties.producerEpoch, properties.baseSequence) = (5, 0, 20)
            let outcome = Outcome()
            partition.append(try batch(["a10-\(String(repeating: "y", count: 40))", "b10"], properties)) {
                outcome.set($0)
            }
            store.turn()
            #expect(try #require(outcome.value).get().isDuplicate, "\(path)")
        }
    }

    @Test func T18_damageInTheMiddleIsNamedAndReadAround() throws {
        let sample = try Self.sample(clean: true)
        let first = try #require(sample.files.first { isLog($0) })
        let sizeBefore = try #require(try sample.disk.status(of: first)).size
        #expect(sample.disk.damage(first, at: 300, flipping: 1))
        var options = LogOptions()
        options.execution = .manual
        let store = try LogStore.open(directory: "log", storage: sample.disk, clock: SimulatedClock(), options: options)
        let partition = try #require(store.topic("t")).partitions[0]
        let reader = try LogReader(partition: partition, from: 0)
        var failure: Failure?
        var served: [Int64] = []
        var skipped: Range<Int64>?
        while true {
            do {
                guard let lent = try reader.next() else { break }
                try lent.forEachRecord(using: Decompressor()) { served.append($0.offset) }
            } catch let error as Failure {
                failure = error
                skipped = try reader.skipDamage()
            }
        }
        let gap = try #require(skipped)
        #expect(failure?.code == .corrupt)
        #expect(try #require(failure).place.contains("t/0 offset \(gap.lowerBound), "))
        #expect(gap.count == 2)
        #expect(Set(served).union(Set(gap)) == Set(sample.expected.keys))
        #expect(try #require(try sample.disk.status(of: first)).size == sizeBefore)
        // Behind the damage, one can also start reading directly.
        #expect(try readAll(partition, from: gap.upperBound).count == sample.expected.count - Int(gap.upperBound))
    }
}
