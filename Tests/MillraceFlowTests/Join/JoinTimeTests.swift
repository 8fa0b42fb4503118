import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

private struct Left: KeyedRecord, Codable, Hashable {
    var k: Int, t: Int64, n: Int
    var key: Int { k }
    var at: EventTime { .seconds(t) }
}
private struct Right: KeyedRecord, Codable, Hashable {
    var k: Int, t: Int64, n: Int
    var key: Int { k }
    var at: EventTime { .seconds(t) }
}
private struct Third: KeyedRecord, Codable, Hashable {
    var k: Int, t: Int64, n: Int
    var key: Int { k }
    var at: EventTime { .seconds(t) }
}
private struct Joined: Pipeline {
    var body: some Flow<Left, Keyed<Int, Pair<Left?, Right?>>> {
        Events<Left>().timed(by: \.at).keyed()
            .fullJoin(Events<Right>().timed(by: \.at).keyed(), before: .seconds(2), after: .seconds(5))
    }
}
private struct Shuffled: Pipeline {
    var body: some Flow<Left, Keyed<Int, Pair<Left?, Right?>>> {
        Events<Left>().timed(by: \.at).keyed(by: \.k)
            .fullJoin(Events<Right>().timed(by: \.at).keyed(by: \.k), before: .seconds(2), after: .seconds(5))
    }
}
private struct Mixed: Pipeline {
    var body: some Flow<Left, Keyed<Int, Pair<Left, Right>>> {
        Events<Left>().timed(by: \.at).keyed()
            .join(Events<Right>().timed(by: \.at).keyed(by: \.k), before: .seconds(2), after: .seconds(5))
    }
}
private struct ThreeLogs: Pipeline {
    var body: some Flow<Left, Keyed<Int, Pair<Pair<Left, Right>, Third?>>> {
        Events<Left>().timed(by: \.at).keyed()
            .join(Events<Right>().timed(by: \.at).keyed(), before: .seconds(2), after: .seconds(5))
            .leftJoin(
                Events<Third>().timed(by: \.at).keyed(), before: .seconds(2), after: .seconds(5), named: "third")
    }
}
private struct Merged: Pipeline {
    var body: some Flow<Left, Left> {
        Events<Left>().timed(by: \.at).merge(with: Events<Left>().timed(by: \.at))
    }
}
/// Time from the values behind the merge: the logs' own times must not move it.
private struct MergedThenTimed: Pipeline {
    var body: some Flow<Left, Left> {
        Events<Left>().merge(with: Events<Left>()).timed(by: \.at)
    }
}
/// Rows without a partner leave long after their time; the windows behind must still be open for them.
private struct OuterThenWindow: Pipeline {
    var lateness = TimeSpan.zero
    var body: some Flow<Left, Pane<Int, Int>> {
        Events<Left>().timed(by: \.at).keyed()
            .fullJoin(
                Events<Right>().timed(by: \.at).keyed(), before: .seconds(2), after: .seconds(5), lateness: lateness
            )
            .window(.tumbling(.seconds(3))).count()
    }
}
private struct OuterThenShuffle: Pipeline {
    var body: some Flow<Left, Pane<Int, Int>> {
        Events<Left>().timed(by: \.at).keyed()
            .fullJoin(Events<Right>().timed(by: \.at).keyed(), in: .tumbling(.seconds(10)))
            .keyed(by: \.key).window(.tumbling(.seconds(3))).count()
    }
}
private struct WithLate: Pipeline {
    static let left = SideOutput<Left>("late left")
    static let right = SideOutput<Right>("late right")
    var body: some Flow<Left, Keyed<Int, Pair<Left, Right>>> {
        Events<Left>().timed(by: \.at).keyed()
            .join(Events<Right>().timed(by: \.at).keyed(), before: .seconds(2), after: .seconds(5))
            .lateLeft(to: Self.left).lateRight(to: Self.right)
    }
}
private struct WindowWithLate: Pipeline {
    var body: some Flow<Left, Keyed<Int, Pair<Left, Right>>> {
        Events<Left>().timed(by: \.at).keyed()
            .join(Events<Right>().timed(by: \.at).keyed(), in: .tumbling(.seconds(10)))
            .lateRight(to: WithLate.right).lateLeft(to: WithLate.left)
    }
}

@Suite struct JoinTimeTests {
    @Test func aSilentSideHoldsNobodyBack() throws {
        for isSilentFromTheStart in [true, false] {
            let driver = try PipelineDriver(Joined())
            driver.tick(wall: .seconds(1_000))
            if !isSilentFromTheStart { driver.feed(other: Right(k: 9, t: 0, n: 0), port: 1) }
            for n in 0..<12 as Range<Int64> {
                driver.feed(Left(k: 1, t: 100 + n, n: Int(n)))
                // What one side says about itself changes nothing before the other has been silent for long.
                #expect(driver.output.isEmpty, "\(n)")
                if n < 9 { driver.tick(wall: .seconds(1_001 + n)) }
            }
            driver.tick(wall: .seconds(1_010))
            #expect(driver.watermark == .seconds(111))
            #expect(driver.output.compactMap(\.value.left?.n) == [0, 1, 2, 3, 4, 5])
            driver.feed(Left(k: 1, t: 120, n: 12))
            #expect(driver.watermark == .seconds(120))
            // It speaks again, and holds the other back from where it stands.
            driver.feed(other: Right(k: 1, t: 121, n: 1), port: 1)
            driver.feed(Left(k: 1, t: 200, n: 13))
            #expect(driver.watermark == .seconds(121))
        }
    }
    @Test func whenAllAreSilentTimeGoesOnWithTheWall() throws {
        let driver = try PipelineDriver(Joined())
        driver.tick(wall: .seconds(1_000))
        driver.feed(Left(k: 1, t: 100, n: 1))
        driver.feed(other: Right(k: 2, t: 100, n: 2), port: 1)
        driver.tick(wall: .seconds(1_009))
        #expect(driver.watermark == .seconds(100))
        driver.tick(wall: .seconds(1_010))
        #expect(driver.watermark == .seconds(110))
        #expect(driver.output.count == 2)
    }
    @Test func aSilentLogOfAShuffledJoinHoldsNobodyBack() throws {
        let driver = try PipelineDriver(Shuffled(), partitions: 2)
        driver.tick(wall: .seconds(1_000))
        for n in 0..<12 as Range<Int64> {
            driver.feed(Left(k: 1, t: 100 + n, n: Int(n)), to: Int(n % 2))
            driver.tick(wall: .seconds(1_001 + n))
        }
        #expect(driver.output.compactMap(\.value.left?.n).contains(0))
    }
    @Test func anEndedLogHoldsNobodyBack() throws {
        let driver = try PipelineDriver(Joined())
        driver.feed(other: Right(k: 9, t: 3, n: 0), port: 1)
        driver.feed(Left(k: 1, t: 100, n: 1))
        #expect(driver.watermark == .seconds(3))
        driver.end(source: 1)
        #expect(driver.watermark == .seconds(100))
        driver.feed(Left(k: 1, t: 110, n: 2))
        #expect(driver.watermark == .seconds(110))
        driver.end(source: 0)
        #expect(driver.watermark == .distantFuture)
        #expect(driver.output.count == 3)
        #expect(driver.stateEntries == 0)
    }
    @Test func threeLogsInOneStage() throws {
        let driver = try PipelineDriver(ThreeLogs())
        #expect(driver.plan.stages.count == 1)
        driver.tick(wall: .seconds(1_000))
        driver.feed(Left(k: 1, t: 10, n: 1))
        driver.feed(other: Right(k: 1, t: 11, n: 2), port: 1)
        driver.feed(other: Left(k: 1, t: 50, n: 3), port: 0)
        driver.feed(other: Right(k: 1, t: 60, n: 4), port: 1)
        #expect(driver.watermark == .distantPast)
        driver.feed(other: Third(k: 1, t: 12, n: 5), port: 2)
        #expect(driver.watermark == .seconds(12))
        #expect(driver.output.map(\.value.right?.n) == [5])
        driver.end(source: 2)
        #expect(driver.watermark == .seconds(50))
        driver.end(source: 1)
        driver.feed(Left(k: 1, t: 58, n: 6))
        #expect(driver.watermark == .seconds(58))
        driver.end()
        #expect(driver.watermark == .distantFuture)
        #expect(driver.output.map(\.value.right?.n) == [5, nil])
        #expect(driver.lateDropped == 0)
    }
    @Test func oneSideFromALogAndOneFromAShuffleIsRefused() {
        let failure = #expect(throws: Failure.self) { try Plan(values: Mixed(), into: ValueBuffer()) }
        #expect(failure?.code == .invalidArgument)
        #expect(failure?.advice.contains(".keyed(by:)") == true)
    }
    @Test func mergedLogsAndTheirTime() throws {
        let driver = try PipelineDriver(Merged())
        driver.tick(wall: .seconds(1_000))
        driver.feed(Left(k: 1, t: 10, n: 1))
        #expect(driver.watermark == .distantPast)
        driver.tick(wall: .seconds(1_005))
        driver.feed(Left(k: 1, t: 20, n: 2))
        driver.tick(wall: .seconds(1_010))
        #expect(driver.watermark == .seconds(20))
        #expect(driver.output.count == 2)
        let timed = try PipelineDriver(MergedThenTimed())
        timed.feed(Left(k: 1, t: 10, n: 1), at: .seconds(9_000))
        timed.feed(other: Left(k: 1, t: 5, n: 1), port: 1, at: .seconds(9_000))
        #expect(timed.watermark == .seconds(10))
    }
    @Test func lateRowsGoToTheirSides() throws {
        func play<P: Pipeline>(_ pipeline: P) throws where P.Input == Left {
            let driver = try PipelineDriver(pipeline)
            driver.feed(Left(k: 1, t: 100, n: 1))
            driver.feed(other: Right(k: 1, t: 100, n: 2), port: 1)
            driver.feed(Left(k: 1, t: 7, n: 3))
            driver.feed(other: Right(k: 1, t: 8, n: 4), port: 1)
            #expect(try driver.sideOutput(WithLate.left).map(\.n) == [3])
            #expect(try driver.sideOutput(WithLate.right).map(\.n) == [4])
            #expect(driver.lateDropped == 0)
            #expect(driver.plan.stages.last?.sideOutputs.sorted() == ["late left", "late right"])
        }
        try play(WithLate())
        try play(WindowWithLate())
    }

    /// No row of an outer join is late for a window behind it, whatever the order, the restarts and the lateness.
    @Test(arguments: testSeeds(120)) func nothingIsLateBehindAJoin(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let lateness = Int64(random.next(upperBound: 4 as UInt64))
        let driver = try PipelineDriver(OuterThenWindow(lateness: .seconds(lateness)), seed: seed)
        try play(driver, &random, lateness)
        #expect(driver.lateDropped == 0, "seed \(seed)")
        #expect(driver.stateEntries == 0)
    }
    @Test(arguments: testSeeds(120)) func nothingIsLateBehindAJoinAndAShuffle(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let driver = try PipelineDriver(OuterThenShuffle(), seed: seed)
        try play(driver, &random, 0)
        #expect(driver.lateDropped == 0, "seed \(seed)")
    }
    /// Rows that are never late themselves. Counts what leaves: each row alone is one, each pair is one.
    private func play<P: Pipeline>(
        _ driver: PipelineDriver<P>, _ random: inout SeededRandom, _ lateness: Int64
    ) throws where P.Input == Left, P.Output == Pane<Int, Int> {
        var (left, right) = (Int64(0), Int64(0))
        for n in 0..<50 {
            if random.chance(1, in: 8) { try driver.restart() }
            let late = Int64(random.next(upperBound: UInt64(lateness + 1)))
            let k = Int(random.next(upperBound: 2 as UInt64))
            if random.chance(1, in: 2) {
                left += Int64(random.next(upperBound: 4 as UInt64))
                let t = max(left - late, min(left, right) - lateness, 0)
                driver.feed(Left(k: k, t: t, n: n))
            } else {
                right += Int64(random.next(upperBound: 4 as UInt64))
                let t = max(right - late, min(left, right) - lateness, 0)
                driver.feed(other: Right(k: k, t: t, n: n), port: 1)
            }
        }
        driver.advance(to: .distantFuture)
        #expect(driver.output.reduce(0) { $0 + $1.value } > 0)
    }
}
