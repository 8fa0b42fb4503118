internal import MillraceCore

/// A named row of partitions.
public final class Topic: Sendable {
    public let name: String
    let directory: String
    let context: StoreContext
    let settings: TopicSettings
    let points: RecoveryPoints
    private let state: Lock<[Partition]>

    init(
        name: String, directory: String, context: StoreContext, settings: TopicSettings, points: RecoveryPoints,
        partitions: [Partition]
    ) {
        (self.name, self.directory, self.context) = (name, directory, context)
        (self.settings, self.points) = (settings, points)
        state = Lock(partitions)
    }

    public var partitions: [Partition] { state.withLock { $0 } }
    public var configuration: TopicConfiguration { settings.current }
    /// The metadata was lost and made anew: nothing is deleted until the topic is altered.
    public var isRebuilt: Bool { settings.metadata.isRebuilt }

    func append(_ partitions: [Partition]) { state.withLock { $0 += partitions } }

    /// Makes a new partition's directory and the partition; the directory is durable after a sync of the topic's.
    static func newPartition(
        _ index: Int, topic: String, directory: String, context: StoreContext, settings: TopicSettings,
        points: RecoveryPoints
    ) throws(IOFault) -> Partition {
        let path = "\(directory)/\(index)"
        try context.storage.makeDirectory(path)
        return Partition(
            topic: topic, index: index, directory: path, context: context, settings: settings, points: points,
            state: Partition.State(
                segments: [], start: 0, end: 0, durable: 0, epoch: 0, producers: ProducerStates(), hasState: false))
    }
}
