import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

/// Both logs are split by the key already, so the join is in the first stage and reads them itself.
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
private struct Joined: Pipeline {
    var lateness = TimeSpan.zero
    var body: some Flow<Left, Keyed<Int, Pair<Left?, Right?>>> {
        Events<Left>().timed(by: \.at).keyed()
            .fullJoin(
                Events<Right>().timed(by: \.at).keyed(), before: .seconds(2), after: .seconds(5), lateness: lateness)
    }
}
/// The logs' own times.
private struct ByLogTime: Pipeline {
    var body: some Flow<Left, Keyed<Int, Pair<Left?, Right?>>> {
        Events<Left>().keyed().fullJoin(Events<Right>().keyed(), before: .seconds(2), after: .seconds(5))
    }
}

@Suite struct JoinSourceTests {
    @Test func readsBothLogsInOneStage() throws {
        let driver = try PipelineDriver(Joined())
        #expect(driver.plan.stages.count == 1)
        #expect(driver.plan.stages[0].ports.count == 2)
        driver.feed(Left(k: 1, t: 10, n: 1))
        driver.feed(Left(k: 1, t: 100, n: 2))
        // One log alone does not move time.
        #expect(driver.watermark == .distantPast)
        driver.feed(other: Right(k: 2, t: 15, n: 3), port: 1)
        #expect(driver.watermark == .seconds(15))
        #expect(driver.output.isEmpty)
        driver.feed(other: Right(k: 2, t: 16, n: 4), port: 1)
        #expect(driver.output.map(\.value.left?.n) == [1])
    }

    @Test func takesTheLogsTime() throws {
        let driver = try PipelineDriver(ByLogTime())
        driver.feed(Left(k: 1, t: 0, n: 1), at: .seconds(10))
        driver.feed(other: Right(k: 1, t: 0, n: 2), port: 1, at: .seconds(12))
        #expect(driver.output.map(\.value.right?.n) == [2])
        #expect(driver.watermark == .seconds(10))
    }

    /// The watermark follows from the records alone; held against a model of it and all pairs of what was in time.
    @Test(arguments: testSeeds(150)) func equalsAllPairs(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let lateness = Int64(random.next(upperBound: 8 as UInt64))
        let driver = try PipelineDriver(Joined(lateness: .seconds(lateness)), seed: seed)
        var left: [Left] = []
        var right: [Right] = []
        var (leftTime, rightTime, watermark) = (Int64.min, Int64.min, Int64(-1_000))
        var late = 0
        for n in 0..<60 {
            let k = Int(random.next(upperBound: 3 as UInt64))
            let t = Int64(n / 2) + Int64(random.next(upperBound: 12 as UInt64))
            let isLate = t < watermark - lateness
            if random.chance(1, in: 12) {
                try driver.restart()
            } else if random.chance(1, in: 2) {
                driver.feed(Left(k: k, t: t, n: n))
                if isLate { late += 1 } else { left.append(Left(k: k, t: t, n: n)) }
                leftTime = max(leftTime, t)
            } else {
                driver.feed(other: Right(k: k, t: t, n: n), port: 1)
                if isLate { late += 1 } else { right.append(Right(k: k, t: t, n: n)) }
                rightTime = max(rightTime, t)
            }
            watermark = max(watermark, min(leftTime, rightTime))
        }
        driver.advance(to: .seconds(10_000))
        var expected: [Pair<Left?, Right?>] = []
        for l in left {
            let partners = right.filter { $0.k == l.k && $0.t >= l.t - 2 && $0.t <= l.t + 5 }
            expected += partners.map { Pair(l, $0) }
            if partners.isEmpty { expected.append(Pair(l, nil)) }
        }
        for r in right where !left.contains(where: { $0.k == r.k && r.t >= $0.t - 2 && r.t <= $0.t + 5 }) {
            expected.append(Pair(nil, r))
        }
        #expect(driver.output.map { "\($0.value)" }.sorted() == expected.map { "\($0)" }.sorted(), "seed \(seed)")
        #expect(driver.lateDropped == late)
        #expect(driver.stateEntries == 0)
    }
}
