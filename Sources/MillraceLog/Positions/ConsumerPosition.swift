public import MillraceCore

/// A partition by name.
public struct TopicPartition: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var topic: String
    public var partition: Int
    public init(_ topic: String, _ partition: Int) { (self.topic, self.partition) = (topic, partition) }
    public static func < (a: Self, b: Self) -> Bool { (a.topic, a.partition) < (b.topic, b.partition) }
    public var description: String { "\(topic)/\(partition)" }
}

/// How far a group has read a partition.
public struct ConsumerPosition: Hashable, Sendable {
    /// The offset to be read next.
    public var offset: Int64
    /// The leader epoch it was read under: tells a reader that the log was cut back since.
    public var epoch: Int32
    public var committed: EventTime
    /// Whatever the consumer wants to remember with it; up to 4,096 bytes are kept.
    public var metadata: String

    public init(offset: Int64, epoch: Int32 = 0, committed: EventTime = .distantPast, metadata: String = "") {
        (self.offset, self.epoch, self.committed, self.metadata) = (offset, epoch, committed, metadata)
    }
}

/// How much a group has left to read in a partition.
public struct ConsumerLag: Hashable, Sendable {
    public var records: Int64
    /// Age of the next unread record; zero when there is none.
    public var time: TimeSpan
}

extension LogStore {
    /// How far behind a group is in a partition; nil when it has no position there.
    public func lag(group: String, topic name: String, partition: Int) throws(Failure) -> ConsumerLag? {
        guard let position = try positions.position(group: group, topic: name, partition: partition) else { return nil }
        guard let topic = topic(name), topic.partitions.indices.contains(partition) else {
            throw Failure(.notFound, "There is no partition \(name)/\(partition)", advice: "Delete its position")
        }
        return try topic.partitions[partition].lag(at: position.offset)
    }
}

extension Partition {
    /// How much is left to read from an offset on.
    public func lag(at offset: Int64, isolation: Isolation = .readCommitted) throws(Failure) -> ConsumerLag {
        let bounds = bounds(isolation)
        let next = max(offset, bounds.start)
        guard next < bounds.visible else { return ConsumerLag(records: 0, time: .zero) }
        let reader = try LogReader(partition: self, from: next, isolation: isolation)
        let decompressor = Decompressor()
        var oldest: Int64?
        while oldest == nil, let lent = try reader.next(maxBytes: 64 << 10) {
            for batch in lent.batches where oldest == nil {
                do throws(ByteFault) {
                    var cursor = try batch.records(using: decompressor)
                    while oldest == nil, let record = try cursor.next() {
                        if record.offset >= next { oldest = record.milliseconds }
                    }
                } catch { oldest = batch.header.maxMilliseconds }
            }
        }
        let age = oldest.map { context.clock.wall - .milliseconds($0) } ?? .zero
        return ConsumerLag(records: bounds.visible - next, time: max(.zero, age))
    }
}
