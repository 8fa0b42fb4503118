import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

private struct Full: Pipeline {
    var window = TimeWindow.tumbling(.seconds(10))
    var lateness = TimeSpan.zero
    var body: some Flow<Row, Keyed<Int, Pair<Row?, Other?>>> {
        Events<Row>().timed(by: \.at, outOfOrder: .seconds(1_000)).keyed(by: \.k)
            .fullJoin(
                Events<Other>().timed(by: \.at, outOfOrder: .seconds(1_000)).keyed(by: \.k), in: window,
                lateness: lateness)
    }
}
private struct Inner: Pipeline {
    var body: some Flow<Row, Keyed<Int, Pair<Row, Other>>> {
        Events<Row>().timed(by: \.at).keyed(by: \.k)
            .join(Events<Other>().timed(by: \.at).keyed(by: \.k), in: .tumbling(.seconds(10)))
    }
}

@Suite struct JoinWindowTests {
    @Test func pairsAreOfOneWindow() throws {
        let driver = try PipelineDriver(Inner())
        driver.feed(Row(k: 1, t: 9, n: 1))
        driver.feed(other: Other(k: 1, t: 0, n: 2), port: 1)
        driver.feed(other: Other(k: 1, t: 10, n: 3), port: 1)
        driver.feed(Row(k: 1, t: 19, n: 4))
        driver.advance(to: .distantFuture)
        #expect(driver.output.map(\.value.right.n) == [2, 3])
        #expect(driver.stateEntries == 0)
    }

    @Test func rowsStayAloneAtTheWindowsEnd() throws {
        let driver = try PipelineDriver(Full())
        driver.feed(Row(k: 1, t: 3, n: 1))
        driver.advance(to: .microseconds(9_999_999))
        #expect(driver.output.isEmpty)
        driver.advance(to: .seconds(10))
        #expect(driver.output.map(\.value.left) == [Row(k: 1, t: 3, n: 1)])
        driver.feed(other: Other(k: 1, t: 3, n: 2), port: 1)
        #expect(driver.lateDropped == 1)
    }

    @Test(arguments: testSeeds(100)) func equalsAllPairs(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let lateness = Int64(random.next(upperBound: 6 as UInt64))
        let slide = [10, 5, 2][Int(random.next(upperBound: 3 as UInt64))] as Int64
        let driver = try PipelineDriver(
            Full(window: .sliding(.seconds(10), every: .seconds(slide)), lateness: .seconds(lateness)), seed: seed)
        /// By window start and key: what was let in.
        struct Place: Hashable { var start: Int64, k: Int }
        var left: [Place: [Row]] = [:]
        var right: [Place: [Other]] = [:]
        var watermark: Int64 = -1_000
        var late = 0
        for n in 0..<60 {
            let k = Int(random.next(upperBound: 3 as UInt64))
            let t = max(watermark, 0) - 15 + Int64(random.next(upperBound: 40 as UInt64))
            let starts = (-100...200).map { $0 * slide }.filter { $0 <= t && t < $0 + 10 }
            let open = starts.filter { $0 + 10 + lateness > watermark }
            switch random.next(upperBound: 10 as UInt64) {
            case 0:
                watermark = max(watermark, t)
                driver.advance(to: .seconds(watermark))
            case 1: try driver.restart()
            case 2..<6:
                driver.feed(Row(k: k, t: t, n: n))
                for start in open { left[Place(start: start, k: k), default: []].append(Row(k: k, t: t, n: n)) }
                if open.isEmpty { late += 1 }
            default:
                driver.feed(other: Other(k: k, t: t, n: n), port: 1)
                for start in open { right[Place(start: start, k: k), default: []].append(Other(k: k, t: t, n: n)) }
                if open.isEmpty { late += 1 }
            }
        }
        driver.advance(to: .seconds(10_000))
        var expected: [Pair<Row?, Other?>] = []
        for place in Set(left.keys).union(right.keys) {
            let (ls, rs) = (left[place] ?? [], right[place] ?? [])
            for l in ls { for r in rs { expected.append(Pair(l, r)) } }
            if rs.isEmpty { expected += ls.map { Pair($0, nil) } }
            if ls.isEmpty { expected += rs.map { Pair(nil, $0) } }
        }
        #expect(
            driver.output.map { "\($0.value)" }.sorted() == expected.map { "\($0)" }.sorted(), "seed \(seed)")
        #expect(driver.lateDropped == late)
        #expect(driver.stateEntries == 0)
    }
}
