internal import MillraceCore
internal import MillraceFlow

/// Takes a batch through the kernel and sees to the records that fail: tries them again as declared, then makes them
/// dead letters, and parks their keys when that is declared.
///
/// A failing record never stops the others. With parking, no later record of its key overtakes it: the kernel stops
/// right behind the failing record, and from then on the key's records follow it to the dead letters, until they are
/// redriven.
struct FailingRecords {
    private let policy: FailurePolicy
    private let port: Int
    private let input: String
    private let task: TaskAddress
    private let release: String
    private let blame: RecordBlame?

    private var letters: [DeadLetter] = []
    private var parked: Set<[UInt8]> = []
    private var unparking: [[UInt8]: Int64] = [:]
    /// Parked and unparked since the last commit.
    private var changes: [(key: [UInt8], isParked: Bool)] = []

    /// - Parameters:
    ///   - port: the number of the task's input that is watched, and `input` its name.
    ///   - blame: when a guard watches the process.
    init(
        _ policy: FailurePolicy, port: Int, input: String, task: TaskAddress, release: String, blame: RecordBlame? = nil
    ) {
        (self.policy, self.port, self.input, self.task, self.release) = (policy, port, input, task, release)
        self.blame = blame
        prefix = Self.prefix(port)
    }

    var parkedKeys: Int { parked.count }

    mutating func takeLetters() -> [DeadLetter] {
        defer { letters.removeAll() }
        return letters
    }

    mutating func process(
        _ batch: UnsafeBufferPointer<RawRecord>, _ kernel: StageKernel, _ out: inout StageOutput,
        attemptAt wall: EventTime
    ) {
        guard let blame, let offsets = batch.offsets else { return run(batch, kernel, &out, wall) }
        if blame.trusts(offsets) { return blame.guarding(offsets) { run(batch, kernel, &out, wall) } }
        for index in batch.indices {
            let one = UnsafeBufferPointer(rebasing: batch[index...index])
            if let deaths = blame.deaths(with: batch[index].offset) {
                letters.append(
                    letter(batch[index], "a trap in user code ended the process", attempts: deaths, wall))
                if policy.then == .parkKey, let key = batch[index].key { park(Array(key)) }
            } else {
                blame.guarding(batch[index].offset...batch[index].offset) { run(one, kernel, &out, wall) }
            }
        }
    }

    /// The same for records that are values. They become bytes when one of them may have to be kept.
    mutating func process<T: Record>(
        _ batch: ValueBatch<T>, _ input: TypedInput<T>, _ kernel: StageKernel, _ out: inout StageOutput,
        attemptAt wall: EventTime
    ) {
        guard let offsets = batch.offsets else { return }
        if policy.then == .parkKey || !parked.isEmpty || blame?.trusts(offsets) == false {
            return batch.lendBytes { process($0, kernel, &out, attemptAt: wall) }
        }
        let run = { (out: inout StageOutput) in
            input.process(batch.values, at: batch.time, from: batch.first, into: &out)
        }
        if let blame { blame.guarding(offsets) { run(&out) } } else { run(&out) }
        if !out.bad.isEmpty { batch.lendBytes { settle($0, kernel, &out, wall) } }
    }

    private mutating func run(
        _ batch: UnsafeBufferPointer<RawRecord>, _ kernel: StageKernel, _ out: inout StageOutput, _ wall: EventTime
    ) {
        guard !parked.isEmpty || policy.then == .parkKey else {
            kernel.process(batch, port: port, into: &out)
            if !out.bad.isEmpty { settle(batch, kernel, &out, wall) }
            return
        }
        var rest = batch[...]
        while let record = rest.first {
            if isHeld(record) {
                letters.append(
                    letter(record, "an earlier record of its key failed; the key is parked", attempts: 0, wall))
                rest = rest.dropFirst()
                continue
            }
            // Up to the next parked key, or to the first record that fails.
            let run = rest.prefix { record in
                parked.isEmpty || record.key.map { !parked.contains(Array($0)) } ?? true
            }
            let lent = UnsafeBufferPointer(rebasing: run)
            let done = kernel.process(lent, port: port, stoppingAtBad: policy.then == .parkKey, into: &out)
            if !out.bad.isEmpty { settle(lent, kernel, &out, wall) }
            rest = rest.dropFirst(done)
        }
    }

    /// Deals with what the kernel rejected of a batch.
    private mutating func settle(
        _ batch: UnsafeBufferPointer<RawRecord>, _ kernel: StageKernel, _ out: inout StageOutput, _ wall: EventTime
    ) {
        let rejected = out.bad
        out.bad.removeAll(keepingCapacity: true)
        for bad in rejected {
            guard let index = batch.firstIndex(where: { $0.offset == bad.offset }) else {
                letters.append(letter(bad, wall))
                continue
            }
            var last = bad
            var attempts = 1
            var isSettled = false
            while !isSettled, last.cause == .threw, attempts < policy.attempts {
                attempts += 1
                kernel.process(UnsafeBufferPointer(rebasing: batch[index...index]), port: port, into: &out)
                if let again = out.bad.popLast() { last = again } else { isSettled = true }
            }
            if isSettled { continue }
            letters.append(letter(batch[index], last.reason, attempts: attempts, wall))
            if policy.then == .parkKey, let key = batch[index].key { park(Array(key)) }
        }
    }

    private mutating func park(_ key: [UInt8]) {
        guard parked.count < Limits.parkedKeys, parked.insert(key).inserted else { return }
        changes.append((key, true))
    }

    /// Lets keys through again, each from an offset on: where their redriven records begin.
    mutating func unpark(_ keys: [[UInt8]: Int64]) {
        for (key, offset) in keys where parked.contains(key) { unparking[key] = offset }
    }

    /// Whether the record has to follow an earlier one of its key to the dead letters.
    private mutating func isHeld(_ record: RawRecord) -> Bool {
        guard !parked.isEmpty, let bytes = record.key else { return false }
        let key = Array(bytes)
        guard parked.contains(key) else { return false }
        guard let offset = unparking[key], record.offset >= offset else { return true }
        parked.remove(key)
        unparking[key] = nil
        changes.append((key, false))
        return false
    }

    /// What the kernel rejected while no record of this input was on its way: a window's result, a timer's. There is no
    /// record to send again, but the loss is told like any other.
    mutating func settle(_ rejected: [BadRecord], attemptAt wall: EventTime) {
        for bad in rejected { letters.append(letter(bad, wall)) }
    }

    /// What a source could not read as a record.
    mutating func reject(_ rejected: RejectedInput, at wall: EventTime) {
        let value = UnsafeRawBufferPointer?.none
        let place = RawRecord(offset: rejected.position, timestamp: wall, key: nil, value: value)
        var letter = letter(place, rejected.reason, attempts: 1, wall)
        letter.value = rejected.value
        letters.append(letter)
    }

    private func letter(_ bad: BadRecord, _ wall: EventTime) -> DeadLetter {
        DeadLetter(
            partition: 0, offset: 0, pipeline: task.pipeline, release: release, sourceTopic: input,
            sourcePartition: task.partition, sourceOffset: DeadLetter.noOffset, key: nil, value: nil,
            error: "a result of \(bad.step ?? "a step"), when time went on: \(bad.reason)", attempts: 1, at: wall)
    }

    private func letter(_ record: RawRecord, _ error: String, attempts: Int, _ wall: EventTime) -> DeadLetter {
        DeadLetter(
            partition: 0, offset: 0, pipeline: task.pipeline, release: release, sourceTopic: input,
            sourcePartition: task.partition, sourceOffset: record.offset, key: record.key.map(Array.init),
            value: record.value.map(Array.init), error: error, attempts: attempts, at: wall)
    }

    // MARK: State

    /// Parked keys are entries of a step without a name, which no operator has; behind it the input's number.
    private let prefix: [UInt8]

    mutating func takeDelta(into delta: inout StateDelta) {
        for change in changes {
            if change.isParked {
                delta.put(key: { writeKey(change.key, into: &$0) }, value: { _ in })
            } else {
                delta.remove { writeKey(change.key, into: &$0) }
            }
        }
        changes.removeAll()
    }

    mutating func restore(from reader: any StateReader) throws(Failure) {
        parked = Set(try Self.parked(port: port, in: reader, limit: .max))
    }

    private static func prefix(_ port: Int) -> [UInt8] {
        StateSchema.prefix("", .entry) + [UInt8(truncatingIfNeeded: port)]
    }

    /// The keys of an input that were parked at the task's last commit, in the order of their bytes.
    static func parked(port: Int, in reader: any StateReader, limit: Int) throws(Failure) -> [[UInt8]] {
        var found: [[UInt8]] = []
        guard limit > 0 else { return found }
        try prefix(port).lending { (prefix) throws(Failure) in
            try reader.scan(prefix: prefix) { key, _ in
                found.append(Array(key.dropFirst(prefix.count)))
                return found.count < limit
            }
        }
        return found
    }

    private func writeKey(_ key: [UInt8], into writer: inout ByteWriter) {
        writer.raw(prefix)
        writer.raw(key)
    }
}
