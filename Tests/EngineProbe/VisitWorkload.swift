import MillraceCore
import MillraceEngine
import MillraceFlow

/// Views of a page in ten seconds: crosses a shuffle, since the log is split by user.
struct PageViews: Pipeline {
    var body: some Flow<Visit, Pane<UInt32, Int>> {
        Events<Visit>()
            .keyed(by: \.page)
            .window(.tumbling(.seconds(10)), at: \.at, outOfOrder: VisitWorkload.disorder)
            .count()
    }
}

/// The same over a minute, every ten seconds.
struct SlidingViews: Pipeline {
    var body: some Flow<Visit, Pane<UInt32, Int>> {
        Events<Visit>()
            .keyed(by: \.page)
            .window(.sliding(.seconds(60), every: .seconds(10)), at: \.at, outOfOrder: VisitWorkload.disorder)
            .count()
    }
}

/// Visits of a user without a pause of four seconds.
struct Sessions: Pipeline {
    var body: some Flow<Visit, Pane<UInt32, Int>> {
        Events<Visit>()
            .keyed(by: \.user)
            .window(.session(gap: .seconds(4)), at: \.at, outOfOrder: VisitWorkload.disorder)
            .count()
    }
}

/// Visits that were followed by an order from the same page within ten seconds: two logs, two shuffles.
struct Matches: Pipeline {
    var body: some Flow<Visit, Match> {
        Events<Visit>()
            .timed(by: \.at, outOfOrder: VisitWorkload.disorder)
            .keyed(by: \.userAndPage)
            .join(
                Events<Order>()
                    .timed(by: \.at, outOfOrder: VisitWorkload.disorder)
                    .keyed(by: \.visit.userAndPage),
                before: .zero, after: .seconds(10)
            )
            .map(to: Match.self) { Match(visit: $0.value.left, orderSecond: $0.value.right.visit.second) }
    }
}

/// Visits of even pages into another log.
struct EvenPages: Pipeline {
    var body: some Flow<Visit, Visit> { Events<Visit>().filter { $0.page.isMultiple(of: 2) } }
}

/// Visits of a user in ten seconds, of those that are in time; the others go elsewhere. No shuffle: what is late is
/// then decided by a partition's own order.
struct PunctualViews: Pipeline {
    static let late = SideOutput<Visit>("late")
    var body: some Flow<Visit, Pane<UInt32, Int>> {
        Events<Visit>()
            .timed(by: \.at, outOfOrder: VisitWorkload.allowedDisorder)
            .keyed()
            .window(.tumbling(.seconds(10)))
            .late(to: Self.late)
            .count()
    }
}

/// A row of the table of views, as its changes are told.
struct ViewCount: Record, Codable, Hashable {
    var key: UInt32
    var window_start: EventTime
    var value: Int
}

/// The windows in which a page was seen often, out of a table's changes.
struct BusyWindows: Pipeline {
    var body: some Flow<ViewCount, ViewCount> { Events<ViewCount>().filter { $0.value.isMultiple(of: 2) } }
}

/// What the killed child runs, and the data it runs over.
enum VisitWorkload {
    /// Visits stand in the log at most so far behind a later one.
    static let disorder = TimeSpan.seconds(5)
    /// Less than there is: some visits are late.
    static let allowedDisorder = TimeSpan.seconds(2)
    static let closingPage: UInt32 = 99
    static let users: UInt32 = 200

    /// The event times lie in 1970, so the logs keep what they have.
    static let topology: Topology = {
        let visits = Log<Visit>("visits", partitions: 3).keeping()
        let orders = Log<Order>("orders", partitions: 2).keeping()
        return Topology([
            visits.feeds(PageViews()).into(Table("views")),
            Table("views").changes(of: ViewCount.self, partitions: 2).feeds(BusyWindows())
                .into(Log<ViewCount>("busy", partitions: 2).keeping()),
            visits.feeds(PunctualViews()).into(Table("punctual"))
                .side(PunctualViews.late, into: Log<Visit>("late").keeping()),
            visits.feeds(SlidingViews()).into(Table("sliding")),
            visits.feeds(Sessions()).into(Table("sessions")),
            visits.feeds(EvenPages()).into(Log<Visit>("even", partitions: 2).keeping()),
            visits.feeds(Matches(), with: orders).into(Log<Match>("matches", partitions: 2).keeping()),
        ])
    }()

    /// Visits of twenty pages over twenty minutes, then one of each user far later, so that every window closes.
    static func visits(seed: UInt64, count: Int) -> [Visit] {
        var random = SeededRandom(seed: seed)
        return (0..<count).map { any(at: $0 * 1_200 / max(1, count), &random) } + closing
    }
    /// One order for twenty visits, over the same time.
    static func orders(seed: UInt64, count: Int) -> [Order] {
        var random = SeededRandom(seed: ~seed)
        let visits = (0..<count / 20).map { any(at: $0 * 1_200 / max(1, count / 20), &random) }
        return (visits + closing).map(Order.init)
    }
    private static func any(at second: Int, _ random: inout SeededRandom) -> Visit {
        Visit(
            user: .random(in: 0..<users, using: &random), page: .random(in: 0..<20, using: &random),
            second: UInt32(1_000 + second) - .random(in: 0..<5, using: &random))
    }
    private static var closing: [Visit] { (0..<users).map { Visit(user: $0, page: closingPage, second: 5_000) } }
}
