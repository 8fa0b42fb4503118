public import MillraceCore

/// The events of the Nexmark benchmark, made from a seed: of 50 events one is a new person, three are new auctions and
/// 46 are bids, with the standard skews (half of all bids go to one hot auction, most hot sellers and bidders repeat).
///
/// Numbers follow the usual generator's configuration; the random sequence is our own, so streams of two generators
/// agree in shape, not in values. Peers read our file.
public struct Nexmark: Sendable {
    public struct Person: Sendable, Hashable {
        public var id: Int64, name: String, city: String, state: String, at: EventTime
        public init(id: Int64, name: String, city: String, state: String, at: EventTime) {
            (self.id, self.name, self.city, self.state, self.at) = (id, name, city, state, at)
        }
    }
    public struct Auction: Sendable, Hashable {
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
    public enum Event: Sendable, Hashable { case person(Person), auction(Auction), bid(Bid) }

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
    private static let states = ["AZ", "CA", "ID", "OR", "WA", "WY"]
    private static let cities = [
        "Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent",
        "Cheyenne",
    ]

    private let start: EventTime
    private let microsecondsPerEvent: Int64
    private var random: SeededRandom
    private var count: Int64 = 0

    public init(seed: UInt64, start: EventTime, eventsPerSecond: Int64) {
        precondition(eventsPerSecond > 0 && eventsPerSecond <= 1_000_000, "1 to 1,000,000 events a second")
        random = SeededRandom(seed: seed)
        (self.start, microsecondsPerEvent) = (start, 1_000_000 / eventsPerSecond)
    }

    public mutating func next() -> Event {
        let (epoch, turn) = count.quotientAndRemainder(dividingBy: 50)
        let at = start + TimeSpan(microseconds: count * microsecondsPerEvent)
        count += 1
        // The newest person and auction that exist when this event happens.
        let lastPerson = epoch
        let lastAuction = turn == 0 ? epoch * 3 - 1 : epoch * 3 + min(turn - 1, 2)
        switch turn {
        case 0: return .person(person(epoch, at))
        case 1...3: return .auction(auction(epoch * 3 + turn - 1, lastPerson, at))
        default: return .bid(bid(lastAuction, lastPerson, at))
        }
    }

    private mutating func person(_ number: Int64, _ at: EventTime) -> Person {
        Person(
            id: Self.firstPerson + number, name: pick(Self.firstNames) + " " + pick(Self.lastNames),
            city: pick(Self.cities), state: pick(Self.states), at: at)
    }

    private mutating func auction(_ number: Int64, _ lastPerson: Int64, _ at: EventTime) -> Auction {
        let seller =
            random.chance(1, in: Self.hotSellerRatio)
            ? recentPerson(lastPerson) : lastPerson / Self.hotStep * Self.hotStep
        let initial = price()
        // Auctions stay open for as long as it takes to open `openAuctions` more, give or take.
        let open = Self.openAuctions * 50 / 3 * microsecondsPerEvent
        return Auction(
            id: Self.firstAuction + number, seller: Self.firstPerson + seller,
            category: Self.firstCategory + Int64(random.next(upperBound: Self.categories)), initialBid: initial,
            reserve: initial + price(), at: at,
            expires: at + TimeSpan(microseconds: 1 + Int64(random.next(upperBound: UInt64(max(1, open * 2))))))
    }

    private mutating func bid(_ lastAuction: Int64, _ lastPerson: Int64, _ at: EventTime) -> Bid {
        let auction: Int64
        if random.chance(1, in: Self.hotAuctionRatio) {
            let first = max(0, lastAuction - Self.openAuctions)
            auction = first + Int64(random.next(upperBound: UInt64(lastAuction - first + 1)))
        } else {
            auction = lastAuction / Self.hotStep * Self.hotStep
        }
        let bidder =
            random.chance(1, in: Self.hotBidderRatio)
            ? recentPerson(lastPerson) : lastPerson / Self.hotStep * Self.hotStep + 1
        return Bid(auction: Self.firstAuction + auction, bidder: Self.firstPerson + bidder, price: price(), at: at)
    }

    private mutating func recentPerson(_ last: Int64) -> Int64 {
        let first = max(0, last - Self.activePeople)
        return first + Int64(random.next(upperBound: UInt64(last - first + 1)))
    }

    /// Between 1.00 and 1,000,000.00 in cents; every order of magnitude equally likely.
    private mutating func price() -> Int64 {
        var magnitude: Int64 = 100
        for _ in 0..<random.next(upperBound: 6 as UInt64) { magnitude *= 10 }
        return magnitude + Int64(random.next(upperBound: UInt64(magnitude) * 9))
    }

    private mutating func pick(_ names: [String]) -> String { names[Int(random.next(upperBound: UInt64(names.count)))] }
}
