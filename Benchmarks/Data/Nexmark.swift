public import MillraceCore

/// The events of the Nexmark benchmark, each made from a seed and its number: of 50 events one is a new person, three
/// are new auctions and 46 are bids, with the standard skews (half of all bids go to one hot auction, most hot sellers
/// and bidders repeat).
///
/// Numbers follow the usual generator's configuration; the random sequence is our own, so streams of two generators
/// agree in shape, not in values. Peers make the same events or read our file.
public struct Nexmark: Sendable {
    public struct Person: Sendable, Hashable, BitwiseCopyable {
        public var id: Int64, name: ShortText, city: ShortText, state: ShortText, at: EventTime
        public init(id: Int64, name: ShortText, city: ShortText, state: ShortText, at: EventTime) {
            (self.id, self.name, self.city, self.state, self.at) = (id, name, city, state, at)
        }
    }
    public struct Auction: Sendable, Hashable, BitwiseCopyable {
        public var id: Int64, seller: Int64, category: Int64, initialBid: Int64, reserve: Int64
        public var at: EventTime, expires: EventTime
        public init(
            id: Int64, seller: Int64, category: Int64, initialBid: Int64, reserve: Int64, at: EventTime,
            expires: EventTime
        ) {
            (self.id, self.seller, self.category) = (id, seller, category)
            (self.initialBid, self.reserve, self.at, self.expires) = (initialBid, reserve, at, expires)
        }
    }
    public struct Bid: Sendable, Hashable, BitwiseCopyable {
        public var auction: Int64, bidder: Int64, price: Int64, at: EventTime
        public init(auction: Int64, bidder: Int64, price: Int64, at: EventTime) {
            (self.auction, self.bidder, self.price, self.at) = (auction, bidder, price, at)
        }
    }
    public enum Event: Sendable, Hashable, BitwiseCopyable { case person(Person), auction(Auction), bid(Bid) }

    private static let firstPerson: Int64 = 1_000
    private static let firstAuction: Int64 = 1_000
    private static let firstCategory: Int64 = 10
    private static let categories: UInt64 = 5
    /// People and auctions that newer events may still name.
    private static let activePeople: Int64 = 1_000
    private static let openAuctions: Int64 = 100
    /// One in so many goes elsewhere than to the hot one.
    private static let hotAuctionRatio: UInt64 = 2
    private static let hotSellerRatio: UInt64 = 4
    private static let hotBidderRatio: UInt64 = 4
    private static let hotStep: Int64 = 100

    private static let firstNames = [
        "Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter",
    ]
    private static let lastNames = [
        "Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris",
    ]
    /// Every first name with every last one.
    private static let names = firstNames.flatMap { first in lastNames.map { ShortText(first + " " + $0) } }
    private static let states: [ShortText] = ["AZ", "CA", "ID", "OR", "WA", "WY"]
    private static let cities: [ShortText] = [
        "Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent",
        "Cheyenne",
    ]

    private let seed: UInt64
    private let start: EventTime
    private let microsecondsPerEvent: Int64

    public init(seed: UInt64, start: EventTime, eventsPerSecond: Int64) {
        precondition(eventsPerSecond > 0 && eventsPerSecond <= 1_000_000, "1 to 1,000,000 events a second")
        (self.seed, self.start, microsecondsPerEvent) = (seed, start, 1_000_000 / eventsPerSecond)
    }

    /// The stream that all systems are measured with.
    public static var benchmark: Nexmark {
        Nexmark(seed: 1, start: .seconds(1_700_000_000), eventsPerSecond: 10_000)
    }

    /// Event `number`, from 0: always the same, whichever were made before.
    public func event(_ number: Int64) -> Event {
        let (epoch, turn) = UInt64(number).quotientAndRemainder(dividingBy: 50)
        let at = EventTime(microseconds: start.microseconds + number * microsecondsPerEvent)
        var draws = Draws(seed: seed, event: number)
        // The newest person and auction that exist when this event happens.
        let lastPerson = Int64(epoch)
        let lastAuction = turn == 0 ? lastPerson * 3 - 1 : lastPerson * 3 + min(Int64(turn) - 1, 2)
        switch turn {
        case 0: return .person(person(lastPerson, at, &draws))
        case 1...3: return .auction(auction(lastPerson * 3 + Int64(turn) - 1, lastPerson, at, &draws))
        default: return .bid(bid(lastAuction, lastPerson, at, &draws))
        }
    }

    private func person(_ number: Int64, _ at: EventTime, _ draws: inout Draws) -> Person {
        let first = Int(draws.below(UInt64(Self.firstNames.count)))
        let last = Int(draws.below(UInt64(Self.lastNames.count)))
        return Person(
            id: Self.firstPerson + number, name: Self.names[first * Self.lastNames.count + last],
            city: draws.pick(Self.cities), state: draws.pick(Self.states), at: at)
    }

    private func auction(_ number: Int64, _ lastPerson: Int64, _ at: EventTime, _ draws: inout Draws) -> Auction {
        let seller =
            draws.below(Self.hotSellerRatio) == 0
            ? recentPerson(lastPerson, &draws) : lastPerson / Self.hotStep * Self.hotStep
        let initial = draws.price()
        // Auctions stay open for as long as it takes to open `openAuctions` more, give or take.
        let open = UInt64(Self.openAuctions * 50 / 3 * microsecondsPerEvent)
        return Auction(
            id: Self.firstAuction + number, seller: Self.firstPerson + seller,
            category: Self.firstCategory + Int64(draws.below(Self.categories)), initialBid: initial,
            reserve: initial + draws.price(), at: at,
            expires: at + TimeSpan(microseconds: 1 + Int64(draws.below(max(1, open * 2)))))
    }

    private func bid(_ lastAuction: Int64, _ lastPerson: Int64, _ at: EventTime, _ draws: inout Draws) -> Bid {
        let choices = draws.next()
        // Both are computed and one is taken: which is no more than a coin to the processor.
        let open = max(0, lastAuction - Self.openAuctions)
        let anyAuction = open + Int64(draws.below(UInt64(lastAuction - open + 1)))
        let hotAuction = lastAuction / Self.hotStep * Self.hotStep
        let anyBidder = recentPerson(lastPerson, &draws)
        let hotBidder = lastPerson / Self.hotStep * Self.hotStep + 1
        return Bid(
            auction: Self.firstAuction + (choices % Self.hotAuctionRatio == 0 ? anyAuction : hotAuction),
            bidder: Self.firstPerson + ((choices >> 8) % Self.hotBidderRatio == 0 ? anyBidder : hotBidder),
            price: draws.price(), at: at)
    }

    private func recentPerson(_ last: Int64, _ draws: inout Draws) -> Int64 {
        let first = max(0, last - Self.activePeople)
        return first + Int64(draws.below(UInt64(last - first + 1)))
    }
}
