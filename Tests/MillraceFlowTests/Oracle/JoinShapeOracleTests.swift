import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

private struct Left: TestRecord, KeyedRecord, Hashable {
    var k: Int, t: Int64, n: Int
    var key: Int { k }
    var at: EventTime { .microseconds(t) }
    func store(into writer: inout ByteWriter) { for value in [k, Int(t), n] { value.store(into: &writer) } }
    static func load(from reader: inout ByteReader) throws -> Left {
        Left(k: try .load(from: &reader), t: try .load(from: &reader), n: try .load(from: &reader))
    }
}
private struct Right: TestRecord, KeyedRecord, Hashable {
    var k: Int, t: Int64, n: Int
    var key: Int { k }
    var at: EventTime { .microseconds(t) }
    func store(into writer: inout ByteWriter) { for value in [k, Int(t), n] { value.store(into: &writer) } }
    static func load(from reader: inout ByteReader) throws -> Right {
        Right(k: try .load(from: &reader), t: try .load(from: &reader), n: try .load(from: &reader))
    }
}
private struct Intervals<Shape: JoinShape>: Pipeline where Shape.Left == Left, Shape.Right == Right {
    var make: @Sendable (Rekeyed<Timed<Events<Left>>, Int>, Rekeyed<Timed<Events<Right>>, Int>) -> Joined
    typealias Joined = IntervalJoin<Rekeyed<Timed<Events<Left>>, Int>, Rekeyed<Timed<Events<Right>>, Int>, Shape>
    var body: Joined { make(Events<Left>().timed(by: \.at).keyed(), Events<Right>().timed(by: \.at).keyed()) }
}
private struct Windows<Shape: JoinShape>: Pipeline where Shape.Left == Left, Shape.Right == Right {
    var make: @Sendable (Rekeyed<Timed<Events<Left>>, Int>, Rekeyed<Timed<Events<Right>>, Int>) -> Joined
    typealias Joined = WindowJoin<Rekeyed<Timed<Events<Left>>, Int>, Rekeyed<Timed<Events<Right>>, Int>, Shape>
    var body: Joined { make(Events<Left>().timed(by: \.at).keyed(), Events<Right>().timed(by: \.at).keyed()) }
}

/// Inner, left, right and full joins against all pairs of what was in time: each step says what it must, and rows
/// without a partner leave at their moment, with restarts at every step.
@Suite struct JoinShapeOracleTests {
    private struct Model {
        /// Which rows belong together, and until which watermark a row may find a partner.
        var belong: (Left, Right) -> Int
        var leftEnds: (Int64) -> Int64
        var rightEnds: (Int64) -> Int64
        var isLate: (Int64, Int64) -> Bool
        var keepsLeft: Bool
        var keepsRight: Bool

        var left: [(row: Left, isMatched: Bool)] = []
        var right: [(row: Right, isMatched: Bool)] = []
        var leftTime = Int64.min
        var rightTime = Int64.min
        var watermark = Int64.min
        var late = 0
        var out: [String] = []

        mutating func add(_ row: Left) {
            if isLate(row.t, watermark) {
                late += 1
            } else {
                var matched = false
                for index in right.indices {
                    for _ in 0..<belong(row, right[index].row) {
                        out.append("\(row) \(right[index].row)")
                        (matched, right[index].isMatched) = (true, true)
                    }
                }
                left.append((row, matched))
            }
        }
        mutating func add(_ row: Right) {
            if isLate(row.t, watermark) {
                late += 1
            } else {
                var matched = false
                for index in left.indices {
                    for _ in 0..<belong(left[index].row, row) {
                        out.append("\(left[index].row) \(row)")
                        (matched, left[index].isMatched) = (true, true)
                    }
                }
                right.append((row, matched))
            }
        }
        mutating func advance(_ time: Int64) {
            watermark = max(watermark, time)
            for held in left where leftEnds(held.row.t) <= watermark && !held.isMatched && keepsLeft {
                out.append("\(held.row) alone")
            }
            for held in right where rightEnds(held.row.t) <= watermark && !held.isMatched && keepsRight {
                out.append("\(held.row) alone")
            }
            left.removeAll { leftEnds($0.row.t) <= watermark }
            right.removeAll { rightEnds($0.row.t) <= watermark }
        }
    }

    private func play<P: Pipeline, R>(
        _ pipeline: P, _ start: Model, _ stream: RandomStream, _ text: (R) -> String
    ) throws where P.Input == Left, P.Output == Keyed<Int, R> {
        var (model, stream) = (start, stream)
        let driver = try PipelineDriver(pipeline, seed: stream.seed)
        for step in 0...30 {
            if stream.random.chance(1, in: 4) { try driver.restart() }
            if step == 30 {
                driver.advance(to: EventTime(microseconds: .max / 2))
                model.advance(.max / 2)
            } else {
                stream.clock += Int64(stream.random.below(3))
                let t = stream.clock - Int64(stream.random.below(8))
                let k = stream.random.below(2)
                // The row first moves its side's time; then it is looked at; then the step's time follows.
                if stream.random.chance(1, in: 2) {
                    model.leftTime = max(model.leftTime, t)
                    driver.feed(Left(k: k, t: t, n: step))
                    model.add(Left(k: k, t: t, n: step))
                } else {
                    model.rightTime = max(model.rightTime, t)
                    driver.feed(other: Right(k: k, t: t, n: step), port: 1)
                    model.add(Right(k: k, t: t, n: step))
                }
                model.advance(min(model.leftTime, model.rightTime))
            }
            let found = driver.output.map { text($0.value) }.sorted()
            #expect(found == model.out.sorted(), "seed \(stream.seed) step \(step)")
            if found != model.out.sorted() { return }
            model.out = []
            driver.removeOutput()
        }
        #expect(driver.lateDropped == model.late, "seed \(stream.seed)")
        #expect(driver.stateEntries == 0, "seed \(stream.seed)")
    }
    private func text(_ left: Left?, _ right: Right?) -> String {
        switch (left, right) {
        case (let left?, let right?): "\(left) \(right)"
        case (let left?, nil): "\(left) alone"
        case (nil, let right?): "\(right) alone"
        case (nil, nil): ""
        }
    }

    @Test func intervalJoinsEqualOracle() throws {
        for seed in Seeds.times(4) {
            var stream = RandomStream(seed, salt: 61)
            let (before, after) = (Int64(stream.random.below(4)), Int64(stream.random.below(5)))
            let lateness = Int64(stream.random.below(4))
            let (b, a, l) = (
                TimeSpan.microseconds(before), TimeSpan.microseconds(after), TimeSpan.microseconds(lateness)
            )
            func model(_ left: Bool, _ right: Bool) -> Model {
                Model(
                    belong: { $0.k == $1.k && $1.t >= $0.t - before && $1.t <= $0.t + after ? 1 : 0 },
                    leftEnds: { $0 + after + lateness + 1 }, rightEnds: { $0 + before + lateness + 1 },
                    isLate: { time, watermark in watermark != .min && time < watermark - lateness }, keepsLeft: left,
                    keepsRight: right)
            }
            switch seed % 4 {
            case 0:
                try play(
                    Intervals<InnerJoin<Left, Right>> { $0.join($1, before: b, after: a, lateness: l) },
                    model(false, false), stream
                ) { text($0.left, $0.right) }
            case 1:
                try play(
                    Intervals<LeftJoin<Left, Right>> { $0.leftJoin($1, before: b, after: a, lateness: l) },
                    model(true, false), stream
                ) { text($0.left, $0.right) }
            case 2:
                try play(
                    Intervals<RightJoin<Left, Right>> { $0.rightJoin($1, before: b, after: a, lateness: l) },
                    model(false, true), stream
                ) { text($0.left, $0.right) }
            default:
                try play(
                    Intervals<FullJoin<Left, Right>> { $0.fullJoin($1, before: b, after: a, lateness: l) },
                    model(true, true), stream
                ) { text($0.left, $0.right) }
            }
        }
    }

    @Test func windowJoinsEqualOracle() throws {
        for seed in Seeds.times(4) {
            var stream = RandomStream(seed, salt: 62)
            let size = Int64(stream.random.below(8) + 1)
            let lateness = Int64(stream.random.below(4))
            let window = TimeWindow.tumbling(.microseconds(size))
            let l = TimeSpan.microseconds(lateness)
            @Sendable func start(_ time: Int64) -> Int64 {
                time >= 0 ? time / size * size : (time - size + 1) / size * size
            }
            func model(_ left: Bool, _ right: Bool) -> Model {
                Model(
                    belong: { $0.k == $1.k && start($0.t) == start($1.t) ? 1 : 0 },
                    leftEnds: { start($0) + size + lateness }, rightEnds: { start($0) + size + lateness },
                    isLate: { time, watermark in start(time) + size + lateness <= watermark }, keepsLeft: left,
                    keepsRight: right)
            }
            switch seed % 4 {
            case 0:
                try play(
                    Windows<InnerJoin<Left, Right>> { $0.join($1, in: window, lateness: l) }, model(false, false),
                    stream
                ) { text($0.left, $0.right) }
            case 1:
                try play(
                    Windows<LeftJoin<Left, Right>> { $0.leftJoin($1, in: window, lateness: l) }, model(true, false),
                    stream
                ) { text($0.left, $0.right) }
            case 2:
                try play(
                    Windows<RightJoin<Left, Right>> { $0.rightJoin($1, in: window, lateness: l) }, model(false, true),
                    stream
                ) { text($0.left, $0.right) }
            default:
                try play(
                    Windows<FullJoin<Left, Right>> { $0.fullJoin($1, in: window, lateness: l) }, model(true, true),
                    stream
                ) { text($0.left, $0.right) }
            }
        }
    }
}
