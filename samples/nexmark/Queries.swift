import BenchmarkData
import Millrace

/// The queries of the Nexmark benchmark as pipelines, in its numbering. Prices are in cents.

/// Nothing of the stream: what making it costs, the control of the others.
struct NoQuery: Pipeline {
    var body: some Flow<NexmarkRecord, NexmarkRecord> {
        Events<NexmarkRecord>().filter { $0.at == .distantFuture }
    }
}

/// Every event as it is: what moving a record costs.
struct Query0: Pipeline {
    var body: some Flow<NexmarkRecord, NexmarkRecord> { Events<NexmarkRecord>() }
}

/// The price of every bid in euros.
struct Query1: Pipeline {
    var body: some Flow<NexmarkRecord, Nexmark.Bid> {
        Events<NexmarkRecord>()
            .compactMap(to: Nexmark.Bid.self) { $0.bid }
            .map(to: Nexmark.Bid.self) { bid in
                var bid = bid
                bid.price = bid.price * 89 / 100
                return bid
            }
    }
}

/// Bids on every 123rd auction.
struct Query2: Pipeline {
    var body: some Flow<NexmarkRecord, Nexmark.Bid> {
        Events<NexmarkRecord>()
            .compactMap(to: Nexmark.Bid.self) { $0.bid }
            .filter { $0.auction % 123 == 0 }
    }
}

/// Who in three states sells something of category 10, and what.
struct Query3: Pipeline {
    static let states: [ShortText] = ["OR", "ID", "CA"]
    /// A seller was there before the auction, however long ago.
    var memory = TimeSpan.days(365)

    var body: some Flow<NexmarkRecord, Keyed<Int64, Pair<Nexmark.Person, Nexmark.Auction>>> {
        let people = Events<NexmarkRecord>()
            .timed(by: \.at)
            .compactMap(to: Nexmark.Person.self) { $0.person }
            .filter { Self.states.contains($0.state) }
            .keyed(by: \.id)
        let auctions = Events<NexmarkRecord>()
            .timed(by: \.at)
            .compactMap(to: Nexmark.Auction.self) { $0.auction }
            .filter { $0.category == 10 }
            .keyed(by: \.seller)
        return people.join(auctions, before: memory, after: memory)
    }
}

/// The mean winning price of each category, after every auction that closes with a winner.
struct Query4: Pipeline {
    var body: some Flow<NexmarkRecord, Keyed<Int64, Double>> {
        Events<NexmarkRecord>()
            .timed(by: \.at)
            .compactMap(to: Closing.Offer.self) { Closing.Offer($0.event) }
            .keyed(by: \.auction)
            .process(Closing(), named: "closing")
            .keyed(by: \.value.category)
            .running(Mean { Double($0.value.price) }, named: "mean")
    }
}

/// An auction's highest bid of at least the reserve, once the auction is over.
struct Closing: KeyedProcess {
    typealias Key = Int64
    typealias Value = Offer
    typealias Output = Sale

    /// What concerns one auction: its opening, or a bid on it.
    enum Offer: Storable {
        case opening(Nexmark.Auction)
        case bid(Nexmark.Bid)

        init?(_ event: Nexmark.Event) {
            switch event {
            case .person: return nil
            case .auction(let auction): self = .opening(auction)
            case .bid(let bid): self = .bid(bid)
            }
        }
        var auction: Int64 {
            switch self {
            case .opening(let auction): auction.id
            case .bid(let bid): bid.auction
            }
        }
        func store(into writer: inout ByteWriter) {
            switch self {
            case .opening(let auction):
                writer.byte(0)
                auction.store(into: &writer)
            case .bid(let bid):
                writer.byte(1)
                bid.store(into: &writer)
            }
        }
        static func load(from reader: inout ByteReader) throws -> Offer {
            try reader.byte() == 0 ? .opening(try .load(from: &reader)) : .bid(try .load(from: &reader))
        }
    }
    struct Sale: Storable {
        var category: Int64
        var price: Int64
        func store(into writer: inout ByteWriter) {
            writer.integer(category)
            writer.integer(price)
        }
        static func load(from reader: inout ByteReader) throws -> Sale {
            Sale(category: try reader.integer(), price: try reader.integer())
        }
    }
    struct State: Storable {
        var auction: Nexmark.Auction?
        var best: Int64?
        func store(into writer: inout ByteWriter) {
            auction.store(into: &writer)
            best.store(into: &writer)
        }
        static func load(from reader: inout ByteReader) throws -> State {
            State(auction: try .load(from: &reader), best: try .load(from: &reader))
        }
    }

    func makeState() -> State { State() }

    func process(
        _ offer: Offer, at time: EventTime, in context: inout ProcessContext<Int64, State>,
        emit: (Sale) throws -> Void
    ) throws {
        switch offer {
        case .opening(let auction):
            context.state.auction = auction
            try context.setTimer(at: auction.expires, tag: 0)
        case .bid(let bid):
            guard let auction = context.state.auction else { return context.clear() }
            guard bid.price >= auction.reserve, bid.at < auction.expires else { return }
            context.state.best = max(context.state.best ?? 0, bid.price)
        }
    }
    func timer(
        _ timer: ProcessTimer, in context: inout ProcessContext<Int64, State>, emit: (Sale) throws -> Void
    ) throws {
        if let auction = context.state.auction, let best = context.state.best {
            try emit(Sale(category: auction.category, price: best))
        }
        context.clear()
    }
}

/// The auction with the most bids of the last ten seconds, every two seconds.
struct Query5: Pipeline {
    static let slide = TimeSpan.seconds(2)

    var body: some Flow<NexmarkRecord, Keyed<EventTime, Hottest>> {
        Events<NexmarkRecord>()
            .compactMap(to: Nexmark.Bid.self) { $0.bid }
            .timed(by: \.at)
            .keyed(by: \.auction)
            .window(.sliding(.seconds(10), every: Self.slide))
            .count(named: "bids")
            .map(to: HotAuction.self) { HotAuction(end: $0.end, auction: $0.key, bids: $0.value) }
            .keyed(by: \.end)
            .window(.tumbling(Self.slide))
            .reduce({ ($1.bids, -$1.auction) > ($0.bids, -$0.auction) ? $1 : $0 }, named: "hottest")
            .map(to: Keyed<EventTime, Hottest>.self) {
                Keyed(key: $0.key, value: Hottest(auction: $0.value.auction, bids: $0.value.bids))
            }
    }
}
struct Hottest: CodableRow, Hashable {
    var auction: Int64
    var bids: Int
}
struct HotAuction: Storable, Hashable {
    /// Of the window that the bids are of.
    var end: EventTime
    var auction: Int64
    var bids: Int
    func store(into writer: inout ByteWriter) {
        end.store(into: &writer)
        writer.integer(auction)
        bids.store(into: &writer)
    }
    static func load(from reader: inout ByteReader) throws -> HotAuction {
        HotAuction(end: try .load(from: &reader), auction: try reader.integer(), bids: try .load(from: &reader))
    }
}

/// The highest bid of every ten seconds.
struct Query7: Pipeline {
    var body: some Flow<NexmarkRecord, Keyed<EventTime, HighestBid>> {
        Events<NexmarkRecord>()
            .compactMap(to: Nexmark.Bid.self) { $0.bid }
            .timed(by: \.at)
            .keyed(by: { _ in true })
            .window(.tumbling(.seconds(10)))
            .reduce { ($1.price, $1.auction, $1.bidder) > ($0.price, $0.auction, $0.bidder) ? $1 : $0 }
            .map(to: Keyed<EventTime, HighestBid>.self) { Keyed(key: $0.end, value: HighestBid($0.value)) }
    }
}
struct HighestBid: CodableRow, Hashable {
    var price: Int64
    var auction: Int64
    var bidder: Int64
    init(_ bid: Nexmark.Bid) { (price, auction, bidder) = (bid.price, bid.auction, bid.bidder) }
}

/// Who came and opened an auction within the same ten seconds.
struct Query8: Pipeline {
    var body: some Flow<NexmarkRecord, Keyed<Int64, NewSeller>> {
        Events<NexmarkRecord>()
            .timed(by: \.at)
            .compactMap(to: Arrival.self) { Arrival($0.event) }
            .keyed(by: \.person)
            .window(.tumbling(.seconds(10)))
            .aggregate(Arrivals(), named: "arrivals")
            .flatMap(to: Keyed<Int64, NewSeller>.self) { pane in
                // An auction without a name is of someone who came earlier.
                let auctions = pane.value.name.isEmpty ? [] : pane.value.auctions
                return auctions.lazy.map { Keyed(key: pane.key, value: NewSeller(name: pane.value.name, auction: $0)) }
            }
    }
}
struct NewSeller: Hashable {
    var name: ShortText
    var auction: Int64
}
/// What concerns one person: that they came, or that they opened an auction.
enum Arrival: Storable, BitwiseCopyable {
    case came(Int64, name: ShortText)
    case opened(Int64, auction: Int64)

    init?(_ event: Nexmark.Event) {
        switch event {
        case .person(let person): self = .came(person.id, name: person.name)
        case .auction(let auction): self = .opened(auction.seller, auction: auction.id)
        case .bid: return nil
        }
    }
    var person: Int64 {
        switch self {
        case .came(let person, _), .opened(let person, _): person
        }
    }
    func store(into writer: inout ByteWriter) {
        switch self {
        case .came(let person, let name):
            writer.byte(0)
            writer.integer(person)
            name.store(into: &writer)
        case .opened(let person, let auction):
            writer.byte(1)
            writer.integer(person)
            writer.integer(auction)
        }
    }
    static func load(from reader: inout ByteReader) throws -> Arrival {
        try reader.byte() == 0
            ? .came(try reader.integer(), name: try .load(from: &reader))
            : .opened(try reader.integer(), auction: try reader.integer())
    }
}
/// Brings a person's arrival and auctions together, whichever comes first.
struct Arrivals: MergeableAggregate {
    struct Held: Storable {
        var name: ShortText = ""
        var auctions: [Int64] = []
        func store(into writer: inout ByteWriter) {
            name.store(into: &writer)
            auctions.store(into: &writer)
        }
        static func load(from reader: inout ByteReader) throws -> Held {
            Held(name: try .load(from: &reader), auctions: try .load(from: &reader))
        }
    }
    func makeAccumulator() -> Held { Held() }
    func add(_ arrival: Arrival, to held: inout Held) {
        switch arrival {
        case .came(_, let name): held.name = name
        case .opened(_, let auction): held.auctions.append(auction)
        }
    }
    func merge(_ other: Held, into held: inout Held) {
        if held.name.isEmpty { held.name = other.name }
        held.auctions += other.auctions
    }
    func result(of held: Held) -> Held { held }
}

/// How many bids a person makes without a pause of ten seconds.
struct Query11: Pipeline {
    var body: some Flow<NexmarkRecord, Pane<Int64, Int>> {
        Events<NexmarkRecord>()
            .compactMap(to: Nexmark.Bid.self) { $0.bid }
            .timed(by: \.at)
            .keyed(by: \.bidder)
            .window(.session(gap: .seconds(10)))
            .count()
    }
}

/// How many bids a person makes in ten seconds by the clock on the wall.
struct Query12: Pipeline {
    var body: some Flow<NexmarkRecord, Pane<Int64, Int>> {
        Events<NexmarkRecord>()
            .compactMap(to: Nexmark.Bid.self) { $0.bid }
            .keyed(by: \.bidder)
            .window(processing: .tumbling(.seconds(10)))
            .count()
    }
}
