import Foundation
import MillraceCore
import MillraceFlow
import Testing

@testable import EngineProbe
@testable import MillraceEngine

@Suite struct EdgeTapTests {
    private static func record(_ number: Int) -> String { "record \(number)" }

    /// Lends `count` records to the point, `Limits.recordsPerBatch` at most in one batch.
    private func lend(_ count: Int, from first: Int = 0, to point: TapPoint, partition: Int = 0, now: MonotonicTime) {
        let texts = (first..<first + count).map { Array(Self.record($0).utf8) }
        let bytes = texts.flatMap { $0 }
        bytes.withUnsafeBytes { all in
            var records: [RawRecord] = []
            var start = 0
            for (index, text) in texts.enumerated() {
                records.append(
                    RawRecord(
                        offset: Int64(first + index), timestamp: .seconds(1), key: nil,
                        value: UnsafeRawBufferPointer(rebasing: all[start..<start + text.count])))
                start += text.count
            }
            records.withUnsafeBufferPointer { point.see($0, partition: partition, now: now) }
        }
    }
    private func text(_ sight: TapSight) -> [UInt8]? { sight.value.map { Array($0) } }
    private let start = MonotonicTime(nanoseconds: 0)

    @Test func aPointWithoutTapsIsOffAndWithOneIsOnUntilItEnds() throws {
        let point = TapPoint()
        #expect(!point.isTapped)
        var options = EdgeTap.Options()
        options.limit = 3
        let tap = EdgeTap(options, now: start) { text($0) }
        try point.add(tap)
        #expect(point.isTapped)
        lend(2, to: point, now: start)
        #expect(point.isTapped)
        lend(5, from: 2, to: point, now: start)
        #expect(!point.isTapped, "the limit is reached")
        let (kept, counts, isOver) = tap.take(now: start)
        #expect(kept.map { String(decoding: $0, as: UTF8.self) } == (0..<3).map(Self.record))
        #expect(isOver && counts.shown == 3 && counts.passed == 7)
    }

    @Test func itEndsWithItsTimeEvenWhenNothingPasses() throws {
        var options = EdgeTap.Options()
        options.duration = .seconds(2)
        let (point, tap) = (TapPoint(), EdgeTap(options, now: start) { text($0) })
        try point.add(tap)
        #expect(!tap.take(now: start + .milliseconds(1_999)).isOver)
        #expect(tap.take(now: start + .seconds(2)).isOver)
        lend(1, to: point, now: start + .seconds(3))
        #expect(!point.isTapped && tap.take(now: start).kept.isEmpty)
    }

    @Test func theSampleIsEvenAndAboutAsLargeAsAsked() throws {
        var options = EdgeTap.Options()
        (options.sample, options.limit) = (0.1, 10_000)
        let numbers = Lock<[Int64]>([])
        let tap = EdgeTap(options, now: start) { sight in
            numbers.withLock { $0.append(sight.offset ?? -1) }
            return nil
        }
        let point = TapPoint()
        try point.add(tap)
        for batch in 0..<10 { lend(1_000, from: batch * 1_000, to: point, now: start) }
        let seen = numbers.withLock { $0 }
        #expect((900...1_100).contains(seen.count), "\(seen.count)")
        // No thousand of them is left out or overdone.
        for thousand in 0..<10 {
            let part = seen.filter { $0 / 1_000 == Int64(thousand) }.count
            #expect((60...140).contains(part), "\(part)")
        }
    }

    @Test func looksOfASecondAndBytesKeptAreBoundedAndCounted() throws {
        var options = EdgeTap.Options()
        options.limit = Limits.tapRecordsMost
        let (point, tap) = (TapPoint(), EdgeTap(options, now: start) { _ in [UInt8](repeating: 0, count: 1_000) })
        try point.add(tap)
        let count = Limits.tapLooksPerSecond + 5_000
        for first in stride(from: 0, to: count, by: 1_000) { lend(1_000, from: first, to: point, now: start) }
        let (kept, counts, _) = tap.take(now: start)
        #expect(counts.passed == Int64(count) && counts.looked == Int64(Limits.tapLooksPerSecond))
        #expect(kept.count * 1_000 <= Limits.tapBytes)
        #expect(counts.lost == counts.looked - Int64(kept.count))
        // Room and looks again, a second later.
        lend(10, to: point, now: start + .seconds(1))
        #expect(tap.take(now: start).kept.count == 10)
    }

    @Test func onlyItsPartitionAndNoMoreTapsThanAllowed() throws {
        var options = EdgeTap.Options()
        options.partition = 3
        let (point, tap) = (TapPoint(), EdgeTap(options, now: start) { text($0) })
        try point.add(tap)
        lend(2, to: point, partition: 1, now: start)
        lend(3, to: point, partition: 3, now: start)
        #expect(tap.take(now: start).kept.count == 3)
        for _ in 1..<Limits.tapsPerPoint { try point.add(EdgeTap(options, now: start) { _ in nil }) }
        let failure = #expect(throws: Failure.self) { try point.add(EdgeTap(options, now: start) { _ in nil }) }
        #expect(failure?.code == .limitReached)
    }

    @Test func aRunningPipelineShowsItsEdges() async throws {
        let fixture = NodeFixture(
            Topology([Log<Visit>("visits", partitions: 2).feeds(PromptViews()).into(Table("views"))]))
        defer { fixture.remove() }
        let node = try fixture.start()
        func tap(_ stage: Int, _ side: EdgeTap.Side) throws -> EdgeTap {
            var options = EdgeTap.Options()
            (options.stage, options.side, options.limit) = (stage, side, 1_000)
            let tap = EdgeTap(options, now: node.clock.now) { sight in
                sight.columns.isEmpty
                    ? sight.value.map { Array($0) } : Array(sight.columns.map(\.name).joined(separator: ",").utf8)
            }
            try node.tap(tap, pipeline: "PromptViews")
            return tap
        }
        let (source, shuffle, rows) = (try tap(0, .input), try tap(1, .input), try tap(1, .output))
        let visits = (0..<100).map { Visit(user: UInt32($0), page: UInt32($0 % 7), second: UInt32(1_000 + $0)) }
        try await node.append(visits + [Visit(user: 1, page: 1, second: 9_000)], to: "visits")
        try await node.append((0..<50).map { Visit(user: $0, page: 9, second: 9_000) }, to: "visits")
        let counts = try await node.run(
            until: { _ in
                [(rows, 7), (source, 151)].allSatisfy { $0.take(now: node.clock.now).counts.shown >= $1 }
            },
            then: { _ in [source, shuffle, rows].map { $0.take(now: node.clock.now).counts } })
        #expect(counts[0].shown == 151)
        #expect(counts[1].shown > 0)
        #expect(counts[2].shown >= 7)
        #expect(throws: Failure.self) { try tap(7, .input) }
    }
}
