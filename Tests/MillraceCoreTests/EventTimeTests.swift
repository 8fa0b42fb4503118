import Foundation
import MillraceCore
import Testing

@Suite struct EventTimeTests {
    static let edges: [Int64] = [.min, .min + 1, -1_000_001, -1, 0, 1, 999_999, 1_767_225_600_000_000, .max - 1, .max]

    private func clamped(_ value: Int128) -> Int64 { Int64(clamping: value) }

    @Test func arithmeticSaturatesLikeWiderIntegersThatAreClamped() {
        for a in Self.edges {
            for b in Self.edges {
                let (x, y) = (TimeSpan(microseconds: a), TimeSpan(microseconds: b))
                #expect((x + y).microseconds == clamped(Int128(a) + Int128(b)))
                #expect((x - y).microseconds == clamped(Int128(a) - Int128(b)))
                #expect((x * b).microseconds == clamped(Int128(a) * Int128(b)))
                let (t, u) = (EventTime(microseconds: a), EventTime(microseconds: b))
                #expect((t - u).microseconds == clamped(Int128(a) - Int128(b)))
                if t != .distantPast && t != .distantFuture {
                    #expect((t + y).microseconds == clamped(Int128(a) + Int128(b)))
                    #expect((t - y).microseconds == clamped(Int128(a) - Int128(b)), "\(a) - \(b)")
                }
            }
        }
    }

    @Test func theEndsOfTimeAbsorb() {
        for span in Self.edges.map({ TimeSpan(microseconds: $0) }) {
            #expect(EventTime.distantFuture - span == .distantFuture)
            #expect(EventTime.distantFuture + span == .distantFuture)
            #expect(EventTime.distantPast + span == .distantPast)
        }
    }

    @Test func unitsSaturate() {
        #expect(EventTime.seconds(.max) == .distantFuture)
        #expect(EventTime.milliseconds(.min) == .distantPast)
        #expect(TimeSpan.days(.max).microseconds == .max)
        #expect(TimeSpan.days(-1).microseconds == -86_400_000_000)
        #expect(TimeSpan.hours(2) == .minutes(120))
        #expect(TimeSpan.minutes(1) == .seconds(60))
        #expect(TimeSpan.seconds(1).seconds == 1)
        let late = MonotonicTime(nanoseconds: .max)
        #expect(late + .days(1) == late)
    }

    @Test func textIsWhatTheCLibrarySays() {
        var random = SeededRandom(seed: 3)
        // Years 1 to 9999.
        for _ in 0..<5_000 {
            let time = EventTime(
                microseconds: Int64.random(in: -62_135_596_800_000_000..<253_402_300_800_000_000, using: &random))
            var seconds = time_t(floor(Double(time.microseconds) / 1_000_000))
            while Int64(seconds) * 1_000_000 > time.microseconds { seconds -= 1 }
            while (Int64(seconds) + 1) * 1_000_000 <= time.microseconds { seconds += 1 }
            var parts = tm()
            gmtime_r(&seconds, &parts)
            var expected = String(
                format: "%04d-%02d-%02dT%02d:%02d:%02d.%06lld", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                parts.tm_hour, parts.tm_min, parts.tm_sec, time.microseconds - Int64(seconds) * 1_000_000)
            while expected.hasSuffix("0") { expected.removeLast() }
            if expected.hasSuffix(".") { expected.removeLast() }
            #expect(time.description == expected + "Z")
        }
    }

    @Test func textOfEdges() {
        #expect(EventTime.seconds(0).description == "1970-01-01T00:00:00Z")
        #expect(EventTime(microseconds: -1).description == "1969-12-31T23:59:59.999999Z")
        #expect(EventTime.seconds(951_782_400).description == "2000-02-29T00:00:00Z")
        #expect(EventTime.distantPast.description == "distant past")
        #expect(EventTime.distantFuture.description == "distant future")
        _ = EventTime(microseconds: .max - 1).description
        _ = EventTime(microseconds: .min + 1).description
    }

    @Test(
        arguments: [
            (0, "0s"), (1, "1us"), (1_000, "1ms"), (-5_000_000, "-5s"), (90_000_000, "90s"), (60_000_000, "1m"),
            (86_400_000_000, "24h"), (1_500_001, "1500001us"),
        ] as [(Int64, String)])
    func spansInTheLargestUnitThatFits(_ micros: Int64, _ text: String) {
        #expect(TimeSpan(microseconds: micros).description == text)
    }
}
