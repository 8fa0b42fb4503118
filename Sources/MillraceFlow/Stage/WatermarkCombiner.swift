public import MillraceCore

/// The watermark of a stage that several producers send to: the lowest of those that are not idle.
///
/// When all are idle it is the highest, so that what they left behind still fires. It never goes back.
public struct WatermarkCombiner: Sendable {
    public struct Producer: Sendable, Hashable {
        public var watermark = EventTime.distantPast
        public var isIdle = false
        /// The wall clock when the watermark last moved.
        public var since = EventTime.distantPast
    }
    public private(set) var producers: [Producer]
    public private(set) var combined = EventTime.distantPast

    public init(producers count: Int) { producers = Array(repeating: Producer(), count: count) }

    /// Takes a producer's word and returns the combined watermark.
    @discardableResult
    public mutating func update(
        _ producer: Int, watermark: EventTime, isIdle: Bool = false, wall: EventTime = .distantPast
    ) -> EventTime {
        if watermark > producers[producer].watermark {
            producers[producer].watermark = watermark
            producers[producer].since = wall
        }
        producers[producer].isIdle = isIdle
        let active = producers.lazy.filter { !$0.isIdle }
        let next = active.map(\.watermark).min() ?? producers.lazy.map(\.watermark).max() ?? .distantPast
        combined = max(combined, next)
        return combined
    }

    /// The producer that keeps the watermark where it is.
    public var holder: Int? {
        producers.indices.filter { !producers[$0].isIdle }.min { producers[$0].watermark < producers[$1].watermark }
    }
}
