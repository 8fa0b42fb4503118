import BenchmarkData
import MillraceCore
import Testing

/// The shape that the Yahoo streaming benchmark asks for, counted over the text that peers read.
@Suite struct AdEventsTests {
    private static let count = 60_000
    private static func stream(seed: UInt64) -> AdEvents {
        AdEvents(seed: seed, start: .seconds(1_700_000_000), eventsPerSecond: 10_000)
    }
    private static func lines(seed: UInt64, _ count: Int) -> [Substring] {
        var stream = stream(seed: seed)
        var out = ByteWriter()
        for _ in 0..<count { stream.write(stream.next(), to: &out) }
        return String(decoding: out.bytes, as: UTF8.self).split(separator: "\n")
    }
    /// The value of a field, found as text: no parser of ours.
    private static func field(_ name: String, of line: Substring) -> String {
        guard let start = line.range(of: "\"\(name)\":")?.upperBound else { return "" }
        return String(line[start...].prefix { $0 != "," && $0 != "}" }).filter { $0 != "\"" }
    }

    @Test func theSameSeedGivesTheSameBytes() {
        #expect(Self.lines(seed: 1, 1_000) == Self.lines(seed: 1, 1_000))
        #expect(Self.lines(seed: 1, 1_000) != Self.lines(seed: 2, 1_000))
    }

    @Test func anEventCanBeMadeAlone() {
        let fresh = Self.stream(seed: 1)
        var stream = fresh
        for number in 0..<1_000 {
            let (next, alone) = (stream.next(), fresh.event(Int64(number)))
            #expect(next.ad == alone.ad && next.address == alone.address && next.milliseconds == alone.milliseconds)
        }
    }

    @Test func aLineHasTheSevenFields() {
        for line in Self.lines(seed: 3, 1_000) {
            let names = line.dropFirst().dropLast().split(separator: ",").compactMap { $0.split(separator: "\"").first }
            #expect(
                names.map(String.init)
                    == ["user_id", "page_id", "ad_id", "ad_type", "event_type", "event_time", "ip_address"])
            #expect((220...260).contains(line.utf8.count))
            #expect(Self.field("ip_address", of: line).split(separator: ".").compactMap { UInt8($0) }.count == 4)
        }
    }

    @Test func aThousandAdsBelongToAHundredCampaigns() {
        let stream = Self.stream(seed: 1)
        #expect(stream.campaignIDs.count == 100 && Set(stream.campaignIDs).count == 100)
        #expect(stream.ads.count == 1_000 && Set(stream.ads).count == 1_000)
    }

    @Test func everyChoiceIsEquallyLikely() {
        let lines = Self.lines(seed: 1, Self.count)
        for (name, values) in [("event_type", 3), ("ad_type", 5), ("user_id", 100), ("page_id", 100), ("ad_id", 1_000)]
        {
            let counts = lines.reduce(into: [String: Int]()) { $0[Self.field(name, of: $1), default: 0] += 1 }
            #expect(counts.count == values, "\(name)")
            // Chi-squared: its mean is the degrees of freedom, its variance twice that. Six deviations.
            let expected = Double(Self.count) / Double(values)
            let distance = counts.values.reduce(0.0) {
                $0 + (Double($1) - expected) * (Double($1) - expected) / expected
            }
            let freedom = Double(values - 1)
            #expect(abs(distance - freedom) < 6 * (2 * freedom).squareRoot() + 6, "\(name): \(distance) of \(freedom)")
        }
    }

    @Test func timeIsEvenlySpread() {
        let times = Self.lines(seed: 1, 25_000).compactMap { Int64(Self.field("event_time", of: $0)) }
        #expect(times.count == 25_000 && times.first == 1_700_000_000_000 && times.last == 1_700_000_002_499)
        #expect(times == times.sorted())
        #expect(Dictionary(grouping: times) { $0 }.values.allSatisfy { $0.count == 10 })
    }
}

extension Substring {
    fileprivate func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
