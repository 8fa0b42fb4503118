public import MillraceCore
public import MillraceFlow

/// Time drawn as text: one character per unit of time. `-` is nothing, `|` says that the watermark has come here, a
/// group in parentheses happens at one moment, blanks are ignored, and everything else is a record.
///
///     a-b(ac)--|      a at 0, b at 2, a and c at 3, watermark at 6
public struct Marbles: Sendable {
    public enum Event: Sendable, Hashable {
        case record(Character)
        case watermark
    }
    public let events: [(event: Event, time: EventTime)]

    public init(_ drawing: String, unit: TimeSpan = .seconds(1), from start: EventTime = .seconds(0)) {
        var events: [(Event, EventTime)] = []
        var time = start
        var isGroup = false
        for character in drawing where character != " " {
            switch character {
            case "(": isGroup = true
            case ")":
                isGroup = false
                time = time + unit
                continue
            case "-": break
            case "|": events.append((.watermark, time))
            default: events.append((.record(character), time))
            }
            if !isGroup { time = time + unit }
        }
        self.events = events
    }
}

extension PipelineDriver {
    /// Feeds a drawing, with `record` making the record of a character and its time.
    public func play(
        _ drawing: String, unit: TimeSpan = .seconds(1), to partition: Int = 0,
        _ record: (Character, EventTime) throws -> P.Input
    ) rethrows {
        for (event, time) in Marbles(drawing, unit: unit).events {
            switch event {
            case .record(let character): feed(try record(character, time), to: partition)
            case .watermark: advance(to: time)
            }
        }
    }
}

/// Runs every case twice: once through, and once with a restart from the stored state before every step. Both must say
/// the same.
public final class RestartDriver<P: Pipeline> where P.Input: Record {
    public let plain: PipelineDriver<P>
    public let restarted: PipelineDriver<P>
    /// Also drops all clean state from memory at every step, so that everything is read back.
    public let evicts: Bool

    public init(_ pipeline: P, partitions: Int = 1, seed: UInt64 = 1, evicts: Bool = false) throws(Failure) {
        plain = try PipelineDriver(pipeline, partitions: partitions, seed: seed)
        restarted = try PipelineDriver(pipeline, partitions: partitions, seed: seed)
        self.evicts = evicts
    }
    public func feed(
        _ record: P.Input, to partition: Int = 0, port: Int = 0, at time: EventTime = .distantPast
    ) throws(Failure) {
        try restart()
        plain.feed(record, to: partition, port: port, at: time)
        restarted.feed(record, to: partition, port: port, at: time)
    }
    public func advance(to watermark: EventTime) throws(Failure) {
        try restart()
        plain.advance(to: watermark)
        restarted.advance(to: watermark)
    }
    public func tick(wall: EventTime) throws(Failure) {
        try restart()
        plain.tick(wall: wall)
        restarted.tick(wall: wall)
    }
    private func restart() throws(Failure) {
        try restarted.restart()
        if evicts { restarted.evict() }
    }
}

extension RestartDriver where P.Output: Equatable {
    /// What both said, or `nil` when they differ.
    public var output: [P.Output]? { plain.output == restarted.output ? plain.output : nil }
}
