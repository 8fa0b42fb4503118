import MillraceCore
import Testing

@testable import MillraceEngine

@Suite struct UpstreamWatermarksTests {
    /// `tell` outside of `#expect`, which cannot call what mutates.
    private func told(_ watermarks: inout UpstreamWatermarks, _ id: Int64, _ time: EventTime) -> Bool {
        watermarks.tell(id, time)
    }

    @Test func nobodyIsLeftOutBeforeAllHaveSpoken() {
        var watermarks = UpstreamWatermarks(expecting: 3)
        #expect(!told(&watermarks, 7, .seconds(10)))
        #expect(!told(&watermarks, 8, .seconds(20)))
        #expect(watermarks.holder(named: { "producer \($0)" }).contains("1 of 3"))
        #expect(told(&watermarks, 9, .seconds(5)))
        #expect(watermarks.combined == .seconds(5))
        #expect(watermarks.holder(named: { "producer \($0)" }).contains("producer 9"))
    }

    @Test func itNeverGoesBack() {
        var watermarks = UpstreamWatermarks(expecting: 1, combined: .seconds(30))
        #expect(!told(&watermarks, 1, .seconds(10)))
        #expect(watermarks.combined == .seconds(30))
        #expect(told(&watermarks, 1, .seconds(31)))
    }

    @Test func anIdleProducerHoldsNobodyBackUntilItSpeaks() {
        var watermarks = UpstreamWatermarks(expecting: 2)
        _ = watermarks.tell(1, .seconds(10))
        #expect(told(&watermarks, 2, .distantPast))
        #expect(watermarks.combined == .seconds(10))
        #expect(!told(&watermarks, 2, .seconds(4)))
        #expect(!told(&watermarks, 1, .seconds(12)))
        #expect(watermarks.holder(named: { "producer \($0)" }).contains("producer 2"))
        #expect(told(&watermarks, 2, .seconds(14)))
        #expect(watermarks.combined == .seconds(12))
    }

    @Test func whenAllAreIdleTheHighestCounts() {
        var watermarks = UpstreamWatermarks(expecting: 2)
        _ = watermarks.tell(1, .seconds(10))
        _ = watermarks.tell(2, .seconds(20))
        #expect(watermarks.combined == .seconds(10))
        _ = watermarks.tell(1, .distantPast)
        #expect(told(&watermarks, 2, .distantPast) == false)
        #expect(watermarks.combined == .seconds(20))
        #expect(watermarks.holder(named: { "producer \($0)" }).contains("all 2"))
    }

    @Test func whatWasSaidIsKnownAfterARestart() {
        var before = UpstreamWatermarks(expecting: 2)
        _ = before.tell(1, .seconds(10))
        _ = before.tell(2, .distantPast)
        var after = UpstreamWatermarks(expecting: 2, restoring: before.producers, combined: before.combined)
        // The idle one is not asked again.
        #expect(told(&after, 1, .seconds(11)))
        #expect(after.combined == .seconds(11))
    }

    @Test func theEndOfAllIsTheEnd() {
        var watermarks = UpstreamWatermarks(expecting: 2)
        _ = watermarks.tell(1, .distantFuture)
        #expect(told(&watermarks, 2, .distantFuture))
        #expect(watermarks.combined == .distantFuture)
    }
}
