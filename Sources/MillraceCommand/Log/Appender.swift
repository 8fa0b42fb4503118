import MillraceCore
import MillraceLog

/// Batches records by partition and hands the batches on, with a bound on what is on its way.
///
/// Keyed records go where Kafka's default partitioner sends them; unkeyed ones fill a batch of one partition, then the
/// next one's.
final class Appender {
    private let partitions: [Partition]
    private let builders: [RecordBatchBuilder]
    private let acknowledgement: Acknowledgement?
    private let batchBytes: Int
    private var sticky = 0
    private(set) var records: Int64 = 0

    private struct Flight: Sendable {
        var bytes = 0
        var failure: Failure?
        var appendedBytes: Int64 = 0
    }
    private let flight = ThreadMonitor(Flight())

    init(_ partitions: [Partition], compression: Compression, batchBytes: Int, acknowledgement: Acknowledgement?) {
        (self.partitions, self.batchBytes, self.acknowledgement) = (partitions, batchBytes, acknowledgement)
        var properties = RecordBatchBuilder.Properties()
        properties.compression = compression
        builders = partitions.map { _ in RecordBatchBuilder(properties, capacity: 4 << 10) }
    }

    var appendedBytes: Int64 { flight.withLock { $0.appendedBytes } }

    func append(_ value: UnsafeRawBufferPointer, milliseconds: Int64) throws(Failure) {
        let builder = builders[sticky]
        try makeRoom(for: value.count, in: sticky)
        try builder.append(key: nil, value: value, milliseconds: milliseconds)
        records += 1
        if builder.byteCount >= batchBytes {
            try send(sticky)
            sticky = (sticky + 1) % partitions.count
        }
    }

    func append(_ record: InputForm.Record, milliseconds: Int64, to given: Int?) throws(Failure) {
        let index: Int
        if let chosen = given ?? record.partition {
            guard partitions.indices.contains(chosen) else {
                throw Failure(
                    .invalidArgument, "there is no partition \(chosen)", advice: "Choose 0 to \(partitions.count - 1)")
            }
            index = chosen
        } else if let key = record.key {
            index = key.withUnsafeBytes { Partitioner.partition(ofKey: $0, among: partitions.count) }
        } else {
            index = sticky
        }
        try makeRoom(for: (record.key?.count ?? 0) + (record.value?.count ?? 0), in: index)
        try builders[index].append(
            key: record.key, value: record.value, milliseconds: record.milliseconds ?? milliseconds,
            headers: record.headers)
        records += 1
        if builders[index].byteCount >= batchBytes {
            try send(index)
            if index == sticky { sticky = (sticky + 1) % partitions.count }
        }
    }

    /// Hands on what was collected, without waiting for it.
    func flush() throws(Failure) {
        for index in builders.indices where !builders[index].isEmpty { try send(index) }
    }

    /// Hands on everything and waits until all of it is acknowledged.
    func finish() throws(Failure) {
        try flush()
        try wait(untilBelow: 1)
    }

    /// A batch ends before a record that would take it past what the topic accepts.
    private func makeRoom(for bytes: Int, in index: Int) throws(Failure) {
        let overhead = 64
        let builder = builders[index]
        if !builder.isEmpty, builder.byteCount + bytes + overhead > batchBytes { try send(index) }
    }

    private func send(_ index: Int) throws(Failure) {
        let batch = builders[index].finish()
        try wait(untilBelow: Limits.appendBytesInFlight)
        let (bytes, flight) = (batch.count, flight)
        flight.withLock { $0.bytes += bytes }
        partitions[index].append(batch, acknowledgement: acknowledgement) { outcome in
            flight.withLock {
                $0.bytes -= bytes
                switch outcome {
                case .success: $0.appendedBytes += Int64(bytes)
                case .failure(let failure): if $0.failure == nil { $0.failure = failure }
                }
            }
            flight.broadcast()
        }
    }

    private func wait(untilBelow bytes: Int) throws(Failure) {
        let failure: Failure? = flight.wait { flight in
            if let failure = flight.failure { return .done(failure) }
            return flight.bytes < bytes ? .done(nil) : .wait(until: nil)
        }
        if let failure { throw failure }
    }
}
