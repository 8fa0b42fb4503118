import MillraceCore
import MillraceFlow
import MillraceLog

@testable import EngineProbe
@testable import MillraceEngine

/// The real log on a simulated disk: it loses power, is killed, fails and fills up where the seed says. Slow it is,
/// too: a commit waits for as many turns of others as the seed likes.
final class DiskPlace: SimulatedPlace {
    private let disk: SimulatedStorage
    private var random: SeededRandom
    private var store: LogStore?
    private var producers: TaskProducers?
    private(set) var faults = 0

    init(_ random: SeededRandom) throws {
        self.random = random
        disk = SimulatedStorage(seed: self.random.next())
        let clock = SimulatedClock()
        try open(clock)
        var visits = TopicConfiguration(partitions: 2)
        (visits.retentionTime, visits.segmentBytes) = (nil, 4_096)
        // As the assembly makes it.
        var shuffle = visits
        (shuffle.durability, shuffle.timestamps, shuffle.futureLimit) = (.written, .append, nil)
        _ = try store?.createTopic("visits", visits)
        _ = try store?.createTopic("shuffle", shuffle)
    }

    let isBounded = false
    let unkindSteps = 500
    var isDead: Bool { disk.isOff }

    func append(_ visit: Visit, to partition: Int) throws {
        let builder = RecordBatchBuilder()
        var value = ByteWriter()
        visit.encode(into: &value)
        try builder.append(key: nil, value: value.bytes, milliseconds: Int64(visit.second) * 1_000)
        let store = store
        store?.topic("visits")?.partitions[partition].append(builder.finish(), acknowledgement: .durable) { _ in }
        store?.turn()
    }

    /// One of a far time in each partition, so that every window before it fires.
    func seal() throws {
        for partition in 0..<2 {
            try append(Visit(user: UInt32(90 + partition), page: 99, second: 900_000), to: partition)
        }
        try store?.close()
        store = nil
    }

    func open(_ clock: SimulatedClock) throws {
        var options = LogOptions()
        options.execution = .manual
        let store = try LogStore.open(directory: "log", storage: disk, clock: clock, options: options)
        (self.store, producers) = (store, TaskProducers(store))
    }

    func makeReader(isInput: Bool, partition: Int) -> @Sendable (Int64?) throws(Failure) -> any SourceReader {
        let log = store?.topic(isInput ? "visits" : "shuffle")
        return { (position) throws(Failure) in
            guard let log else { throw Failure(.notFound, "the topic is gone") }
            return try LogPartitionReader(log.partitions[partition], from: position)
        }
    }

    func outbound(of task: TaskAddress, isShuffled: Bool, clock: SimulatedClock) -> any OutboundLogs {
        guard let store, let producers else { preconditionFailure("the log is open") }
        var topics = LogOutbound.Topics()
        if isShuffled { topics.shuffle = store.topic("shuffle") }
        return LogOutbound(task, topics: topics, producers: producers, clock: clock) { store.turn() }
    }

    func disturb() {
        faults += 1
        let errno = [IOFault.inputOutput, IOFault.noSpace].randomElement(using: &random)!
        let call = [IOFault.Call.write, .sync, .syncDirectory, .rename, .open, .read].randomElement(using: &random)!
        switch random.next(upperBound: 4 as UInt64) {
        case 0: disk.powerOff(atCall: 1 + Int(random.next(upperBound: 30 as UInt64)))
        case 1: disk.shortenWrite(at: 1 + Int(random.next(upperBound: 4 as UInt64)), to: 7, with: errno)
        default: disk.fail(call, at: 1 + Int(random.next(upperBound: 6 as UInt64)), with: errno)
        }
    }

    func die() {
        store = nil
        producers = nil
        disk.clearFaults()
        if random.chance(1, in: 2) { disk.killProcess() } else { disk.crash(using: &random) }
    }

    func calmDown() { disk.clearFaults() }
}
