import BenchmarkData
import MillraceCore
import Testing

/// The proportions and skews of the Nexmark generator.
@Suite struct NexmarkStreamTests {
    private static let count = 100_000
    private static func events(seed: UInt64 = 1, _ count: Int = count) -> [Nexmark.Event] {
        let stream = Nexmark(seed: seed, start: .seconds(1_700_000_000), eventsPerSecond: 10_000)
        return (0..<count).map { stream.event(Int64($0)) }
    }
    private static let stream = events()
    private static let people = stream.compactMap { if case .person(let person) = $0 { person } else { nil } }
    private static let auctions = stream.compactMap { if case .auction(let auction) = $0 { auction } else { nil } }
    private static let bids = stream.compactMap { if case .bid(let bid) = $0 { bid } else { nil } }

    /// Whether about so many of so many are true: within six standard deviations.
    private static func isNear(_ count: Int, _ part: Double, of all: Int) -> Bool {
        let mean = Double(all) * part
        return abs(Double(count) - mean) < 6 * (mean * (1 - part)).squareRoot()
    }

    @Test func theSameSeedGivesTheSameEvents() {
        #expect(Self.events(1_000) == Self.events(1_000))
        #expect(Self.events(seed: 2, 1_000) != Self.events(1_000))
    }

    /// The lines as text: no parser of ours.
    @Test func theFileHasALineForEachKind() {
        let lines = Self.stream[..<51].map { event in
            var out = ByteWriter()
            event.write(to: &out)
            return String(decoding: out.bytes, as: UTF8.self)
        }
        let (person, auction, bid) = (Self.people[0], Self.auctions[0], Self.bids[0])
        #expect(
            lines[0] == #"{"kind":"person","at":\#(person.at.microseconds),"id":1000,"name":"\#(person.name.text)""#
                + #","city":"\#(person.city.text)","state":"\#(person.state.text)"}"#)
        #expect(
            lines[1] == #"{"kind":"auction","at":1700000000000100,"id":1000,"seller":\#(auction.seller)"#
                + #","category":\#(auction.category),"initial_bid":\#(auction.initialBid)"#
                + #","reserve":\#(auction.reserve),"expires":\#(auction.expires.microseconds)}"#)
        #expect(
            lines[4] == #"{"kind":"bid","at":1700000000000400,"auction":\#(bid.auction)"#
                + #","bidder":\#(bid.bidder),"price":\#(bid.price)}"#)
        #expect(lines[50].hasPrefix(#"{"kind":"person""#))
    }

    @Test func shortTextIsItsBytes() {
        for text in ["", "a", "12345678", "123456789", "San Francisco", "fifteen letters", "Zürich"] {
            #expect(ShortText(text).text == text && ShortText(text).isEmpty == text.isEmpty)
            #expect(ShortText(words: ShortText(text).words) == ShortText(text))
        }
        #expect(ShortText("ab") != ShortText("ba") && ShortText(words: (0, 16 << 56)) == nil)
    }

    @Test func ofFiftyEventsOneIsAPersonThreeAreAuctionsAndTheRestBids() {
        #expect(Self.people.count == Self.count / 50)
        #expect(Self.auctions.count == Self.count / 50 * 3)
        #expect(Self.bids.count == Self.count / 50 * 46)
    }

    @Test func idsCountUpAndTimeGoesOn() {
        #expect(Self.people.map(\.id) == (0..<Int64(Self.people.count)).map { 1_000 + $0 })
        #expect(Self.auctions.map(\.id) == (0..<Int64(Self.auctions.count)).map { 1_000 + $0 })
        let times = Self.bids.map(\.at)
        #expect(times == times.sorted())
        #expect(times.last.map { $0 < EventTime.seconds(1_700_000_010) } == true)
    }

    /// Half of the bids go to the hot auction, the last whose number is a multiple of a hundred; the others to the
    /// newest hundred, each as likely, of which the hot one is one.
    @Test func halfOfAllBidsGoToTheHotAuction() {
        var hot = 0
        var newest: Int64 = 0
        for event in Self.stream {
            switch event {
            case .auction(let auction): newest = auction.id - 1_000
            case .bid(let bid):
                if bid.auction - 1_000 == newest / 100 * 100 { hot += 1 }
                #expect(bid.auction - 1_000 <= newest && bid.auction - 1_000 >= max(0, newest - 100))
            case .person: break
            }
        }
        #expect(Self.isNear(hot, 0.5 + 0.5 / 101, of: Self.bids.count), "\(hot) of \(Self.bids.count)")
    }

    /// Three in four bids come from the hot bidder, the one after the last person of a round number, and three in four
    /// auctions from the hot seller; the rest from the newest thousand people.
    @Test func threeInFourBidsAndAuctionsAreOfHotPeople() {
        var (hotBids, hotAuctions) = (0, 0)
        var newest: Int64 = 0
        for event in Self.stream {
            switch event {
            case .person(let person): newest = person.id - 1_000
            case .auction(let auction):
                if auction.seller - 1_000 == newest / 100 * 100 { hotAuctions += 1 }
                #expect(auction.seller - 1_000 >= max(0, newest - 1_000) && auction.seller - 1_000 <= newest)
            case .bid(let bid):
                if bid.bidder - 1_000 == newest / 100 * 100 + 1 { hotBids += 1 }
                #expect(bid.bidder - 1_000 >= max(0, newest - 1_000) && bid.bidder - 1_000 <= newest + 1)
            }
        }
        // The rest meets the hot one by chance, the more often the fewer people there are yet.
        #expect(hotBids > Self.bids.count * 74 / 100 && hotBids < Self.bids.count * 77 / 100, "\(hotBids)")
        #expect(hotAuctions > Self.auctions.count * 73 / 100 && hotAuctions < Self.auctions.count * 78 / 100)
    }

    @Test func everyOrderOfMagnitudeOfAPriceIsEquallyLikely() {
        var counts = [Int](repeating: 0, count: 6)
        for bid in Self.bids {
            #expect((100..<100_000_000).contains(bid.price))
            counts[String(bid.price).count - 3] += 1
        }
        for count in counts { #expect(Self.isNear(count, 1.0 / 6, of: Self.bids.count), "\(counts)") }
    }

    @Test func auctionsAreOfFiveCategoriesAndEndAfterTheyBegan() {
        let categories = Self.auctions.reduce(into: [Int64: Int]()) { $0[$1.category, default: 0] += 1 }
        #expect(Set(categories.keys) == [10, 11, 12, 13, 14])
        for count in categories.values { #expect(Self.isNear(count, 0.2, of: Self.auctions.count)) }
        #expect(Self.auctions.allSatisfy { $0.expires > $0.at && $0.reserve > $0.initialBid })
    }
}
