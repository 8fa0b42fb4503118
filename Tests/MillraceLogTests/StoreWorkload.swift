import Foundation
import MillraceCore
import Testing

@testable import MillraceLog

/// One thing a user or the store does.
enum StoreStep: CaseIterable, Hashable {
    case append, appendWritten, roll, commitPosition, compact, retain, restart, crash
}

/// Drives a store through steps, a failing disk and crashes, and keeps outside of it what it was promised.
final class StoreWorkload {
    struct Entry: Hashable {
        var offset: Int64
        var key: String
        var value: String
    }
    let bench: Bench
    var random: SeededRandom
    private(set) var partition: Partition?
    private var number = 0
    private var keyOf: [String: String] = [:]
    /// Acknowledged as durable: must be there, at this offset.
    private(set) var acknowledged: [Int64: String] = [:]
    private var position: Int64 = 0
    private var sequence: Int32 = 0
    /// Sent with a sequence and not acknowledged: to be sent again.
    private var unanswered: (batch: EncodedBatch, values: [String])?
    private var hasCompacted = false
    private var hasRetained = false
    static let retentionBytes: Int64 = 3_000

    init(seed: UInt64) throws {
        random = SeededRandom(seed: seed)
        bench = Bench(seed: random.next())
        try bench.open()
        partition = try bench.topic {
            $0.segmentBytes = 1_024
            $0.cleanup = [.delete, .compact]
            $0.dirtyPercent = 0
            $0.retentionTime = nil
            $0.retentionBytes = Self.retentionBytes
        }
    }

    /// Performs a step; what fails under a failing disk just brings no promise.
    func perform(_ step: StoreStep) {
        switch step {
        case .append: append(.durable)
        case .appendWritten: append(.written)
        case .roll:
            partition?.requestRoll()
            bench.store.turn()
        case .commitPosition:
            let offset = partition?.endOffset ?? 0
            guard offset > position else { return }
            do {
                try bench.store.positions.commit(group: "g", topic: "t", partition: 0, offset: offset)
                position = offset
            } catch {}
        case .compact:
            hasCompacted = true
            _ = try? partition?.compact()
        case .retain:
            // Maintenance compacts as well.
            (hasRetained, hasCompacted) = (true, true)
            bench.store.maintain()
        case .restart:
            try? bench.store.close()
            do {
                try bench.open()
                partition = bench.store.topic("t")?.partitions[0]
            } catch { partition = nil }
        case .crash:
            // Only where the disk is not off yet: the end of the run crashes it anyhow.
            guard !bench.disk.isOff else { return }
            crash()
            partition = try? bench.open().topic("t")?.partitions[0]
        }
    }

    func crash() {
        bench.dropStore()
        // Often the process dies first, alone, and a new one begins to work on what the dead one left unsynced.
        if random.chance(1, in: 2) {
            bench.disk.killProcess()
            if random.chance(1, in: 2) { bench.disk.powerOff(atCall: Int.random(in: 1...60, using: &random)) }
            _ = try? bench.open()
            bench.dropStore()
        }
        bench.disk.crash(using: &random)
    }

    private func append(_ acknowledgement: Acknowledgement) {
        guard let partition else { return }
        var values: [String] = []
        var properties = RecordBatchBuilder.Properties()
        let count = 1 + number % 3
        // Only acknowledged batches count for the sequence: a lost `written` one would leave a gap.
        let isIdempotent = acknowledgement == .durable && unanswered == nil
        if isIdempotent {
            (properties.producerID, properties.producerEpoch, properties.baseSequence) = (9, 0, sequence)
        }
        let builder = RecordBatchBuilder(properties)
        for _ in 0..<count {
            number += 1
            let (key, value) = ("k\(number % 4)", "\(number)-\(String(repeating: "v", count: number * 37 % 90))")
            keyOf[value] = key
            values.append(value)
            // Never fails: the values are short.
            try? builder.append(key: Array(key.utf8), value: Array(value.utf8), milliseconds: 1_767_225_600_000)
        }
        let batch = builder.finish()
        if isIdempotent { unanswered = (batch, values) }
        guard let result = try? bench.append(partition, batch, acknowledgement), acknowledgement == .durable else {
            return
        }
        promised(result.baseOffset, values)
        if isIdempotent { answered(values) }
    }
    private func promised(_ base: Int64, _ values: [String]) {
        for (place, value) in values.enumerated() { acknowledged[base + Int64(place)] = value }
    }
    private func answered(_ values: [String]) {
        sequence += Int32(values.count)
        unanswered = nil
    }

    /// Opens the store after whatever happened and holds it against the promises.
    func verify(_ context: String) throws {
        bench.disk.clearFaults()
        try bench.open()
        let partition = try #require(bench.store.topic("t"), "\(context): the topic is gone").partitions[0]
        self.partition = partition
        #expect(partition.fault == nil, "\(context): \(String(describing: partition.fault))")
        #expect(
            !bench.store.recovery.events.contains { $0.kind == .refused || $0.kind == .metadataRebuilt }, "\(context)")
        try check(partition, context)
        if let pending = unanswered {
            let result = try bench.append(partition, pending.batch)
            promised(result.baseOffset, pending.values)
            answered(pending.values)
        }
        append(.durable)
        #expect(unanswered == nil, "\(context): no append after recovery")
        try check(partition, context)
    }

    private func check(_ partition: Partition, _ context: String) throws {
        let entries = try read(partition)
        let (start, end) = (partition.startOffset, partition.endOffset)
        var byOffset: [Int64: Entry] = [:]
        var newest: [String: Int64] = [:]
        var seen: Set<String> = []
        for entry in entries {
            #expect(entry.offset >= start && entry.offset < end, "\(context): \(entry) outside \(start) ..< \(end)")
            #expect(keyOf[entry.value] == entry.key, "\(context): \(entry) was never sent")
            #expect(seen.insert(entry.value).inserted, "\(context): \(entry) twice")
            byOffset[entry.offset] = entry
            newest[entry.key] = entry.offset
        }
        #expect(zip(entries, entries.dropFirst()).allSatisfy { $0.offset < $1.offset }, "\(context): order")
        #expect(hasRetained || start == 0, "\(context): records are gone that nobody deleted")
        for (offset, value) in acknowledged where offset >= start {
            if let entry = byOffset[offset] {
                #expect(entry.value == value, "\(context): other data under \(offset)")
            } else {
                let isReplaced = hasCompacted && (newest[keyOf[value] ?? ""] ?? -1) > offset
                #expect(isReplaced, "\(context): the acknowledged \(offset) \(value) is lost")
            }
        }
        #expect(end > acknowledged.keys.max() ?? -1, "\(context): the end went back")
        if start > 0, !hasCompacted {
            #expect(partition.byteCount >= Self.retentionBytes, "\(context): too much deleted")
        }
        let stored = try bench.store.positions.position(group: "g", topic: "t", partition: 0)?.offset ?? 0
        #expect(stored >= position, "\(context): the position went back")
        for (left, right) in zip(partition.segments, partition.segments.dropFirst()) {
            #expect(left.endOffset == right.baseOffset, "\(context): a hole")
        }
    }

    private func read(_ partition: Partition) throws -> [Entry] {
        let reader = try LogReader(partition: partition, from: partition.startOffset)
        let decompressor = Decompressor()
        var entries: [Entry] = []
        while let lent = try reader.next() {
            try lent.forEachRecord(using: decompressor) { record in
                entries.append(
                    Entry(
                        offset: record.offset, key: record.key.map { String(decoding: $0, as: UTF8.self) } ?? "null",
                        value: record.value.map { String(decoding: $0, as: UTF8.self) } ?? "null"))
            }
        }
        return entries
    }
}

/// How much of the long proofs to do: 1 is the share of every test run, 0 a quick look, more repeats with other seeds.
var proofScale: Int {
    ProcessInfo.processInfo.environment["MILLRACE_LOG_PROOF"].flatMap { Int($0) } ?? 1
}
var proofSeed: UInt64 {
    ProcessInfo.processInfo.environment["MILLRACE_SEED"].flatMap { UInt64($0) } ?? 1
}
