import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

private struct Sessions: Pipeline {
    var gap: TimeSpan
    var lateness: TimeSpan
    var outOfOrder: TimeSpan
    var trigger: Trigger
    var body: some Flow<Click, Pane<String, Int>> {
        Events<Click>().keyed()
            .window(.session(gap: gap), at: \.at, lateness: lateness, outOfOrder: outOfOrder, trigger: trigger)
            .sum(\.amount)
    }
}

/// Every result of sessions with triggers, computed anew from all records that are not over.
private struct SessionModel {
    struct Place: Hashable { var key: String, start: Int64, end: Int64 }
    struct Sent { var place: Place, value: Int, index: Int, timing: PaneInfo.Timing }
    let gap: Int64
    let lateness: Int64
    let trigger: Trigger
    var live: [(click: Click, isNew: Bool)] = []
    var fired: [Place: Int] = [:]
    var over: Set<Place> = []
    var sent: [Sent] = []
    var late = 0
    var panes: [Pane<String, Int>] = []

    init(gap: Int64, lateness: Int64, trigger: Trigger) {
        (self.gap, self.lateness, self.trigger) = (gap, lateness, trigger)
    }
    /// Places of records in `live`, session by session.
    func sessions() -> [[Int]] {
        var made: [[Int]] = []
        let sorted = live.indices.sorted {
            (live[$0].click.page, live[$0].click.at, $0) < (live[$1].click.page, live[$1].click.at, $1)
        }
        for index in sorted {
            if let last = made.last?.last, live[last].click.page == live[index].click.page,
                (live[index].click.at - live[last].click.at).microseconds < gap
            {
                made[made.count - 1].append(index)
            } else {
                made.append([index])
            }
        }
        return made
    }
    func place(_ session: [Int]) -> Place {
        let (first, last) = (live[session[0]].click, live[session[session.count - 1]].click)
        return Place(key: first.page, start: first.at.microseconds, end: last.at.microseconds + gap)
    }
    mutating func feed(_ click: Click, _ watermark: Int64) {
        advance(watermark)
        let before = Set(sessions().map(place))
        live.append((click, true))
        guard let session = sessions().first(where: { $0.contains(live.count - 1) }) else { return }
        let here = place(session)
        if here.end + lateness <= watermark {
            live.removeLast()
            late += 1
            return
        }
        if !before.contains(here) {
            fired[here] = 0
            for told in sent where told.timing != .early && Self.isIn(here, told) { takeBack(told) }
            sent.removeAll { $0.timing != .early && Self.isIn(here, $0) }
            if here.end <= watermark, !trigger.isFinalOnly { over.insert(here) }
        }
        let repetition = over.contains(here) ? trigger.late : trigger.early
        if !trigger.isFinalOnly, case .count(let least) = repetition, session.count(where: { live[$0].isNew }) >= least
        {
            report(session, over.contains(here) ? .late : .early)
        }
        advance(watermark)
    }
    private static func isIn(_ here: Place, _ sent: Sent) -> Bool {
        sent.place.key == here.key && sent.place.start >= here.start && sent.place.end <= here.end
    }
    private mutating func takeBack(_ sent: Sent) {
        tell(
            sent.place, sent.value,
            PaneInfo(index: sent.index, timing: sent.timing, isFinal: false, isRetraction: true))
    }
    private mutating func tell(_ place: Place, _ value: Int, _ info: PaneInfo) {
        panes.append(
            Pane(
                key: place.key, start: EventTime(microseconds: place.start), end: EventTime(microseconds: place.end),
                value: value, info: info))
    }
    private mutating func report(_ session: [Int], _ timing: PaneInfo.Timing, isFinal: Bool = false) {
        let here = place(session)
        for old in sent where Self.isIn(here, old) {
            if trigger.panes == .retracting || old.place != here { takeBack(old) }
        }
        sent.removeAll { Self.isIn(here, $0) }
        let told = trigger.panes == .discarding ? session.filter { live[$0].isNew } : session
        let value = told.reduce(0) { $0 + live[$1].click.amount }
        let index = fired[here] ?? 0
        tell(here, value, PaneInfo(index: index, timing: timing, isFinal: isFinal))
        if trigger.panes != .discarding, !isFinal {
            sent.append(Sent(place: here, value: value, index: index, timing: timing))
        }
        fired[here] = index + 1
        for index in session { live[index].isNew = false }
    }
    mutating func advance(_ watermark: Int64) {
        var gone: Set<Int> = []
        for session in sessions() {
            let here = place(session)
            let isLast = here.end + lateness <= watermark
            let hasNew = session.contains { live[$0].isNew }
            if trigger.isFinalOnly {
                if isLast { report(session, .onTime, isFinal: true) }
            } else if here.end <= watermark, !over.contains(here) {
                over.insert(here)
                if trigger.panes != .discarding || hasNew { report(session, .onTime, isFinal: isLast) }
            } else if isLast, hasNew {
                report(session, .late, isFinal: true)
            }
            if isLast {
                gone.formUnion(session)
                (fired[here], sent) = (nil, sent.filter { !Self.isIn(here, $0) })
                over.remove(here)
            }
        }
        live = live.indices.filter { !gone.contains($0) }.map { live[$0] }
    }
}

@Suite struct SessionTriggerOracleTests {
    private static func trigger(_ random: inout SeededRandom) -> Trigger {
        if random.chance(1, in: 6) { return .final }
        let panes: [Trigger.Panes] = [.accumulating, .discarding, .retracting]
        return .atWatermark(
            early: random.chance(1, in: 3) ? nil : .count(random.below(4) + 1), late: .count(random.below(3) + 1),
            panes: panes[random.below(3)])
    }

    @Test func everyResultEqualsTheModels() throws {
        for seed in Seeds.times(4) {
            var stream = RandomStream(seed, salt: 21)
            let gap = Int64(stream.random.below(6) + 1)
            let lateness = stream.random.chance(1, in: 3) ? 0 : Int64(stream.random.below(12))
            let trigger = Self.trigger(&stream.random)
            var model = SessionModel(gap: gap, lateness: lateness, trigger: trigger)
            let driver = try PipelineDriver(
                Sessions(
                    gap: .microseconds(gap), lateness: .microseconds(lateness), outOfOrder: stream.outOfOrder,
                    trigger: trigger), seed: seed)
            for step in 0...26 {
                try stream.disturb(driver)
                if step == 26 {
                    model.advance(.max / 2)
                    driver.advance(to: EventTime(microseconds: .max / 2))
                } else if stream.isWatermark() {
                    driver.advance(to: EventTime(microseconds: stream.watermark))
                    model.advance(stream.watermark)
                } else {
                    let click = stream.next()
                    driver.feed(click)
                    model.feed(click, stream.watermark)
                }
                // Keys take turns in an order of their own; what is said of one key comes in order.
                for key in stream.keys {
                    let (found, wanted) = (driver.output.filter { $0.key == key }, model.panes.filter { $0.key == key })
                    #expect(found == wanted, "seed \(seed) step \(step) gap \(gap) lateness \(lateness) \(trigger)")
                    if found != wanted { return }
                }
                driver.removeOutput()
                model.panes = []
            }
            #expect(driver.lateDropped == model.late, "seed \(seed)")
            #expect(driver.stateEntries == 0, "seed \(seed)")
        }
    }

    private func play(_ trigger: Trigger, evicts: Bool) throws -> [Pane<String, Int>]? {
        let driver = try RestartDriver(
            Sessions(gap: .seconds(5), lateness: .seconds(60), outOfOrder: .zero, trigger: trigger), evicts: evicts)
        try driver.tick(wall: .seconds(1_000))
        try driver.feed(Click("a", 1))
        try driver.feed(Click("b", 1))
        try driver.tick(wall: .seconds(1_009))
        #expect(driver.output == [])
        try driver.feed(Click("a", 3))
        try driver.tick(wall: .seconds(1_010))
        // Nothing new. The input is not idle yet, so that event time stays where the records put it.
        try driver.tick(wall: .seconds(1_018))
        try driver.feed(Click("a", 4))
        try driver.advance(to: .seconds(20))
        try driver.feed(Click("a", 2))
        try driver.tick(wall: .seconds(1_027))
        try driver.tick(wall: .seconds(1_028))
        try driver.advance(to: .seconds(100))
        return driver.output
    }
    /// By the wall clock: so long after the first record that was not reported yet.
    @Test(arguments: [false, true]) func everySoOften(evicts: Bool) throws {
        let every = Trigger.Repetition.every(.seconds(10))
        func pane(
            _ end: Int64, _ value: Int, _ index: Int, _ timing: PaneInfo.Timing, final isFinal: Bool = false,
            back: Bool = false
        ) -> Pane<String, Int> {
            Pane(
                key: "a", start: .seconds(1), end: .seconds(end), value: value,
                info: PaneInfo(index: index, timing: timing, isFinal: isFinal, isRetraction: back))
        }
        func ofA(_ trigger: Trigger) throws -> [Pane<String, Int>]? {
            try play(trigger, evicts: evicts)?.filter { $0.key == "a" }
        }
        #expect(
            try ofA(.atWatermark(early: every, late: every)) == [
                pane(8, 2, 0, .early), pane(8, 2, 0, .early, back: true), pane(9, 3, 0, .onTime),
                pane(9, 4, 1, .late),
            ])
        #expect(
            try ofA(.atWatermark(early: every, late: every, panes: .discarding)) == [
                pane(8, 2, 0, .early), pane(9, 1, 0, .onTime), pane(9, 1, 1, .late),
            ])
        #expect(
            try ofA(.atWatermark(early: every, late: every, panes: .retracting)) == [
                pane(8, 2, 0, .early), pane(8, 2, 0, .early, back: true), pane(9, 3, 0, .onTime),
                pane(9, 3, 0, .onTime, back: true), pane(9, 4, 1, .late),
            ])
        #expect(try ofA(.final) == [pane(9, 4, 0, .onTime, final: true)])
        #expect(try play(.final, evicts: evicts)?.map(\.key).sorted() == ["a", "b"])
    }
}
