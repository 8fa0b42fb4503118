import MillraceCore
import Testing

@testable import MillraceLog

/// What a reader lends, whatever the sizes of reads, batches and failures.
@Suite struct LogReaderTests {
    /// A log of batches of all sizes, and what each offset holds.
    private func log(_ random: inout SeededRandom, batches: Int) throws -> (Bench, Partition, [String]) {
        let bench = Bench()
        try bench.open()
        let partition = try bench.topic { $0.segmentBytes = 600_000 }
        var values: [String] = []
        for _ in 0..<batches { values += try append(&random, to: partition, bench, after: values.count) }
        return (bench, partition, values)
    }
    private func append(
        _ random: inout SeededRandom, to partition: Partition, _ bench: Bench, after count: Int
    ) throws -> [String] {
        let largest = [10, 300, 5_000, 60_000].randomElement(using: &random)!
        let values = (0..<Int.random(in: 1...4, using: &random)).map { place in
            "\(count + place)-" + String(repeating: "x", count: Int.random(in: 0...largest, using: &random))
        }
        try bench.append(partition, values)
        return values
    }

    @Test func everyRecordIsLentOnceAndInOrderWhateverIsAskedFor() throws {
        let seed = BatchRun.seed
        var random = SeededRandom(seed: seed)
        for _ in 0..<20 * BatchRun.scale {
            var (bench, partition, values) = try log(&random, batches: 40)
            let reader = try LogReader(partition: partition, from: 0)
            let decompressor = Decompressor()
            var due: Int64 = 0
            for _ in 0..<200 {
                switch Int.random(in: 0..<12, using: &random) {
                case 0:
                    due = Int64.random(in: 0...Int64(values.count), using: &random)
                    reader.seek(to: due)
                case 1: values += try append(&random, to: partition, bench, after: values.count)
                default: break
                }
                let most = [1, 61, 5_000, 70_000, 128 << 10, 200_000, 1 << 20].randomElement(using: &random)!
                guard let lent = try reader.next(maxBytes: most) else {
                    #expect(due == Int64(values.count), BatchRun.note)
                    continue
                }
                try lent.forEachRecord(using: decompressor) { record in
                    let value = record.value.map { String(decoding: $0, as: UTF8.self) }
                    #expect(record.offset == due && value == values[Int(due)], BatchRun.note)
                    due += 1
                }
                #expect(reader.offset == due && lent.endOffset == due, BatchRun.note)
            }
        }
    }

    /// A disk that fails in the middle of a read: what was read before is lent first, and nothing is passed over.
    @Test func aReadThatFailsPassesNothingOver() throws {
        var random = SeededRandom(seed: 3)
        let (bench, partition, values) = try log(&random, batches: 120)
        var felt = 0
        for call in 1...30 {
            let reader = try LogReader(partition: partition, from: 0)
            bench.disk.fail(.read, at: call, with: IOFault.inputOutput) { $0.hasSuffix(".log") }
            var (offsets, failures): ([Int64], Int) = ([], 0)
            while true {
                do {
                    guard let lent = try reader.next() else { break }
                    try lent.forEachRecord(using: Decompressor()) { offsets.append($0.offset) }
                } catch let failure as Failure {
                    #expect(failure.code == .io)
                    failures += 1
                }
            }
            bench.disk.clearFaults()
            #expect(offsets == Array(0..<Int64(values.count)), "read \(call) failed")
            #expect(failures <= 1)
            felt += failures
        }
        #expect(felt > 2)
    }

    /// Records are lent where they were read to: nothing is copied, and no memory is taken once the buffer is there.
    @Test func recordsAreLentFromTheReadersBuffer() throws {
        var random = SeededRandom(seed: 4)
        let (_, partition, values) = try log(&random, batches: 100)
        let reader = try LogReader(partition: partition, from: 0)
        let decompressor = Decompressor()
        var (count, buffers) = (0, Set<UInt>())
        while let lent = try reader.next(maxBytes: 256 << 10) {
            let start = try #require(lent.batches.first?.bytes.baseAddress)
            if lent.byteCount > 100_000 { buffers.insert(UInt(bitPattern: start)) }
            var end = start
            for batch in lent.batches {
                // One behind the other, as in the file.
                #expect(batch.bytes.baseAddress == end)
                end += batch.bytes.count
                var cursor = try batch.records(using: decompressor)
                while let record = try cursor.next() {
                    let value = try #require(record.value)
                    let first = try #require(value.baseAddress)
                    #expect(first >= start && first + value.count <= end)
                    count += 1
                }
            }
        }
        #expect(count == values.count)
        // A buffer grows at most to hold one batch that is larger than what was asked for.
        #expect((1...2).contains(buffers.count))
    }
}
