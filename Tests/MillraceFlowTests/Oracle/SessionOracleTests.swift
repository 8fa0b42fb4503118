import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

private struct Sessions: Pipeline {
    var gap: TimeSpan
    var lateness: TimeSpan
    var outOfOrder: TimeSpan
    var body: some Flow<Click, Pane<String, Int>> {
        Events<Click>().keyed()
            .window(.session(gap: gap), at: \.at, lateness: lateness, outOfOrder: outOfOrder).sum(\.amount)
    }
}
private struct Counts: Pipeline {
    var size: Int
    var body: some Flow<Click, Pane<String, Int>> {
        Events<Click>().timed(by: \.at).keyed().window(.count(size)).aggregate(Sum(\.amount))
    }
}

@Suite struct SessionOracleTests {
    /// All records of a key that are not over, gone over from the start each time: neighbours closer than the gap are
    /// in one session.
    private struct Model {
        struct Place: Hashable { var key: String, start: Int64, end: Int64 }
        let gap: Int64
        let lateness: Int64
        var live: [Click] = []
        var late = 0
        /// What the results say in the end, corrections and all.
        var told: [Place: Int] = [:]

        func sessions(_ clicks: [Click]) -> [[Click]] {
            var made: [[Click]] = []
            for key in Set(clicks.map(\.page)).sorted() {
                let sorted = clicks.filter { $0.page == key }.sorted { $0.at < $1.at }
                for (index, click) in sorted.enumerated() {
                    if index > 0, (click.at - sorted[index - 1].at).microseconds < gap {
                        made[made.count - 1].append(click)
                    } else {
                        made.append([click])
                    }
                }
            }
            return made
        }
        func place(_ session: [Click]) -> Place {
            Place(
                key: session[0].page, start: session[0].at.microseconds,
                end: (session.last?.at.microseconds ?? 0) + gap)
        }
        mutating func feed(_ click: Click, _ watermark: Int64) {
            advance(watermark)
            let session = sessions(live + [click]).first { $0.contains(click) && $0[0].page == click.page } ?? []
            if place(session).end + lateness <= watermark {
                late += 1
            } else {
                // A result that a record makes part of another session is taken back.
                for old in sessions(live) where old[0].page == click.page {
                    if place(old) != place(session), session.contains(old[0]) { told[place(old)] = nil }
                }
                live.append(click)
            }
            advance(watermark)
        }
        mutating func advance(_ watermark: Int64) {
            for session in sessions(live) where place(session).end <= watermark {
                told[place(session)] = session.reduce(0) { $0 + $1.amount }
            }
            let over = sessions(live).filter { place($0).end + lateness <= watermark }
            for session in over {
                for click in session { live.remove(at: live.firstIndex(of: click) ?? 0) }
            }
        }
    }

    @Test func sessionsEqualOracle() throws {
        for seed in Seeds.times(4) {
            var stream = RandomStream(seed, salt: 11)
            let gap = Int64(stream.random.below(6) + 1)
            let lateness = stream.random.chance(1, in: 2) ? 0 : Int64(stream.random.below(9))
            var model = Model(gap: gap, lateness: lateness)
            let driver = try PipelineDriver(
                Sessions(gap: .microseconds(gap), lateness: .microseconds(lateness), outOfOrder: stream.outOfOrder),
                seed: seed)
            var told: [Model.Place: Int] = [:]
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
                for pane in driver.output {
                    let place = Model.Place(
                        key: pane.key, start: pane.start.microseconds, end: pane.end.microseconds)
                    if pane.info.isRetraction { #expect(told[place] == pane.value, "seed \(seed) step \(step)") }
                    told[place] = pane.info.isRetraction ? nil : pane.value
                }
                driver.removeOutput()
                #expect(told == model.told, "seed \(seed) step \(step) gap \(gap) lateness \(lateness)")
                if told != model.told { return }
            }
            #expect(driver.lateDropped == model.late, "seed \(seed)")
            #expect(driver.stateEntries == 0, "seed \(seed)")
        }
    }

    @Test func countWindowsEqualOracle() throws {
        for seed in Seeds.times(2) {
            var stream = RandomStream(seed, salt: 12)
            let size = stream.random.below(4) + 1
            let driver = try PipelineDriver(Counts(size: size), seed: seed)
            var all: [String: [Click]] = [:]
            for step in 0..<30 {
                try stream.disturb(driver)
                let click = stream.next()
                all[click.page, default: []].append(click)
                driver.feed(click)
                let mine = all[click.page] ?? []
                let isFull = mine.count % size == 0
                #expect(driver.output.count == (isFull ? 1 : 0), "seed \(seed) step \(step)")
                if isFull, let pane = driver.output.first {
                    let last = mine.suffix(size)
                    #expect(pane.value == last.reduce(0) { $0 + $1.amount })
                    #expect(pane.start == last.map(\.at).min())
                    #expect(pane.end == (last.map(\.at).max() ?? .distantPast) + .microseconds(1))
                }
                driver.removeOutput()
            }
        }
    }
}
