import MillraceCore
import MillraceEngine
import MillraceFlow

/// A visit as twelve bytes: user, page, event time in seconds. The record's key is its user.
struct Visit: Record, Equatable {
    var user: UInt32
    var page: UInt32
    var second: UInt32

    var at: EventTime { .seconds(Int64(second)) }

    static func decode(key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?) throws -> Visit {
        guard let value else { throw ByteFault(.truncated, at: 0) }
        var reader = ByteReader(value)
        let visit = try load(from: &reader)
        try reader.expectEnd()
        return visit
    }
    func encode(into writer: inout ByteWriter) { store(into: &writer) }
    func encodeKey(into writer: inout ByteWriter) -> Bool {
        writer.integer(user)
        return true
    }
    func store(into writer: inout ByteWriter) {
        writer.integer(user)
        writer.integer(page)
        writer.integer(second)
    }
    static func load(from reader: inout ByteReader) throws -> Visit {
        Visit(user: try reader.integer(), page: try reader.integer(), second: try reader.integer())
    }
}

/// Views of a page in ten seconds: crosses a shuffle, since the log is split by user.
struct PageViews: Pipeline {
    var body: some Flow<Visit, Pane<UInt32, Int>> {
        Events<Visit>()
            .keyed(by: \.page)
            .window(.tumbling(.seconds(10)), at: \.at, lateness: .seconds(5))
            .count()
    }
}

/// Visits of even pages into another log.
struct EvenPages: Pipeline {
    var body: some Flow<Visit, Visit> { Events<Visit>().filter { $0.page.isMultiple(of: 2) } }
}

/// What the killed child runs, and the data it runs over.
enum VisitWorkload {
    static let topology: Topology = {
        let visits = Log<Visit>("visits", partitions: 3)
        return Topology([
            visits.feeds(PageViews()).into(Table("views")),
            visits.feeds(EvenPages()).into(Log<Visit>("even", partitions: 2)),
        ])
    }()

    /// Visits of twenty pages over two minutes, then one of each user far later, so that every window closes.
    static func visits(seed: UInt64, count: Int) -> [Visit] {
        var random = SeededRandom(seed: seed)
        let visits = (0..<count).map { n in
            Visit(
                user: UInt32.random(in: 0..<50, using: &random), page: UInt32.random(in: 0..<20, using: &random),
                second: UInt32(1_000 + n * 120 / max(1, count)))
        }
        return visits + (0..<50).map { Visit(user: $0, page: 99, second: 2_000) }
    }
}
