import Millrace
import MillraceTesting
import Testing

@testable import AdClicksSample
@testable import PageViewsSample
@testable import SensorAlertsSample

/// The pipelines of the samples, driven without a node.
@Suite struct PageViewsSampleTests {
    @Test func clicksAreCountedPerPageAndWindow() throws {
        let driver = try PipelineDriver(PageViews(), partitions: 2)
        driver.feed(Click(page: "/a", user: 1, at: .seconds(1)))
        driver.feed(Click(page: "/a", user: 2, at: .seconds(9)), to: 1)
        driver.feed(Click(page: "/b", user: 1, at: .seconds(5)))
        driver.advance(to: .seconds(10))
        #expect(Set(driver.output.map { "\($0.key) \($0.value)" }) == ["/a 2", "/b 1"])
    }

    @Test func theTopologyIsSound() throws { try Node.check(Site().topology) }
}

@Suite struct AdClicksSampleTests {
    @Test func onlyViewsOfKnownAdsCount() throws {
        let driver = try PipelineDriver(CampaignViews(campaigns: ["shoes", "bikes"]))
        for (ad, kind) in [(0, "view"), (0, "view"), (0, "click"), (1, "view"), (2, "view")] {
            driver.feed(AdEvent(ad: ad, kind: kind, at: .seconds(7)))
        }
        driver.advance(to: .seconds(8))
        #expect(Set(driver.output.map { "\($0.key) \($0.value)" }) == ["shoes 2", "bikes 1"])
    }

    @Test func theTopologyIsSound() throws { try Node.check(AdClicks().topology) }
}

@Suite struct SensorAlertsSampleTests {
    @Test func aSpellOfHeatIsOneSession() throws {
        let driver = try PipelineDriver(HotSpells())
        driver.feed(other: Ceiling(sensor: 1, celsius: 50, at: .seconds(0)), port: 1)
        driver.feed(other: Ceiling(sensor: 1, celsius: 50, at: .seconds(100)), port: 1)
        for (second, celsius) in [(1, 20.0), (2, 60), (4, 75), (6, 61), (8, 20), (20, 55), (40, 20)] {
            driver.feed(Reading(sensor: 1, celsius: celsius, at: .seconds(Int64(second))))
        }
        driver.advance(to: .seconds(40))
        #expect(driver.output.map(\.value) == [75, 55])
        #expect(driver.output.map(\.start) == [.seconds(2), .seconds(20)])
    }

    @Test func aSensorThatStopsIsSilentUntilItSpeaks() throws {
        let driver = try PipelineDriver(SilentSensors())
        driver.feed(Reading(sensor: 1, celsius: 20, at: .seconds(1)))
        driver.feed(Reading(sensor: 2, celsius: 20, at: .seconds(1)))
        for second in 2..<12 as Range<Int64> { driver.feed(Reading(sensor: 2, celsius: 20, at: .seconds(second))) }
        #expect(driver.output.map { "\($0.key) \($0.value)" } == ["1 silent since \(EventTime.seconds(1))"])
        driver.feed(Reading(sensor: 1, celsius: 20, at: .seconds(12)))
        #expect(driver.output.last.map { "\($0.key) \($0.value)" } == "1 back since \(EventTime.seconds(12))")
        #expect(driver.output.count == 2)
    }

    @Test func theSensorsDoWhatTheReadmeSays() {
        let readings = (0..<40 * 60).map { SensorAlerts.reading(Int64($0), since: .seconds(0)) }
        let hot = readings.filter { $0.celsius > 50 }
        #expect(Set(hot.map(\.sensor)) == [3])
        let seven = readings.filter { $0.sensor == 7 }.map { $0.at.microseconds / 1_000_000 % 30 }
        #expect(!seven.contains { (5..<15).contains($0) } && seven.contains(4) && seven.contains(15))
    }

    @Test func theTopologyIsSound() throws { try Node.check(SensorAlerts().topology) }
}
