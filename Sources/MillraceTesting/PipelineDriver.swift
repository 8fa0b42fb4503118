public import MillraceCore
public import MillraceFlow

/// Runs a pipeline in memory, step by step, with time in the test's hands: no disk, no thread, no clock.
///
/// Every source has `partitions` partitions, and so has every shuffle. Each step (`feed`, `advance`, `tick`) runs all
/// stages to the end, as if a commit followed it.
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
    private var combiners: [WatermarkCombiner] = []
    private var offsets: [Int64]
    private var out = StageOutput()
    private var sent: [String: [RecordBuffer]] = [:]

    public init(_ pipeline: P, partitions: Int = 1, seed: UInt64 = 1) throws(Failure) {
        precondition(partitions > 0, "a pipeline needs a partition")
        plan = try Plan(values: pipeline, into: buffer)
        (self.partitions, self.seed) = (partitions, seed)
        offsets = Array(repeating: 0, count: partitions)
        for stage in plan.stages {
            kernels.append((0..<partitions).map { stage.makeKernel(KernelOptions(seed: seed &+ UInt64($0))) })
            combiners.append(WatermarkCombiner(producers: partitions))
        }
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
    /// Appends bytes, good or bad, to a partition of the source.
    public func feed(
        key: [UInt8]?, value: [UInt8]?, to partition: Int = 0, port: Int = 0, at time: EventTime = .distantPast
    ) {
        let offset = offsets[partition]
        offsets[partition] += 1
        lend(key) { key in
            lend(value) { value in
                let raw = RawRecord(offset: offset, timestamp: time, key: key, value: value)
                withUnsafePointer(to: raw) { pointer in
                    let batch = UnsafeBufferPointer(start: pointer, count: 1)
                    _ = kernels[0][partition].process(batch, port: port, into: &out)
                }
            }
        }
        settle(0, partition)
    }

    /// No record before `watermark` will come, in any partition.
    public func advance(to watermark: EventTime) {
        for partition in 0..<partitions { advance(to: watermark, partition: partition) }
    }
    public func advance(to watermark: EventTime, partition: Int) {
        kernels[0][partition].advance(to: watermark, into: &out)
        settle(0, partition)
    }
    /// The wall clock moves on.
    public func tick(wall: EventTime) {
        for stage in kernels.indices {
            for partition in 0..<partitions {
                kernels[stage][partition].tick(wall: wall, into: &out)
                settle(stage, partition)
            }
        }
    }

    /// The watermark of the last stage: the lowest of its partitions.
    public var watermark: EventTime { kernels[kernels.count - 1].map(\.watermark).min() ?? .distantPast }
    public func watermark(ofPartition partition: Int) -> EventTime { kernels[0][partition].watermark }
    /// Late records that had no side output to go to.
    public var lateDropped: Int { kernels.joined().reduce(0) { $0 + $1.lateDropped } }

    public func removeOutput() { buffer.removeAll() }

    private func settle(_ stage: Int, _ partition: Int) {
        let kernel = kernels[stage][partition]
        kernel.advance(to: kernel.observed, into: &out)
        kernel.flush(into: &out)
        bad += out.bad
        let records = out.records
        out.removeAll()
        guard stage + 1 < kernels.count else { return }
        records.forEach { view in
            let target = Int(view.hash % UInt64(partitions))
            let raw = RawRecord(offset: -1, timestamp: view.time, key: view.key, value: view.value)
            withUnsafePointer(to: raw) { pointer in
                _ = kernels[stage + 1][target].process(UnsafeBufferPointer(start: pointer, count: 1), into: &out)
            }
            settle(stage + 1, target)
        }
        let combined = combiners[stage].update(partition, watermark: kernel.watermark)
        for target in 0..<partitions where kernels[stage + 1][target].watermark < combined {
            kernels[stage + 1][target].advance(to: combined, into: &out)
            settle(stage + 1, target)
        }
    }
}

func lend(_ bytes: [UInt8]?, _ body: (UnsafeRawBufferPointer?) -> Void) {
    guard let bytes else { return body(nil) }
    bytes.withUnsafeBytes { body($0) }
}
