import MillraceCore
import Testing

@testable import MillraceLog

/// A store on the simulated disk whose every step the test makes itself.
final class Bench {
    var disk: SimulatedStorage
    private(set) var clock = SimulatedClock()
    var options = LogOptions()
    private(set) var store: LogStore!

    init(seed: UInt64 = 1) {
        disk = SimulatedStorage(seed: seed)
        options.execution = .manual
    }

    @discardableResult func open() throws -> LogStore {
        store = try LogStore.open(directory: "log", storage: disk, clock: clock, options: options)
        return store
    }
    /// The process dies; the disk keeps what it wrote.
    func kill() throws {
        store = nil
        disk.killProcess()
    }
    /// The machine starts anew: its monotonic clock begins again, and its wall clock says what it likes.
    func reboot(wall: EventTime) throws {
        try kill()
        clock = SimulatedClock(wall: wall)
    }
    /// Lets go of a store whose disk died under it.
    func dropStore() { store = nil }
    func reopen() throws -> LogStore {
        try store.close()
        store = nil
        return try open()
    }

    enum Restart: CaseIterable { case live, closed, killed, killedWithoutState }
    /// The partition after the store went on, or ended in some way and began anew.
    func after(_ restart: Restart, _ partition: Partition) throws -> Partition {
        switch restart {
        case .live: return partition
        case .closed: _ = try reopen()
        case .killed, .killedWithoutState:
            try kill()
            if restart == .killedWithoutState {
                for name in ["durable.points", "0/partition.state"].map({ "log/topics/\(partition.topic)/\($0)" }) {
                    if try disk.status(of: name) != nil { try disk.unlink(name) }
                }
            }
            try open()
        }
        return try #require(store.topic(partition.topic)).partitions[partition.index]
    }

    func topic(_ name: String = "t", _ change: (inout TopicConfiguration) -> Void = { _ in }) throws -> Partition {
        if let topic = store.topic(name) { return topic.partitions[0] }
        var configuration = TopicConfiguration()
        configuration.segmentBytes = 4_096
        change(&configuration)
        return try store.createTopic(name, configuration).partitions[0]
    }

    /// Appends and lets the store finish.
    @discardableResult func append(
        _ partition: Partition, _ batch: EncodedBatch, _ acknowledgement: Acknowledgement? = nil
    ) throws -> AppendResult {
        let outcome = Outcome()
        partition.append(batch, acknowledgement: acknowledgement) { outcome.set($0) }
        store.turn()
        return try #require(outcome.value).get()
    }
    /// One record with a key.
    @discardableResult func append(
        _ partition: Partition, key: Int, _ value: String, _ properties: RecordBatchBuilder.Properties = .init()
    ) throws -> AppendResult {
        let builder = RecordBatchBuilder(properties)
        try builder.append(key: [UInt8(key)], value: Array(value.utf8), milliseconds: 0)
        return try append(partition, builder.finish())
    }
    @discardableResult func append(_ partition: Partition, _ values: [String]) throws -> AppendResult {
        try append(partition, batch(values))
    }
}

final class Outcome: Sendable {
    private let state = Lock<Result<AppendResult, Failure>?>(nil)
    func set(_ result: Result<AppendResult, Failure>) { state.withLock { $0 = result } }
    var value: Result<AppendResult, Failure>? { state.withLock { $0 } }
}

func batch(
    _ values: [String], at milliseconds: Int64 = 1_767_225_600_000,
    _ properties: RecordBatchBuilder.Properties = .init()
) throws -> EncodedBatch {
    let builder = RecordBatchBuilder(properties)
    for value in values {
        try builder.append(key: nil, value: Array(value.utf8), milliseconds: milliseconds)
    }
    return builder.finish()
}

struct Read: Hashable, CustomStringConvertible {
    var offset: Int64
    var value: String
    var description: String { "\(offset)=\(value)" }
}

/// Everything a reader gets from an offset to the end.
func readAll(
    _ partition: Partition, from offset: Int64? = nil, _ isolation: Isolation = .readCommitted, maxBytes: Int = 1 << 20
) throws -> [Read] {
    let reader = try LogReader(partition: partition, from: offset ?? partition.startOffset, isolation: isolation)
    var reads: [Read] = []
    let decompressor = Decompressor()
    while let lent = try reader.next(maxBytes: maxBytes) {
        try lent.forEachRecord(using: decompressor) { record in
            reads.append(
                Read(
                    offset: record.offset,
                    value: String(decoding: record.value ?? .init(start: nil, count: 0), as: UTF8.self)))
        }
    }
    return reads
}
