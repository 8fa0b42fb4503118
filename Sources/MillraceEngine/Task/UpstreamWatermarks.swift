internal import MillraceCore

/// The watermark of a stage behind shuffles: the lowest of its producers', once all have spoken.
///
/// An idle producer holds nobody back until it speaks again. When all are idle the highest counts, since each goes on
/// with the wall clock: what is left behind still fires (design D11). Part of the task's mark, because a producer that
/// has nothing new to say does not say it again after a restart.
struct UpstreamWatermarks: Equatable, Sendable {
    struct Producer: Equatable, Sendable {
        var id: Int64
        var watermark = EventTime.distantPast
        var isIdle = false
    }
    private let expected: Int
    /// In the order in which they first spoke, so that a replay answers the same.
    private(set) var producers: [Producer]
    private(set) var combined: EventTime

    init(expecting expected: Int, restoring producers: [Producer] = [], combined: EventTime = .distantPast) {
        (self.expected, self.producers, self.combined) = (expected, producers, combined)
    }

    /// Takes a producer's word; `distantPast` says that it is idle.
    ///
    /// - Returns: whether the combined watermark rose.
    mutating func tell(_ id: Int64, _ watermark: EventTime) -> Bool {
        let index: Int
        if let known = producers.firstIndex(where: { $0.id == id }) {
            index = known
        } else {
            producers.append(Producer(id: id))
            index = producers.count - 1
        }
        producers[index].isIdle = watermark == .distantPast
        producers[index].watermark = max(producers[index].watermark, watermark)
        guard producers.count >= expected else { return false }
        let active = producers.lazy.filter { !$0.isIdle }.map(\.watermark).min()
        guard let next = active ?? producers.lazy.map(\.watermark).max(), next > combined else { return false }
        combined = next
        return true
    }

    /// Nothing comes from any producer.
    var isIdle: Bool { producers.count >= expected && producers.allSatisfy(\.isIdle) }

    /// Who holds the watermark, for `why`.
    func holder(named name: (Int64) -> String) -> String {
        if producers.count < expected {
            return "\(expected - producers.count) of \(expected) upstream tasks, which have not said anything yet"
        }
        guard let lowest = producers.filter({ !$0.isIdle }).min(by: { $0.watermark < $1.watermark }) else {
            return "nobody: all \(expected) upstream tasks are idle"
        }
        return name(lowest.id)
    }
}
