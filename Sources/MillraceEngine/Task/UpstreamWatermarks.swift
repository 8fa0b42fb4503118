internal import MillraceCore

/// The watermark of a stage behind a shuffle: the lowest of its producers', once all have spoken.
///
/// A producer that says `distantPast` is idle: it has seen nothing for a while and holds nobody back until it speaks
/// again. When all are idle the watermark stays.
struct UpstreamWatermarks: Equatable {
    private struct Producer: Equatable {
        var id: Int64
        var watermark: EventTime
        var since: EventTime
    }
    private let expected: Int
    /// In the order in which they first spoke, so that a replay answers the same.
    private var producers: [Producer] = []
    private(set) var combined = EventTime.distantPast

    init(producers expected: Int, restoring combined: EventTime) {
        (self.expected, self.combined) = (expected, combined)
    }

    /// - Returns: whether the combined watermark rose.
    mutating func tell(_ id: Int64, _ watermark: EventTime, at wall: EventTime) -> Bool {
        if let index = producers.firstIndex(where: { $0.id == id }) {
            if producers[index].watermark != watermark { producers[index].since = wall }
            producers[index].watermark = watermark
        } else {
            producers.append(Producer(id: id, watermark: watermark, since: wall))
        }
        guard producers.count >= expected else { return false }
        let active = producers.lazy.filter { $0.watermark != .distantPast }.map(\.watermark).min()
        guard let lowest = active, lowest > combined else { return false }
        combined = lowest
        return true
    }

    /// Who holds the watermark, and since when; for `why`.
    var holder: (text: String, since: EventTime?) {
        if producers.count < expected {
            return ("waiting for \(expected - producers.count) of \(expected) upstream tasks to say anything", nil)
        }
        let active = producers.filter { $0.watermark != .distantPast }
        guard let lowest = active.min(by: { $0.watermark < $1.watermark }) else {
            return ("all \(expected) upstream tasks are idle", producers.map(\.since).max())
        }
        return ("upstream producer \(lowest.id)", lowest.since)
    }
}
