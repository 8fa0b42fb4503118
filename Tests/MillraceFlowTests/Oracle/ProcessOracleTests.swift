import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

/// A function driven by what the records say: amounts are commands.
private struct Commands: KeyedProcess {
    struct Kept: Storable {
        var sum = 0
        var list: [Int] = []
        var map = StateMap<Int, Int>()
        func store(into writer: inout ByteWriter) {
            sum.store(into: &writer)
            list.store(into: &writer)
            map.store(into: &writer)
        }
        static func load(from reader: inout ByteReader) throws -> Kept {
            Kept(sum: try .load(from: &reader), list: try .load(from: &reader), map: try .load(from: &reader))
        }
    }
    struct Refusal: Error {}

    func makeState() -> Kept { Kept() }
    func process(
        _ click: Click, at time: EventTime, in context: inout ProcessContext<String, Kept>,
        emit: (String) throws -> Void
    ) throws {
        context.state.sum += click.amount
        context.state.list.append(click.amount)
        context.state.map[click.amount % 5] = (context.state.map[click.amount % 5] ?? 0) + 1
        switch abs(click.amount) % 7 {
        case 0: try context.setTimer(at: time + .microseconds(3), tag: 1)
        case 1: try context.setTimer(at: time + .microseconds(9), tag: 2)
        case 2: context.cancelTimers(tagged: 1)
        case 3: try context.setWallTimer(at: context.wall + .microseconds(4), tag: 2)
        case 4: context.clear()
        case 5: throw Refusal()
        default: try emit("at \(time.microseconds) \(describe(context.state))")
        }
    }
    func timer(
        _ timer: ProcessTimer, in context: inout ProcessContext<String, Kept>, emit: (String) throws -> Void
    ) throws {
        try emit(
            "\(timer.isWall ? "wall" : "event") \(timer.time.microseconds) #\(timer.tag) \(describe(context.state))")
        context.state.sum += 1
        // A timer that sets the next one, now and then.
        if context.state.sum % 4 == 0, !timer.isWall { try context.setTimer(at: timer.time + .microseconds(2), tag: 3) }
    }
    func describe(_ state: Kept) -> String { "\(state.sum) \(state.list) \(state.map.keys) \(state.map.values)" }
}
private struct Alarms: Pipeline {
    var outOfOrder: TimeSpan
    var body: some Flow<Click, Keyed<String, String>> {
        Events<Click>().timed(by: \.at, outOfOrder: outOfOrder).keyed().process(Commands())
    }
}

@Suite struct ProcessOracleTests {
    /// The same rules in lists that are gone through from the start every time.
    private struct Model {
        struct Timer: Hashable { var time: Int64, tag: Int, isWall: Bool }
        struct Kept {
            var sum = 0
            var list: [Int] = []
            var counts: [Int: Int] = [:]
            var text: String {
                let keys = counts.keys.sorted()
                return "\(sum) \(list) \(keys) \(keys.compactMap { counts[$0] })"
            }
        }
        var kept: [String: Kept] = [:]
        var timers: [String: Set<Timer>] = [:]
        var out: [(key: String, text: String)] = []
        var wall: Int64 = 0

        mutating func feed(_ click: Click, _ watermark: Int64) {
            let (key, time) = (click.page, click.at.microseconds)
            var state = kept[key] ?? Kept()
            state.sum += click.amount
            state.list.append(click.amount)
            state.counts[click.amount % 5, default: 0] += 1
            let command = abs(click.amount) % 7
            if command != 5 {
                kept[key] = state
                switch command {
                case 0: timers[key, default: []].insert(Timer(time: time + 3, tag: 1, isWall: false))
                case 1: timers[key, default: []].insert(Timer(time: time + 9, tag: 2, isWall: false))
                case 2: timers[key] = timers[key]?.filter { $0.tag != 1 }
                case 3: timers[key, default: []].insert(Timer(time: wall + 4, tag: 2, isWall: true))
                case 4: (kept[key], timers[key]) = (nil, nil)
                default: out.append((key, "at \(time) \(state.text)"))
                }
            }
            fire(watermark, isWall: false)
        }
        mutating func fire(_ now: Int64, isWall: Bool) {
            for key in timers.keys.sorted() {
                while let timer = timers[key]?.filter({ $0.isWall == isWall && $0.time <= now })
                    .min(by: { ($0.time, $0.tag) < ($1.time, $1.tag) })
                {
                    timers[key]?.remove(timer)
                    var state = kept[key] ?? Kept()
                    out.append((key, "\(isWall ? "wall" : "event") \(timer.time) #\(timer.tag) \(state.text)"))
                    state.sum += 1
                    kept[key] = state
                    if state.sum % 4 == 0, !isWall {
                        timers[key]?.insert(Timer(time: timer.time + 2, tag: 3, isWall: false))
                    }
                }
            }
        }
    }

    @Test func timersAndStateEqualOracle() throws {
        for seed in Seeds.times(6) {
            var stream = RandomStream(seed, salt: 51)
            let driver = try PipelineDriver(Alarms(outOfOrder: stream.outOfOrder), seed: seed)
            var model = Model()
            driver.tick(wall: EventTime(microseconds: 0))
            var bad = 0
            for step in 0...30 {
                try stream.disturb(driver)
                if step == 30 {
                    model.fire(1_000_000, isWall: false)
                    driver.advance(to: EventTime(microseconds: 1_000_000))
                } else if stream.isWatermark() {
                    driver.advance(to: EventTime(microseconds: stream.watermark))
                    model.fire(stream.watermark, isWall: false)
                } else if stream.random.chance(1, in: 5) {
                    model.wall += Int64(stream.random.below(6))
                    driver.tick(wall: EventTime(microseconds: model.wall))
                    model.fire(model.wall, isWall: true)
                } else {
                    let click = stream.next()
                    driver.feed(click)
                    model.feed(click, stream.watermark)
                    if abs(click.amount) % 7 == 5 { bad += 1 }
                }
                // Keys of one moment take turns as their hashes say: each key's own order is what counts.
                for key in stream.keys {
                    let mine = driver.output.filter { $0.key == key }.map(\.value)
                    let expected = model.out.filter { $0.key == key }.map(\.text)
                    #expect(mine == expected, "seed \(seed) step \(step)")
                    if mine != expected { return }
                }
                driver.removeOutput()
                model.out = []
            }
            #expect(driver.bad.count == bad)
        }
    }
}
