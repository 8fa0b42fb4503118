import Foundation
import MillraceCore
import MillraceLog
import Testing

@testable import LogProbe

/// Reads the segment files of a probe's log by itself, without the store, and holds them against what was acknowledged.
struct FileOracle {
    struct Stored: Hashable {
        var sequence: Int32
        var offset: Int64
    }
    /// Per producer, in the order of the log.
    private(set) var stored: [[Stored]]
    /// What is wrong, the first few.
    private(set) var problems: [String] = []
    private static let enough = 8

    /// - Parameter mayBeTorn: the log was killed and not opened since, so the last file of a partition may end early.
    init(_ run: ProbeRun, mayBeTorn: Bool) throws {
        stored = Array(repeating: [], count: run.acknowledged.count)
        let decompressor = Decompressor()
        for partition in 0..<run.partitions {
            let folder = "\(run.directory)/topics/\(Workload.topic)/\(partition)"
            let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".log") }
            var due: Int64 = 0
            for name in files.sorted() {
                let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")))
                if bytes.isEmpty { continue }
                let base = try #require(Int64(name.prefix(20)))
                if base != due { say("partition \(partition) has a gap before \(name)") }
                due = base
                let whole = try withExtendedLifetime(decompressor) {
                    try bytes.withUnsafeBytes { try read($0, partition, run.partitions, &due, decompressor) }
                }
                if whole < bytes.count, !mayBeTorn || name != files.max() {
                    say("\(name) of partition \(partition) is whole up to \(whole) of \(bytes.count) bytes")
                }
            }
        }
    }

    /// How many records each producer has in the log, by the headers of whole batches alone.
    static func counts(_ run: ProbeRun) throws -> [Int] {
        var counts = run.acknowledged.map { _ in 0 }
        for partition in 0..<run.partitions {
            let folder = "\(run.directory)/topics/\(Workload.topic)/\(partition)"
            guard let files = try? FileManager.default.contentsOfDirectory(atPath: folder) else { continue }
            for name in files.filter({ $0.hasSuffix(".log") }).sorted() {
                let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")))
                bytes.withUnsafeBytes { raw in
                    var rest = raw[...]
                    while let view = try? RecordBatchView(UnsafeRawBufferPointer(rebasing: rest)), view.isIntact {
                        let producer = Int(view.header.producerID) - 1
                        if counts.indices.contains(producer) { counts[producer] = Int(view.header.lastSequence) + 1 }
                        rest = rest.dropFirst(view.bytes.count)
                    }
                }
            }
        }
        return counts
    }

    /// Returns how many bytes are whole batches in sequence.
    private mutating func read(
        _ bytes: UnsafeRawBufferPointer, _ partition: Int, _ partitions: Int, _ due: inout Int64,
        _ decompressor: Decompressor
    ) throws -> Int {
        var position = 0
        while position < bytes.count {
            guard let view = try? RecordBatchView(UnsafeRawBufferPointer(rebasing: bytes[position...])), view.isIntact,
                view.header.baseOffset == due
            else { break }
            let producer = Int(view.header.producerID) - 1
            guard stored.indices.contains(producer), producer % partitions == partition else {
                say("a batch of producer \(producer) is in partition \(partition)")
                break
            }
            var sequence = view.header.baseSequence
            var cursor = try view.records(using: decompressor)
            while let record = try cursor.next() {
                let value = record.value.map(Array.init)
                if value != Workload.value(producer, sequence) { say("a wrong record at offset \(record.offset)") }
                stored[producer].append(Stored(sequence: sequence, offset: record.offset))
                sequence += 1
            }
            due = view.header.nextOffset
            position += view.bytes.count
        }
        return position
    }

    private mutating func say(_ problem: String) {
        if problems.count < Self.enough { problems.append(problem) }
    }

    /// Acknowledged = there, once, at the offset that was told, in order; nothing twice, nothing missing in between.
    mutating func compare(with run: ProbeRun) {
        for producer in stored.indices {
            let sequences = stored[producer].map(\.sequence)
            if let wrong = sequences.indices.first(where: { sequences[$0] != Int32($0) }) {
                say("producer \(producer): sequence \(sequences[wrong]) stands where \(wrong) was due")
            }
            var expected: Int32 = 0
            for ack in run.acknowledged[producer] {
                let range = "producer \(producer): \(ack.first)...\(ack.last)"
                if ack.first != expected { say("\(range) was acknowledged before \(expected) was") }
                expected = ack.last + 1
                guard Int(ack.last) < stored[producer].count else {
                    say("\(range) was acknowledged and is lost")
                    break
                }
                for sequence in ack.first...ack.last {
                    let (found, told) = (
                        stored[producer][Int(sequence)].offset, ack.offset + Int64(sequence - ack.first)
                    )
                    if found != told { say("\(range) was acknowledged at \(told) and is at \(found)") }
                }
            }
        }
    }

    /// What is wrong with a run's log.
    static func problems(_ run: ProbeRun, mayBeTorn: Bool = true) throws -> [String] {
        var oracle = try FileOracle(run, mayBeTorn: mayBeTorn)
        oracle.compare(with: run)
        return oracle.problems
    }
}
