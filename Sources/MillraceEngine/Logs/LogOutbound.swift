internal import MillraceCore
internal import MillraceFlow
internal import MillraceLog

/// Puts a task's records into topics of the embedded log as transactions whose decision is the task's commit (design
/// D8).
///
/// One caller at a time, on threads that may block. A transaction's batches carry the task's producer id and are
/// invisible to readers of committed records until `publish` has written the markers.
final class LogOutbound: OutboundLogs {
    /// Where the different kinds of records go; `nil` for what the task does not make.
    struct Topics: Sendable {
        var shuffle: Topic?
        var result: Topic?
        var sides: [String: Topic] = [:]
        var deadLetters: Topic?
        /// For who reads the changes of the table that the rows go into.
        var changes: Topic?

        var all: [Topic] {
            [shuffle, result, deadLetters, changes].compactMap { $0 } + sides.sorted { $0.key < $1.key }.map(\.value)
        }
    }
    private struct State {
        var identity = ProducerIdentity(id: -1, epoch: -1)
        /// Partitions that hold records of the transaction under way, and where those begin.
        var open: [(partition: Partition, part: TransactionPart)] = []
        /// Decided transactions whose markers may not be on the disk yet: they were written, and nothing behind them in
        /// their partition has been synced. A later mark still has to name them, or a power cut would abort them.
        var unsynced: [ObjectIdentifier: TransactionPart] = [:]
        var shuffled: [ShuffledRange] = []
    }

    private let task: TaskAddress
    private let topics: Topics
    private let producers: TaskProducers
    private let clock: any RuntimeClock
    private let drive: @Sendable () -> Void
    private let state = Lock(State())

    /// - Parameter drive: does the log's work in simulations, where it has no threads.
    init(
        _ task: TaskAddress, topics: Topics, producers: TaskProducers, clock: any RuntimeClock,
        drive: @escaping @Sendable () -> Void = {}
    ) {
        (self.task, self.topics, self.producers, self.clock) = (task, topics, producers, clock)
        self.drive = drive
    }

    func recover(_ decided: [TransactionPart]) throws(Failure) {
        let partitions = topics.all.flatMap(\.partitions)
        let identity = try producers.next(for: task, in: partitions)
        // What the last mark names has a marker by now, or gets one; an earlier run may not have synced it.
        var unsynced: [ObjectIdentifier: TransactionPart] = [:]
        var markers: [(Partition, EncodedBatch)] = []
        for partition in partitions {
            let id = ObjectIdentifier(partition)
            unsynced[id] = decided.first { $0.topic == partition.topic && $0.partition == partition.index }
            for open in partition.openTransactions where open.producerID == identity.id {
                let part = TransactionPart(
                    topic: partition.topic, partition: partition.index, firstOffset: open.firstOffset)
                markers.append((partition, marker(identity, isCommit: decided.contains(part))))
                unsynced[id] = nil
            }
        }
        _ = try BlockingAppends.append(
            markers.map { ($0.0, [$0.1]) }, acknowledgement: .durable, drive: drive)
        let state = State(identity: identity, unsynced: unsynced)
        self.state.withLock { $0 = state }
    }

    func prepare(_ outbox: Outbox) throws(Failure) -> [TransactionPart] {
        let identity = state.withLock { $0.identity }
        var batches = PartitionedBatches(identity, clock: clock)
        if let shuffle = topics.shuffle {
            try batches.add(outbox.records, to: shuffle) { record, count in Int(record.hash % UInt64(count)) }
            for watermark in outbox.marks { batches.addMark(watermark, to: shuffle) }
        } else if let result = topics.result {
            try batches.add(outbox.records, to: result, choose: byKafkasRule)
        }
        if let changes = topics.changes { try batches.add(outbox.rows, to: changes) }
        for side in outbox.sides {
            if let topic = topics.sides[side.name] { try batches.add(side.records, to: topic, choose: byKafkasRule) }
        }
        if let topic = topics.deadLetters { try batches.add(outbox.deadLetters, to: topic) }
        let ready = batches.finish()
        let taken = try BlockingAppends.append(ready, acknowledgement: .durable, drive: drive)
        let open = zip(ready, taken).map { batch, offsets in
            (
                partition: batch.0,
                part: TransactionPart(
                    topic: batch.0.topic, partition: batch.0.index, firstOffset: offsets.lowerBound)
            )
        }
        return state.withLock { state in
            state.open = open
            if let shuffle = topics.shuffle {
                state.shuffled = zip(ready, taken).filter { $0.0.0.topic == shuffle.name }
                    .map { ShuffledRange(partition: $0.0.index, offsets: $1) }
            }
            // What is synced has everything before it in its partition on the disk.
            if !state.unsynced.isEmpty {
                for (partition, _) in open { state.unsynced[ObjectIdentifier(partition)] = nil }
            }
            let earlier = state.unsynced.values.sorted { ($0.topic, $0.partition) < ($1.topic, $1.partition) }
            return open.map(\.part) + earlier
        }
    }

    var shuffled: [ShuffledRange] { state.withLock { $0.shuffled } }

    func publish() throws(Failure) {
        let (identity, open) = state.withLock { state in
            defer { state.open = [] }
            return (state.identity, state.open)
        }
        // A marker need not be synced: after a crash the decision in the store writes it again.
        _ = try BlockingAppends.append(
            open.map { ($0.partition, [marker(identity, isCommit: true)]) }, acknowledgement: nil, drive: drive)
        state.withLock { state in
            for (partition, part) in open { state.unsynced[ObjectIdentifier(partition)] = part }
        }
    }

    private func marker(_ identity: ProducerIdentity, isCommit: Bool) -> EncodedBatch {
        var properties = RecordBatchBuilder.Properties()
        (properties.producerID, properties.producerEpoch) = (identity.id, identity.epoch)
        return RecordBatchBuilder.control(
            isCommit ? .commit(coordinatorEpoch: 0) : .abort(coordinatorEpoch: 0),
            milliseconds: clock.wall.flooredMilliseconds, properties: properties)
    }

    /// As Kafka's producers choose, so that other programs' records of a key meet ours; without a key, all of a task's
    /// go one way.
    private func byKafkasRule(_ record: RecordBuffer.View, _ count: Int) -> Int {
        record.key.map { Partitioner.partition(ofKey: $0, among: count) } ?? task.partition % count
    }
}

/// One transaction's records sorted by partition and made into batches.
private struct PartitionedBatches {
    private struct Lane {
        let partition: Partition
        let builder: RecordBatchBuilder
        var done: [EncodedBatch] = []
    }
    private let properties: RecordBatchBuilder.Properties
    private let clock: any RuntimeClock
    /// In the order in which partitions were first used.
    private var lanes: [Lane] = []
    private var index: [String: [Int: Int]] = [:]

    init(_ identity: ProducerIdentity, clock: any RuntimeClock) {
        var properties = RecordBatchBuilder.Properties()
        (properties.producerID, properties.producerEpoch) = (identity.id, identity.epoch)
        properties.isTransactional = true
        (self.properties, self.clock) = (properties, clock)
    }

    mutating func add(
        _ records: RecordBuffer, to topic: Topic, choose: (RecordBuffer.View, _ count: Int) -> Int
    ) throws(Failure) {
        let partitions = topic.partitions
        var failure: Failure?
        records.forEach { record in
            guard failure == nil else { return }
            do throws(Failure) {
                let lane = lane(partitions[choose(record, partitions.count)])
                makeRoom(in: lane, for: (record.key?.count ?? 0) + record.value.count)
                try lanes[lane].builder.append(key: record.key, value: record.value, timestamp: record.time)
            } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Rows as lines of JSON, by their partition key.
    mutating func add(_ rows: RowBuffer, to topic: Topic) throws(Failure) {
        let partitions = topic.partitions
        var failure: Failure?
        RowLines.forEach(rows) { row, key, value in
            guard failure == nil else { return }
            do throws(Failure) {
                let lane = lane(partitions[Partitioner.partition(ofKey: key, among: partitions.count)])
                makeRoom(in: lane, for: key.count + value.count)
                try lanes[lane].builder.append(key: key, value: value, timestamp: rows.time(ofRow: row))
            } catch { failure = error }
        }
        if let failure { throw failure }
    }

    mutating func add(_ letters: [DeadLetter], to topic: Topic) throws(Failure) {
        let partitions = topic.partitions
        for letter in letters {
            let lane = lane(partitions[letter.sourcePartition % partitions.count])
            makeRoom(in: lane, for: (letter.key?.count ?? 0) + (letter.value?.count ?? 0) + letter.error.utf8.count)
            try lanes[lane].builder.append(
                key: letter.key, value: letter.value, milliseconds: letter.at.flooredMilliseconds,
                headers: letter.headers)
        }
    }

    /// Tells every reader of the shuffle how far this producer is, behind its records.
    mutating func addMark(_ watermark: EventTime, to topic: Topic) {
        let milliseconds = clock.wall.flooredMilliseconds
        for partition in topic.partitions {
            let lane = lane(partition)
            finish(lane)
            lanes[lane].done.append(
                RecordBatchBuilder.control(.watermark(watermark), milliseconds: milliseconds, properties: properties))
        }
    }

    mutating func finish() -> [(Partition, [EncodedBatch])] {
        for lane in lanes.indices { finish(lane) }
        return lanes.map { ($0.partition, $0.done) }
    }

    private mutating func lane(_ partition: Partition) -> Int {
        if let known = index[partition.topic]?[partition.index] { return known }
        lanes.append(Lane(partition: partition, builder: RecordBatchBuilder(properties)))
        index[partition.topic, default: [:]][partition.index] = lanes.count - 1
        return lanes.count - 1
    }
    private mutating func finish(_ lane: Int) {
        if !lanes[lane].builder.isEmpty { lanes[lane].done.append(lanes[lane].builder.finish()) }
    }
    private mutating func makeRoom(in lane: Int, for bytes: Int) {
        if lanes[lane].builder.byteCount + bytes > Limits.outboundBatchBytes { finish(lane) }
    }
}
