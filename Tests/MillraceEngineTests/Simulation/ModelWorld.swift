import MillraceCore
import MillraceFlow
import MillraceTesting

@testable import MillraceEngine

/// Everything that outlives a process in a simulation, and the faults that befall it.
final class ModelWorld: @unchecked Sendable {
    // Sendable because a simulation has one thread.
    enum Fault: Equatable { case none, fails, failsAfterwards, crash, crashAfterwards }

    var random: SeededRandom
    /// Off for the last part, so that everything can come to an end.
    var hasFaults = true
    /// The process died in the middle of something: nothing of it goes on.
    var hasCrashed = false
    var faults = 0

    var marks: [TaskAddress: TaskMark] = [:]
    var states: [TaskAddress: MemoryState] = [:]
    var journals: [TaskAddress: [Int64: [UInt8]]] = [:]
    /// Key, start → count.
    var rows: [[Int64]: Int64] = [:]
    /// Commits that stand, in their order.
    var commits: [TaskCommit] = []

    init(_ random: SeededRandom) { self.random = random }

    /// What befalls the next step of a commit.
    func fault() -> Fault {
        guard hasFaults, random.chance(1, in: 12) else { return .none }
        faults += 1
        switch random.next(upperBound: 4 as UInt64) {
        case 0: return .fails
        case 1: return .failsAfterwards
        case 2: return .crash
        default: return .crashAfterwards
        }
    }

    /// Does something that can fail before, or after it was done; dead processes do nothing.
    func attempt<R>(_ body: () -> R) throws(Failure) -> R {
        let dead = Failure(.closed, "the process is dead")
        if hasCrashed { throw dead }
        switch fault() {
        case .none: return body()
        case .fails: throw Failure(.io, "simulated")
        case .failsAfterwards:
            _ = body()
            throw Failure(.io, "simulated, but it was done")
        case .crash:
            hasCrashed = true
            throw dead
        case .crashAfterwards:
            _ = body()
            hasCrashed = true
            throw dead
        }
    }
}

final class ModelStore: TaskStore {
    private let world: ModelWorld
    init(_ world: ModelWorld) { self.world = world }

    func mark(of task: TaskAddress) throws(Failure) -> TaskMark? {
        // As it comes back from the disk.
        try world.marks[task].map { (mark) throws(Failure) in try TaskMark(mark.bytes, of: task) }
    }
    func snapshot() -> any TaskReader { self }
    func stateReader(of task: TaskAddress) -> any StateReader { state(task) }
    private func state(_ task: TaskAddress) -> MemoryState {
        if let state = world.states[task] { return state }
        let state = MemoryState()
        world.states[task] = state
        return state
    }

    func readJournal(
        of task: TaskAddress, _ numbers: Range<Int64>, _ body: (Int64, [UInt8]) throws(Failure) -> Void
    ) throws(Failure) {
        for (number, bytes) in (world.journals[task] ?? [:]).sorted(by: { $0.key < $1.key })
        where numbers.contains(number) {
            try body(number, bytes)
        }
    }

    func commit(_ commit: TaskCommit) throws(Failure) {
        try world.attempt {
            world.marks[commit.task] = commit.mark
            world.commits.append(commit)
            state(commit.task).apply(commit.state.entries)
            for number in commit.state.dropped { world.journals[commit.task]?[number] = nil }
            if let block = commit.state.block {
                world.journals[commit.task, default: [:]][block.number] = block.entries.bytes
            }
            let names = commit.rows?.layout.columns.map(\.name) ?? []
            commit.rows?.forEach { _, cells in
                let row = Dictionary(uniqueKeysWithValues: zip(names, cells))
                guard case .int(let key) = row["key"], case .time(let start) = row["window_start"],
                    case .int(let count) = row["value"]
                else { return }
                world.rows[[key, start.microseconds / 1_000_000]] = count
            }
        }
    }
}

/// The shuffle as a task writes it: undecided until published or recovered.
final class ModelOutbound: OutboundLogs {
    private let world: ModelWorld
    private let producer: Int64
    private let shuffle: ModelLog?

    init(_ world: ModelWorld, producer: Int64, shuffle: ModelLog?) {
        (self.world, self.producer, self.shuffle) = (world, producer, shuffle)
    }

    func recover(_ decided: [TransactionPart]) throws(Failure) {
        guard let shuffle else { return }
        for partition in shuffle.partitions.indices {
            shuffle.settle(producer, partition) { first in
                decided.contains(TransactionPart(topic: shuffle.name, partition: partition, firstOffset: first))
                    ? .committed : .aborted
            }
        }
    }

    func prepare(_ outbox: Outbox) throws(Failure) -> [TransactionPart] {
        guard let shuffle else { return [] }
        return try world.attempt {
            var firsts: [Int: Int64] = [:]
            outbox.records.forEach { record in
                let partition = Int(record.hash % UInt64(shuffle.partitions.count))
                let body = ModelLog.Body.record(
                    key: record.key.map(Array.init), value: Array(record.value), time: record.time)
                let offset = shuffle.append(body, by: producer, to: partition, .open)
                firsts[partition] = firsts[partition] ?? offset
            }
            for mark in outbox.marks {
                for partition in shuffle.partitions.indices {
                    let offset = shuffle.append(.mark(mark), by: producer, to: partition, .open)
                    firsts[partition] = firsts[partition] ?? offset
                }
            }
            return firsts.sorted { $0.key < $1.key }.map {
                TransactionPart(topic: shuffle.name, partition: $0.key, firstOffset: $0.value)
            }
        }
    }

    func publish() throws(Failure) {
        guard let shuffle else { return }
        try world.attempt {
            for partition in shuffle.partitions.indices { shuffle.settle(producer, partition) { _ in .committed } }
        }
    }
}

/// Commits wait until the simulation runs one.
final class ModelThreads: CommitThreads, @unchecked Sendable {
    // Sendable because a simulation has one thread.
    var waiting: [@Sendable () -> Void] = []
    func submit(_ work: @escaping @Sendable () -> Void) throws(Failure) { waiting.append(work) }
}
