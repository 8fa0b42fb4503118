import MillraceCore
import MillraceFlow

@testable import MillraceEngine

/// A topic as a model: what is in it, whose it is, and what became of it. Readers see what is decided, up to the first
/// record that is not.
final class ModelLog: @unchecked Sendable {
    // Sendable because a simulation has one thread.
    enum Fate { case open, committed, aborted }
    enum Body {
        case record(key: [UInt8]?, value: [UInt8], time: EventTime)
        case mark(EventTime)
    }
    struct Entry {
        var producer: Int64
        var body: Body
        var fate: Fate
    }
    let name: String
    var partitions: [[Entry]]

    init(_ name: String, partitions: Int) {
        self.name = name
        self.partitions = Array(repeating: [], count: partitions)
    }

    func append(_ body: Body, by producer: Int64, to partition: Int, _ fate: Fate) -> Int64 {
        partitions[partition].append(Entry(producer: producer, body: body, fate: fate))
        return Int64(partitions[partition].count - 1)
    }

    /// Where readers of committed records have to stop.
    func visibleEnd(_ partition: Int) -> Int {
        partitions[partition].firstIndex { $0.fate == .open } ?? partitions[partition].count
    }

    func settle(_ producer: Int64, _ partition: Int, _ decide: (Int64) -> Fate) {
        guard let first = partitions[partition].firstIndex(where: { $0.producer == producer && $0.fate == .open })
        else { return }
        let fate = decide(Int64(first))
        for index in partitions[partition].indices
        where partitions[partition][index].producer == producer && partitions[partition][index].fate == .open {
            partitions[partition][index].fate = fate
        }
    }
}

/// Reads a partition of a model log: a few records a time, so that turns end anywhere.
final class ModelReader: MarkedReader {
    private let log: ModelLog
    private let partition: Int
    private let isBounded: Bool
    private var random: SeededRandom
    private(set) var position: Int64

    /// - Parameter isBounded: what is there at the start is all.
    init(_ log: ModelLog, _ partition: Int, from position: Int64?, isBounded: Bool, random: SeededRandom) {
        (self.log, self.partition, self.isBounded, self.random) = (log, partition, isBounded, random)
        self.position = position ?? 0
    }

    var end: Int64 { Int64(log.visibleEnd(partition)) }

    func read(maxBytes: Int, _ body: (UnsafeBufferPointer<RawRecord>) -> Void) throws(Failure) -> ReadOutcome {
        try read(maxBytes: maxBytes, onMark: { _, _ in }, body)
    }

    func read(
        maxBytes: Int, onMark: (Int64, EventTime) -> Void, _ body: (UnsafeBufferPointer<RawRecord>) -> Void
    ) throws(Failure) -> ReadOutcome {
        guard position < end else { return isBounded ? .ended : .empty }
        for _ in 0...random.next(upperBound: 6 as UInt64) where position < end {
            let entry = log.partitions[partition][Int(position)]
            defer { position += 1 }
            guard entry.fate == .committed else { continue }
            switch entry.body {
            case .mark(let time): onMark(entry.producer, time)
            case .record(let key, let value, let time):
                value.withUnsafeBytes { value in
                    func lend(_ key: UnsafeRawBufferPointer?) {
                        let record = RawRecord(offset: self.position, timestamp: time, key: key, value: value)
                        withUnsafePointer(to: record) { body(UnsafeBufferPointer(start: $0, count: 1)) }
                    }
                    if let key { key.withUnsafeBytes { lend($0) } } else { lend(nil) }
                }
            }
        }
        return .more
    }

    func whenReadable(_ wake: @escaping @Sendable () -> Void) {}
    func record(at position: Int64) throws(Failure) -> (key: [UInt8]?, value: [UInt8]?, timestamp: EventTime)? { nil }
    func close() {}
}
