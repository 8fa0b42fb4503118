import MillraceCore

/// Lets event time go on at the wall clock's pace when a source brings nothing, so that a window always fires.
struct Idleness {
    private let after: TimeSpan?
    private var lastRecord = EventTime.distantPast
    private var observedThen = EventTime.distantPast
    private(set) var isIdle = false

    init(after: TimeSpan?) { self.after = after }

    mutating func sawRecord(wall: EventTime) {
        lastRecord = wall
        isIdle = false
    }
    /// Returns where event time stands by the wall clock, when the source is idle and has had a record.
    mutating func tick(wall: EventTime, observed: EventTime) -> EventTime? {
        guard let after else { return nil }
        if lastRecord == .distantPast { lastRecord = wall }
        guard wall - lastRecord >= after else {
            observedThen = observed
            return nil
        }
        if !isIdle { observedThen = observed }
        isIdle = true
        guard observedThen != .distantPast else { return nil }
        return observedThen + (wall - lastRecord)
    }
}
