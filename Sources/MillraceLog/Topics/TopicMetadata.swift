internal import MillraceCore

/// What is stored about a topic besides its data.
struct TopicMetadata: Hashable, Sendable {
    static let fileName = "topic.meta"
    private static let file = CheckedFile(magic: "MRTOPIC\n", version: 1)

    var configuration: TopicConfiguration
    /// A topic whose deletion has begun: what is left of it goes at the next start.
    var isDeleted = false
    /// The metadata was lost and made anew from the data: retention stays off until someone alters the topic.
    var isRebuilt = false

    func encode() -> [UInt8] {
        let c = configuration
        var writer = ByteWriter(capacity: 128)
        writer.integer(UInt32(c.partitions))
        writer.integer(c.segmentBytes)
        writer.integer(c.segmentAge.microseconds)
        writer.integer(c.retentionTime?.microseconds ?? -1)
        writer.integer(c.retentionBytes ?? -1)
        writer.byte(c.cleanup.rawValue)
        writer.byte(c.timestamps.rawValue)
        writer.integer(UInt32(c.maxBatchBytes))
        writer.byte(c.durability.rawValue)
        writer.integer(c.futureLimit?.microseconds ?? -1)
        writer.integer(c.tombstoneRetention.microseconds)
        writer.integer(c.compactionLag.microseconds)
        writer.byte(UInt8(c.dirtyPercent))
        writer.byte(isDeleted ? 1 : 0)
        writer.byte(isRebuilt ? 1 : 0)
        return Self.file.encode(writer.bytes)
    }

    init(_ configuration: TopicConfiguration, isRebuilt: Bool = false) {
        (self.configuration, self.isRebuilt) = (configuration, isRebuilt)
    }

    init(decoding bytes: [UInt8]) throws(ByteFault) {
        let payload = try Self.file.decode(bytes)
        self = try payload.lending { (raw) throws(ByteFault) in
            var reader = ByteReader(raw)
            var c = TopicConfiguration()
            c.partitions = Int(try reader.integer(UInt32.self))
            c.segmentBytes = try reader.integer()
            c.segmentAge = TimeSpan(microseconds: try reader.integer())
            c.retentionTime = Self.optional(try reader.integer()).map { TimeSpan(microseconds: $0) }
            c.retentionBytes = Self.optional(try reader.integer())
            c.cleanup = TopicConfiguration.Cleanup(rawValue: try reader.byte())
            guard let timestamps = TopicConfiguration.TimestampKind(rawValue: try reader.byte()) else {
                throw ByteFault(.unknownValue, at: reader.position)
            }
            c.timestamps = timestamps
            c.maxBatchBytes = Int(try reader.integer(UInt32.self))
            guard let durability = Acknowledgement(rawValue: try reader.byte()) else {
                throw ByteFault(.unknownValue, at: reader.position)
            }
            c.durability = durability
            c.futureLimit = Self.optional(try reader.integer()).map { TimeSpan(microseconds: $0) }
            c.tombstoneRetention = TimeSpan(microseconds: try reader.integer())
            c.compactionLag = TimeSpan(microseconds: try reader.integer())
            c.dirtyPercent = Int(try reader.byte())
            var metadata = TopicMetadata(c)
            metadata.isDeleted = try reader.byte() != 0
            metadata.isRebuilt = try reader.byte() != 0
            try reader.expectEnd()
            do { try c.validate() } catch { throw ByteFault(.impossibleCount, at: 0) }
            return metadata
        }
    }

    private static func optional(_ value: Int64) -> Int64? { value < 0 ? nil : value }
}
