import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

private struct Oops: Error {}

/// Everything a process function can do, steered by the number in the record.
private struct Steered: KeyedProcess {
    struct State: Storable, Equatable {
        var sum = 0
        var list: [Int] = []
        var map = StateMap<Int, String>()
        func store(into writer: inout ByteWriter) {
            sum.store(into: &writer)
            list.store(into: &writer)
            map.store(into: &writer)
        }
        static func load(from reader: inout ByteReader) throws -> State {
            var made = State()
            made.sum = try .load(from: &reader)
            made.list = try .load(from: &reader)
            made.map = try .load(from: &reader)
            return made
        }
        static func == (a: State, b: State) -> Bool { a.sum == b.sum && a.list == b.list && a.map.keys == b.map.keys }
    }
    static let side = SideOutput<Row>("steered")

    func makeState() -> State { State() }
    func process(
        _ row: Row, at time: EventTime, in context: inout ProcessContext<Int, State>, emit: (String) throws -> Void
    ) throws {
        context.state.sum += 1
        context.state.list.append(row.n)
        context.state.map[row.n] = "n\(row.n)"
        switch row.n {
        case 1: try context.setTimer(at: time + .seconds(10))
        case 2: try context.setTimer(at: time + .seconds(10), tag: 7)
        case 3: context.cancelTimers(tagged: 7)
        case 4: try context.setWallTimer(at: context.wall + .seconds(60), tag: 9)
        case 5: context.cancelTimers(tagged: 9)
        case 6: context.clear()
        case 7:
            try emit("half")
            context.send(row, to: Self.side, at: time)
            try context.setTimer(at: time)
            throw Oops()
        case 8: context.send(row, to: Self.side, at: time)
        case 9: try context.setTimer(at: time - .seconds(100))
        default: try emit("\(context.key):\(context.state.sum):\(context.state.list):\(context.state.map.keys)")
        }
    }
    func timer(
        _ timer: ProcessTimer, in context: inout ProcessContext<Int, State>, emit: (String) throws -> Void
    ) throws {
        try emit("\(timer.isWall ? "wall" : "timer") \(timer.tag) at \(timer.time) sum \(context.state.sum)")
        context.state.sum += 100
    }
}

private struct Steering: Pipeline {
    var forget: TimeSpan?
    var body: some Flow<Row, Keyed<Int, String>> {
        Events<Row>().timed(by: \.at, outOfOrder: .seconds(1_000)).keyed(by: \.k).process(
            Steered(), forgetAfter: forget)
    }
}

@Suite struct ProcessTests {
    @Test func stateIsKeptPerKeyAndOverRestarts() throws {
        let driver = try PipelineDriver(Steering(), partitions: 3)
        for k in [1, 2] { driver.feed(Row(k: k, t: 0, n: 10)) }
        try driver.restart()
        driver.feed(Row(k: 1, t: 1, n: 12))
        driver.evict()
        driver.feed(Row(k: 1, t: 1, n: 11))
        #expect(
            driver.output.filter { $0.key == 1 }.map(\.value)
                == ["1:1:[10]:[10]", "1:2:[10, 12]:[10, 12]", "1:3:[10, 12, 11]:[10, 11, 12]"])
        #expect(driver.output.filter { $0.key == 2 }.count == 1)
    }

    @Test func timersFireAtTheirWatermark() throws {
        let driver = try PipelineDriver(Steering())
        driver.feed(Row(k: 1, t: 0, n: 1))
        driver.feed(Row(k: 1, t: 0, n: 1))  // the same timer
        driver.feed(Row(k: 1, t: 0, n: 2))  // another tag
        driver.feed(Row(k: 2, t: 5, n: 1))
        driver.advance(to: .microseconds(9_999_999))
        #expect(driver.output.isEmpty)
        try driver.restart()
        driver.advance(to: .seconds(10))
        #expect(
            driver.output.map(\.value) == [
                "timer 0 at 1970-01-01T00:00:10Z sum 3", "timer 7 at 1970-01-01T00:00:10Z sum 103",
            ])
        #expect(driver.timedOutput.map(\.time) == [.seconds(10), .seconds(10)])
        driver.advance(to: .seconds(15))
        #expect(driver.output.last?.value == "timer 0 at 1970-01-01T00:00:15Z sum 1")
        driver.advance(to: .seconds(500))
        #expect(driver.output.count == 3)
    }

    @Test func timersAreTakenBack() throws {
        let driver = try PipelineDriver(Steering())
        driver.feed(Row(k: 1, t: 0, n: 2))
        driver.feed(Row(k: 1, t: 0, n: 3))
        driver.tick(wall: .seconds(1_000))
        driver.feed(Row(k: 2, t: 0, n: 4))
        driver.feed(Row(k: 2, t: 0, n: 5))
        driver.advance(to: .seconds(50))
        driver.tick(wall: .seconds(2_000))
        #expect(driver.output.isEmpty)
    }

    @Test func wallTimersFireOnTicks() throws {
        let driver = try PipelineDriver(Steering())
        driver.tick(wall: .seconds(1_000))
        driver.feed(Row(k: 2, t: 0, n: 4))
        driver.tick(wall: .seconds(1_059))
        #expect(driver.output.isEmpty)
        try driver.restart()
        driver.tick(wall: .seconds(1_060))
        #expect(driver.output.map(\.value) == ["wall 9 at 1970-01-01T00:17:40Z sum 1"])
        driver.tick(wall: .seconds(5_000))
        #expect(driver.output.count == 1)
    }

    @Test func aTimerInThePastFiresAtOnce() throws {
        let driver = try PipelineDriver(Steering())
        driver.advance(to: .seconds(100))
        driver.feed(Row(k: 1, t: 150, n: 9))
        #expect(driver.output.map(\.value) == ["timer 0 at 1970-01-01T00:00:50Z sum 1"])
    }

    @Test func aThrowLeavesNothingBehind() throws {
        let driver = try PipelineDriver(Steering())
        driver.feed(Row(k: 1, t: 0, n: 10))
        driver.feed(Row(k: 1, t: 0, n: 7))
        driver.feed(Row(k: 1, t: 0, n: 11))
        driver.advance(to: .seconds(1))
        #expect(driver.output.map(\.value) == ["1:1:[10]:[10]", "1:2:[10, 11]:[10, 11]"])
        #expect(driver.bad.count == 1)
        #expect(driver.bad.first?.cause == .threw)
        #expect(try driver.sideOutput(Steered.side).isEmpty)
    }

    @Test func sideOutputsCarryRecords() throws {
        let driver = try PipelineDriver(Steering())
        driver.feed(Row(k: 1, t: 3, n: 8))
        #expect(try driver.sideOutput(Steered.side) == [Row(k: 1, t: 3, n: 8)])
    }

    @Test func clearingAndForgetting() throws {
        let driver = try PipelineDriver(Steering(forget: .seconds(20)))
        driver.feed(Row(k: 1, t: 0, n: 2))
        driver.feed(Row(k: 1, t: 0, n: 6))
        #expect(driver.stateEntries == 0)
        driver.feed(Row(k: 2, t: 0, n: 10))
        driver.advance(to: .seconds(19))
        #expect(driver.stateEntries == 1)
        try driver.restart()
        driver.advance(to: .seconds(20))
        #expect(driver.stateEntries == 0)
        driver.feed(Row(k: 2, t: 21, n: 10))
        #expect(driver.output.map(\.value) == ["2:1:[10]:[10]", "2:1:[10]:[10]"])
        #expect(driver.plan.warnings.isEmpty)
        #expect(try PipelineDriver(Steering()).plan.warnings.count == 1)
    }

    /// Random records, watermarks, ticks and restarts give what a model written with dictionaries gives.
    @Test(arguments: testSeeds(100)) func equalsTheModel(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let driver = try PipelineDriver(Steering(), partitions: 2, seed: seed)
        struct Model {
            var sum = 0
            var list: [Int] = []
            var timers: Set<[Int64]> = []
        }
        var model: [Int: Model] = [:]
        var expected: [String] = []
        var watermark: Int64 = -1_000
        func fire() {
            for key in model.keys {
                while let timer = model[key]!.timers.filter({ $0[0] <= watermark }).min(by: {
                    ($0[0], $0[1]) < ($1[0], $1[1])
                }) {
                    model[key]!.timers.remove(timer)
                    expected.append("\(key) timer \(timer[1]) at \(EventTime.seconds(timer[0])) sum \(model[key]!.sum)")
                    model[key]!.sum += 100
                }
            }
        }
        for _ in 0..<80 {
            let k = Int(random.next(upperBound: 3 as UInt64))
            let t = max(watermark, 0) - 12 + Int64(random.next(upperBound: 20 as UInt64))
            switch random.next(upperBound: 8 as UInt64) {
            case 0:
                watermark = max(watermark, t)
                driver.advance(to: .seconds(watermark))
                fire()
            case 1: try driver.restart()
            default:
                let n = [1, 2, 3, 6, 7, 10, 11][Int(random.next(upperBound: 7 as UInt64))]
                driver.feed(Row(k: k, t: t, n: n), to: k % 2)
                guard n != 7 else { continue }
                var entry = model[k] ?? Model()
                entry.sum += 1
                entry.list.append(n)
                switch n {
                case 1: entry.timers.insert([t + 10, 0])
                case 2: entry.timers.insert([t + 10, 7])
                case 3: entry.timers = entry.timers.filter { $0[1] != 7 }
                case 6: entry = Model()
                default: expected.append("\(k) \(k):\(entry.sum):\(entry.list):\(Set(entry.list).sorted())")
                }
                model[k] = entry
                fire()
            }
        }
        #expect(driver.output.map { "\($0.key) \($0.value)" }.sorted() == expected.sorted(), "seed \(seed)")
    }
}
