import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

private struct Inner: Pipeline {
    var lateness = TimeSpan.zero
    var body: some Flow<Row, Keyed<Int, Pair<Row, Other>>> {
        Events<Row>().timed(by: \.at).keyed(by: \.k)
            .join(
                Events<Other>().timed(by: \.at).keyed(by: \.k), before: .seconds(2), after: .seconds(5),
                lateness: lateness)
    }
}
private struct Full: Pipeline {
    var lateness = TimeSpan.zero
    var outOfOrder = TimeSpan.zero
    var body: some Flow<Row, Keyed<Int, Pair<Row?, Other?>>> {
        Events<Row>().timed(by: \.at, outOfOrder: outOfOrder).keyed(by: \.k)
            .fullJoin(
                Events<Other>().timed(by: \.at, outOfOrder: outOfOrder).keyed(by: \.k), before: .seconds(2),
                after: .seconds(5), lateness: lateness)
    }
}
private struct Outer: Pipeline {
    var body: some Flow<Row, Keyed<Int, Pair<Row, Other?>>> {
        Events<Row>().timed(by: \.at).keyed(by: \.k)
            .leftJoin(Events<Other>().timed(by: \.at).keyed(by: \.k), before: .seconds(2), after: .seconds(5))
    }
}
private struct Mirror: Pipeline {
    var body: some Flow<Row, Keyed<Int, Pair<Row?, Other>>> {
        Events<Row>().timed(by: \.at).keyed(by: \.k)
            .rightJoin(Events<Other>().timed(by: \.at).keyed(by: \.k), before: .seconds(2), after: .seconds(5))
    }
}
/// A join goes on as any keyed flow: here into a window.
private struct Counted: Pipeline {
    var body: some Flow<Row, Pane<Int, Int>> {
        Events<Row>().timed(by: \.at).keyed(by: \.k)
            .join(Events<Other>().timed(by: \.at).keyed(by: \.k), before: .seconds(2), after: .seconds(5))
            .window(.tumbling(.seconds(10)))
            .count()
    }
}

@Suite struct JoinIntervalTests {
    @Test func pairsLeaveWhenTheSecondRowArrives() throws {
        let driver = try PipelineDriver(Inner())
        driver.feed(Row(k: 1, t: 10, n: 1))
        #expect(driver.output.isEmpty)
        driver.feed(other: Other(k: 1, t: 8, n: 2), port: 1)  // 2 s before: the last that counts
        driver.feed(other: Other(k: 1, t: 15, n: 3), port: 1)  // 5 s after: the last that counts
        driver.feed(other: Other(k: 2, t: 15, n: 4), port: 1)
        driver.feed(other: Other(k: 1, t: 16, n: 5), port: 1)
        #expect(driver.output.map(\.value.right.n) == [2, 3])
        #expect(driver.timedOutput.map(\.time) == [.seconds(10), .seconds(15)])
    }

    @Test func aRowStaysAloneOnlyWhenNoPartnerCanCome() throws {
        let driver = try PipelineDriver(Full())
        driver.feed(Row(k: 1, t: 10, n: 1))
        driver.feed(other: Other(k: 1, t: 30, n: 2), port: 1)
        // The left log may still bring what belongs to 30, and the right one is past 15.
        driver.feed(Row(k: 2, t: 15, n: 3))
        #expect(driver.output.isEmpty)
        driver.feed(Row(k: 2, t: 16, n: 4))
        #expect(driver.output.map(\.value.left) == [Row(k: 1, t: 10, n: 1)])
        #expect(driver.timedOutput.map(\.time) == [.seconds(10)])
        driver.advance(to: .distantFuture)
        let alone: Set<Pair<Row?, Other?>> = [
            Pair(Row(k: 2, t: 15, n: 3), nil), Pair(Row(k: 2, t: 16, n: 4), nil), Pair(nil, Other(k: 1, t: 30, n: 2)),
        ]
        #expect(Set(driver.output.dropFirst().map(\.value)) == alone)
        #expect(driver.stateEntries == 0)
    }

    @Test func sidesKeepTheirRows() throws {
        let left = try PipelineDriver(Outer())
        left.feed(Row(k: 1, t: 1, n: 1))
        left.feed(other: Other(k: 1, t: 50, n: 2), port: 1)
        left.advance(to: .distantFuture)
        #expect(left.output.map(\.value.right) == [nil])
        let right = try PipelineDriver(Mirror())
        right.feed(Row(k: 1, t: 1, n: 1))
        right.feed(other: Other(k: 1, t: 50, n: 2), port: 1)
        right.advance(to: .distantFuture)
        #expect(right.output.map(\.value.left) == [nil])
    }

    @Test func lateRowsAreCountedAndLeftOut() throws {
        let driver = try PipelineDriver(Inner(lateness: .seconds(3)))
        driver.feed(Row(k: 1, t: 20, n: 1))
        driver.feed(other: Other(k: 1, t: 20, n: 2), port: 1)
        #expect(driver.watermark == .seconds(20))
        driver.feed(Row(k: 1, t: 17, n: 3))  // as old as lateness allows
        driver.feed(Row(k: 1, t: 16, n: 4))  // older
        #expect(driver.output.map(\.value.left.n) == [1, 3])
        #expect(driver.lateDropped == 1)
    }

    @Test func aJoinGoesOnIntoAWindow() throws {
        let driver = try PipelineDriver(Counted())
        for t in [1, 2, 11] as [Int64] {
            driver.feed(Row(k: 1, t: t, n: 0))
            driver.feed(other: Other(k: 1, t: t, n: 0), port: 1)
        }
        driver.advance(to: .distantFuture)
        #expect(driver.output.map(\.value) == [4, 1])
        #expect(driver.bad.isEmpty)
    }

    @Test func badRecordsOfEitherLogAreValues() throws {
        let driver = try PipelineDriver(Inner())
        driver.feed(key: nil, value: Array("{".utf8), port: 1)
        driver.feed(key: nil, value: Array("{\"k\":1}".utf8), port: 0)
        #expect(driver.bad.count == 2)
    }

    /// Random rows in random order with random watermarks and restarts, held against all pairs of what was not late.
    @Test(arguments: testSeeds(150)) func equalsAllPairs(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let lateness = Int64(random.next(upperBound: 4 as UInt64))
        let partitions = 1 + Int(random.next(upperBound: 3 as UInt64))
        let driver = try PipelineDriver(
            Full(lateness: .seconds(lateness), outOfOrder: .seconds(1_000)), partitions: partitions, seed: seed)
        var left: [Row] = []
        var right: [Other] = []
        var watermark: Int64 = -1_000
        for n in 0..<60 {
            let k = Int(random.next(upperBound: 3 as UInt64))
            // Around the watermark: some rows are late, and most are not.
            let t = max(watermark, 0) - 5 + Int64(random.next(upperBound: 25 as UInt64))
            let partition = Int(random.next(upperBound: UInt64(partitions)))
            let isLate = t < watermark - lateness
            switch random.next(upperBound: 10 as UInt64) {
            case 0:
                watermark = max(watermark, t)
                driver.advance(to: .seconds(watermark))
            case 1: try driver.restart()
            case 2: driver.evict()
            case 3..<7:
                driver.feed(Row(k: k, t: t, n: n), to: partition)
                if !isLate { left.append(Row(k: k, t: t, n: n)) }
            default:
                driver.feed(other: Other(k: k, t: t, n: n), to: partition, port: 1)
                if !isLate { right.append(Other(k: k, t: t, n: n)) }
            }
        }
        driver.advance(to: .seconds(10_000))
        var expected: [Pair<Row?, Other?>] = []
        for l in left {
            let partners = right.filter { $0.k == l.k && $0.t >= l.t - 2 && $0.t <= l.t + 5 }
            expected += partners.map { Pair(l, $0) }
            if partners.isEmpty { expected.append(Pair(l, nil)) }
        }
        for r in right where !left.contains(where: { $0.k == r.k && r.t >= $0.t - 2 && r.t <= $0.t + 5 }) {
            expected.append(Pair(nil, r))
        }
        let got = driver.output.map(\.value)
        #expect(got.map { "\($0)" }.sorted() == expected.map { "\($0)" }.sorted(), "seed \(seed)")
        #expect(driver.stateEntries == 0)
        #expect(driver.bad.isEmpty)
    }

    /// A row without partner leaves no sooner and no later than the watermark says.
    @Test(arguments: testSeeds(40)) func aloneAtTheRightMoment(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let driver = try PipelineDriver(Full(outOfOrder: .seconds(1_000)), seed: seed)
        let rows = (0..<8).map { n in Row(k: n, t: Int64(random.next(upperBound: 30 as UInt64)), n: n) }
        for row in rows { driver.feed(row) }
        for watermark in 0..<45 as Range<Int64> {
            driver.advance(to: .seconds(watermark))
            if random.chance(1, in: 10) { try driver.restart() }
            #expect(Set(driver.output.compactMap(\.value.left)) == Set(rows.filter { $0.t + 5 < watermark }))
        }
        // And in the order of time.
        let times = driver.timedOutput.map(\.time)
        #expect(times == times.sorted())
    }
}
