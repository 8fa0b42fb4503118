public import MillraceCore
public import MillraceFlow

/// Runs a pipeline in memory, step by step, with time in the test's hands: no disk, no thread, no clock.
///
/// Every source has `partitions` partitions, and so has every shuffle. Each step (`feed`, `advance`, `tick`) runs all
/// stages to the end, and a commit follows it.
public final class PipelineDriver<P: Pipeline> where P.Input: Record {
    public let plan: Plan
    /// What came out since the start, or since it was last emptied.
    public var output: [P.Output] { buffer.values.map(\.value) }
    /// The results with their event times.
    public var timedOutput: [(value: P.Output, time: EventTime)] { buffer.values }
    public private(set) var bad: [BadRecord] = []

    private let buffer = ValueBuffer<P.Output>()
    private let partitions: Int
    private let seed: UInt64
    /// By stage and partition.
    private var kernels: [[StageKernel]] = []
    private var states: [[MemoryState]] = []
    private var combiners: [WatermarkCombiner] = []
    private var offsets: [Int64]
    private var wall = EventTime.distantPast
    private var out = StageOutput()
    private var sides: [String: RecordBuffer] = [:]
    private var lateBeforeRestart = 0

    public init(_ pipeline: P, partitions: Int = 1, seed: UInt64 = 1) throws(Failure) {
        precondition(partitions > 0, "a pipeline needs a partition")
        plan = try Plan(values: pipeline, into: buffer)
        (self.partitions, self.seed) = (partitions, seed)
        offsets = Array(repeating: 0, count: partitions)
        for stage in plan.stages {
            states.append((0..<partitions).map { _ in MemoryState() })
            kernels.append((0..<partitions).map { makeKernel(stage, $0) })
            // One for all that send to a stage: of a join's sides too, the silent ones hold nobody back.
            combiners.append(WatermarkCombiner(producers: partitions * stage.ports.count))
        }
    }
    private func makeKernel(_ stage: StagePlan, _ partition: Int) -> StageKernel {
        stage.makeKernel(KernelOptions(seed: seed &+ UInt64(partition)))
    }

    /// Appends a record to a partition of the source.
    public func feed(
        _ record: P.Input, to partition: Int = 0, port: Int = 0, at time: EventTime = .distantPast
    ) {
        var key = ByteWriter()
        let hasKey = record.encodeKey(into: &key)
        var value = ByteWriter()
        record.encode(into: &value)
        feed(key: hasKey ? key.bytes : nil, value: value.bytes, to: partition, port: port, at: time)
    }
    /// Appends bytes, good or bad, to a partition of the source. `port` is the log, where the pipeline reads several.
    public func feed(
        key: [UInt8]?, value: [UInt8]?, to partition: Int = 0, port: Int = 0, at time: EventTime = .distantPast
    ) {
        let (stage, local) = plan.reader(ofSource: port)
        let offset = offsets[partition]
        offsets[partition] += 1
        Lending.lend(key) { key in
            Lending.lend(value) { value in
                let raw = RawRecord(offset: offset, timestamp: time, key: key, value: value)
                process(stage, partition, raw, port: local)
            }
        }
        settle(stage, partition)
    }

    /// No record before `watermark` will come, in any partition.
    public func advance(to watermark: EventTime) {
        for partition in 0..<partitions { advance(to: watermark, partition: partition) }
    }
    public func advance(to watermark: EventTime, partition: Int) {
        for stage in plan.stages.indices where plan.stages[stage].readsSource {
            kernels[stage][partition].advance(to: watermark, into: &out)
            settle(stage, partition)
        }
    }
    /// The wall clock moves on.
    public func tick(wall: EventTime) {
        self.wall = wall
        for stage in kernels.indices {
            for partition in 0..<partitions {
                kernels[stage][partition].tick(wall: wall, into: &out)
                settle(stage, partition)
            }
        }
    }

    /// A log of the pipeline's input has ended, in all partitions: no record comes there any more.
    public func end(source: Int = 0) {
        let (stage, port) = plan.reader(ofSource: source)
        for partition in 0..<partitions {
            kernels[stage][partition].end(port: port, into: &out)
            settle(stage, partition)
        }
    }
    /// What a kernel could not read of its stored state; an engine stops the stage with it.
    public var fault: Failure? { kernels.joined().lazy.compactMap(\.fault).first }

    /// The watermark of the last stage: the lowest of its partitions.
    public var watermark: EventTime { kernels[kernels.count - 1].map(\.watermark).min() ?? .distantPast }
    public func watermark(ofPartition partition: Int, stage: Int = 0) -> EventTime {
        kernels[stage][partition].watermark
    }
    /// Late records that had no side output to go to.
    public var lateDropped: Int { lateBeforeRestart + kernels.joined().reduce(0) { $0 + $1.lateDropped } }
    /// Entries of all state tables in memory, and their bytes in the store.
    public var stateEntries: Int { kernels.joined().reduce(0) { $0 + $1.stateEntries } }
    public var storedEntries: Int { states.joined().reduce(0) { $0 + $1.entries.count } }
    public var storeReads: Int { states.joined().reduce(0) { $0 + $1.reads } }

    public func removeOutput() { buffer.removeAll() }

    /// What went to a side output so far.
    public func sideOutput<T: Record>(_ side: SideOutput<T>) throws -> [T] {
        var values: [T] = []
        try sides[side.name]?.forEach { view in values.append(try T.decode(key: view.key, value: view.value)) }
        return values
    }

    /// Throws every kernel away and goes on from the last commit, as after a crash.
    public func restart() throws(Failure) {
        lateBeforeRestart = lateDropped
        for stage in plan.stages {
            for partition in 0..<partitions {
                let watermark = kernels[stage.index][partition].watermark
                let kernel = makeKernel(stage, partition)
                kernel.setWall(wall)
                try kernel.restore(from: states[stage.index][partition], watermark: watermark)
                kernels[stage.index][partition] = kernel
            }
        }
    }
    /// Drops all state from memory that the store has too.
    public func evict() {
        for kernel in kernels.joined() { _ = kernel.evict(downTo: 0) }
    }

    private func process(_ stage: Int, _ partition: Int, _ raw: RawRecord, port: Int) {
        withUnsafePointer(to: raw) { pointer in
            _ = kernels[stage][partition].process(
                UnsafeBufferPointer(start: pointer, count: 1), port: port, into: &out)
        }
    }

    /// What an engine does behind each batch: watermark, commit, and what was sent goes on to the next stage.
    private func settle(_ stage: Int, _ partition: Int) {
        let kernel = kernels[stage][partition]
        kernel.advance(to: kernel.observed, into: &out)
        kernel.flush(into: &out)
        var delta = StateDelta()
        kernel.takeDelta(into: &delta)
        states[stage][partition].apply(delta)
        for (name, records) in kernel.sides.take() { sides[name, default: RecordBuffer()].append(contentsOf: records) }
        bad += out.bad
        let records = out.records
        out.removeAll()
        guard let (next, port) = plan.readers(ofStage: stage) else { return }
        records.forEach { view in
            let target = Int(view.hash % UInt64(partitions))
            process(
                next, target, RawRecord(offset: -1, timestamp: view.time, key: view.key, value: view.value), port: port)
            settle(next, target)
        }
        let combined = combiners[next].update(
            port * partitions + partition, watermark: kernel.outputWatermark, isIdle: kernel.isIdle, wall: wall)
        for target in 0..<partitions where kernels[next][target].watermark < combined {
            kernels[next][target].advance(to: combined, into: &out)
            settle(next, target)
        }
    }
}

enum Lending {
    static func lend(_ bytes: [UInt8]?, _ body: (UnsafeRawBufferPointer?) -> Void) {
        guard let bytes else { return body(nil) }
        bytes.withUnsafeBytes { body($0) }
    }
}

extension StagePlan {
    var readsSource: Bool { ports.contains { if case .source = $0 { true } else { false } } }
}

extension Plan {
    /// The stage that reads a source, and at which of its ports.
    func reader(ofSource index: Int) -> (stage: Int, port: Int) {
        for stage in stages {
            for (port, from) in stage.ports.enumerated() {
                if case .source(index, _) = from { return (stage.index, port) }
            }
        }
        preconditionFailure("the pipeline reads no log number \(index)")
    }
    /// The stage that reads a stage's shuffle, and at which of its ports.
    func readers(ofStage stage: Int) -> (stage: Int, port: Int)? {
        for reader in stages {
            if let port = reader.ports.firstIndex(of: .shuffle(fromStage: stage)) { return (reader.index, port) }
        }
        return nil
    }
}
