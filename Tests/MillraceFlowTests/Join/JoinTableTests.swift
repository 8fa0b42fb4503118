import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

private struct AsOf: Pipeline {
    var forget: TimeSpan?
    var body: some Flow<Row, Keyed<Int, Pair<Row, Other?>>> {
        Events<Row>().timed(by: \.at, outOfOrder: .seconds(1_000)).keyed(by: \.k)
            .leftJoin(
                asOf: Events<Other>().timed(by: \.at, outOfOrder: .seconds(1_000)).keyed(by: \.k), forgetAfter: forget)
    }
}
private struct Latest: Pipeline {
    var body: some Flow<Row, Keyed<Int, Pair<Row, Other?>>> {
        Events<Row>().timed(by: \.at).keyed(by: \.k)
            .leftJoin(latest: Events<Other>().timed(by: \.at).keyed(by: \.k), forgetAfter: .seconds(100))
    }
}

@Suite struct JoinTableTests {
    @Test func waitsForTheTablesWatermark() throws {
        let driver = try PipelineDriver(AsOf())
        driver.feed(other: Other(k: 1, t: 1, n: 10), port: 1)
        driver.feed(Row(k: 1, t: 5, n: 1))
        driver.advance(to: .seconds(5))
        // A version of second 5 may still come, and does.
        #expect(driver.output.isEmpty)
        driver.feed(other: Other(k: 1, t: 5, n: 11), port: 1)
        driver.feed(other: Other(k: 1, t: 6, n: 12), port: 1)
        driver.advance(to: .seconds(6))
        #expect(driver.output.map(\.value.right?.n) == [11])
        #expect(driver.timedOutput.map(\.time) == [.seconds(5)])
    }

    @Test func versionsAreForgotten() throws {
        let driver = try PipelineDriver(AsOf(forget: .seconds(10)))
        driver.feed(other: Other(k: 1, t: 1, n: 10), port: 1)
        driver.advance(to: .seconds(11))
        #expect(driver.stateEntries == 1)
        driver.advance(to: .seconds(12))
        #expect(driver.stateEntries == 0)
        #expect(driver.storedEntries <= 1)  // the schema
    }

    @Test func latestTakesWhatIsThere() throws {
        let driver = try PipelineDriver(Latest())
        driver.feed(Row(k: 1, t: 1, n: 1))
        driver.feed(other: Other(k: 1, t: 5, n: 10), port: 1)
        driver.feed(Row(k: 1, t: 2, n: 2))
        driver.feed(other: Other(k: 1, t: 4, n: 11), port: 1)  // older than what is held
        driver.feed(Row(k: 1, t: 9, n: 3))
        try driver.restart()
        driver.feed(Row(k: 1, t: 9, n: 4))
        #expect(driver.output.map(\.value.right?.n) == [nil, 10, 10, 10])
        driver.advance(to: .seconds(105))
        #expect(driver.stateEntries == 0)
    }

    /// Every row that is not late gets the version in force at its time, whatever order things come in.
    @Test(arguments: testSeeds(100)) func equalsTheVersionOfThatTime(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let driver = try PipelineDriver(AsOf(), partitions: 2, seed: seed)
        var rows: [Row] = []
        var versions: [Other] = []
        var watermark: Int64 = -1_000
        for n in 0..<60 {
            let k = Int(random.next(upperBound: 3 as UInt64))
            let t = max(watermark, 0) + Int64(random.next(upperBound: 20 as UInt64))
            switch random.next(upperBound: 10 as UInt64) {
            case 0:
                watermark = max(watermark, t)
                driver.advance(to: .seconds(watermark))
            case 1: try driver.restart()
            case 2..<6:
                driver.feed(Row(k: k, t: t, n: n), to: n % 2)
                rows.append(Row(k: k, t: t, n: n))
            default:
                driver.feed(other: Other(k: k, t: t, n: n), to: 0, port: 1)
                versions.append(Other(k: k, t: t, n: n))
            }
        }
        driver.advance(to: .seconds(10_000))
        let expected = rows.map { row in
            // Of versions of one time the last to arrive.
            let known = versions.filter { $0.k == row.k && $0.t <= row.t }
            let newest = known.map(\.t).max()
            return Pair(row, known.last { $0.t == newest })
        }
        #expect(
            driver.output.map { "\($0.value)" }.sorted() == expected.map { "\($0)" }.sorted(), "seed \(seed)")
    }
}
