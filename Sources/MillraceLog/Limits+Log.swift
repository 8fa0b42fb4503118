public import MillraceCore

extension Limits {
    /// Partitions of one topic: each costs a file handle and a few hundred bytes.
    public static let partitionsPerTopic = 10_000
}
