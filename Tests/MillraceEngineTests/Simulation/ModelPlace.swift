import MillraceCore
import MillraceFlow

@testable import EngineProbe
@testable import MillraceEngine

/// Logs that are models: the oracle of what the tasks make of a log that does what it should.
final class ModelPlace: SimulatedPlace {
    private let world: ModelWorld
    private let input = ModelLog("visits", partitions: 2)
    private let shuffle = ModelLog("shuffle", partitions: 2)
    private let readers: Lock<SeededRandom>
    private let forgetsDecisions: Bool

    /// - Parameter forgetsDecisions: takes back what was decided, a mistake that must be noticed.
    init(_ world: ModelWorld, _ random: SeededRandom, forgetsDecisions: Bool = false) {
        (self.world, readers, self.forgetsDecisions) = (world, Lock(random), forgetsDecisions)
    }

    let isBounded = true
    let isDead = false
    let unkindSteps = 2_000
    func append(_ visit: Visit, to partition: Int) {
        var value = ByteWriter()
        visit.encode(into: &value)
        _ = input.append(.record(key: nil, value: value.bytes, time: visit.at), by: -1, to: partition, .committed)
    }
    func seal() {}
    func open(_ clock: SimulatedClock) {}
    func disturb() {}
    func die() {}
    func calmDown() {}

    func makeReader(isInput: Bool, partition: Int) -> @Sendable (Int64?) throws(Failure) -> any SourceReader {
        let (log, readers) = (isInput ? input : shuffle, readers)
        return { position in
            ModelReader(
                log, partition, from: position, isBounded: isInput, random: readers.withLock { $0.split() })
        }
    }

    func outbound(of task: TaskAddress, isShuffled: Bool, clock: SimulatedClock) -> any OutboundLogs {
        let outbound = ModelOutbound(
            world, producer: Int64(task.stage * 2 + task.partition), shuffle: isShuffled ? shuffle : nil)
        return forgetsDecisions ? Forgetful(outbound) : outbound
    }

    private final class Forgetful: OutboundLogs {
        let base: ModelOutbound
        init(_ base: ModelOutbound) { self.base = base }
        func recover(_ decided: [TransactionPart]) throws(Failure) { try base.recover([]) }
        func prepare(_ outbox: Outbox) throws(Failure) -> [TransactionPart] { try base.prepare(outbox) }
        func publish() throws(Failure) { try base.publish() }
    }
}
