public import BenchmarkData
public import MillraceCore
public import MillraceFlow

/// An event of the auction site as a record: a byte that says which, then its fields. Its key is unused: each query
/// groups by something else.
struct NexmarkRecord: FieldRecord, BitwiseCopyable {
    var event: Nexmark.Event

    var at: EventTime {
        switch event {
        case .person(let person): person.at
        case .auction(let auction): auction.at
        case .bid(let bid): bid.at
        }
    }
    var person: Nexmark.Person? { if case .person(let person) = event { person } else { nil } }
    var auction: Nexmark.Auction? { if case .auction(let auction) = event { auction } else { nil } }
    var bid: Nexmark.Bid? { if case .bid(let bid) = event { bid } else { nil } }

    // MARK: As a line of the benchmark's file

    static let fields: JSONFields = [
        "kind", "at", "auction", "bidder", "price", "id", "name", "city", "state", "seller", "category", "initial_bid",
        "reserve", "expires",
    ]
    static let kinds: JSONWords = ["person", "auction", "bid"]

    init(event: Nexmark.Event) { self.event = event }
    init(_ row: borrowing JSONRow) throws(RecordFault) {
        func text(_ field: Int) throws(RecordFault) -> ShortText {
            let text = try row.string(field)
            guard text.utf8.count <= ShortText.capacity else {
                throw row.invalid(field, "more than \(ShortText.capacity) bytes")
            }
            return ShortText(text)
        }
        let at = EventTime(microseconds: try row.integer(1))
        switch try row.word(0, of: Self.kinds) {
        case 0:
            event = .person(
                .init(id: try row.integer(5), name: try text(6), city: try text(7), state: try text(8), at: at))
        case 1:
            event = .auction(
                .init(
                    id: try row.integer(5), seller: try row.integer(9), category: try row.integer(10),
                    initialBid: try row.integer(11), reserve: try row.integer(12), at: at,
                    expires: EventTime(microseconds: try row.integer(13))))
        default:
            event = .bid(
                .init(
                    auction: try row.integer(2), bidder: try row.integer(3), price: try row.integer(4), at: at))
        }
    }
    func encode(into writer: inout ByteWriter) { event.write(to: &writer) }

    // MARK: In state and between stages

    func store(into writer: inout ByteWriter) {
        switch event {
        case .person(let person):
            writer.byte(0)
            person.store(into: &writer)
        case .auction(let auction):
            writer.byte(1)
            auction.store(into: &writer)
        case .bid(let bid):
            writer.byte(2)
            bid.store(into: &writer)
        }
    }
    static func load(from reader: inout ByteReader) throws -> NexmarkRecord {
        switch try reader.byte() {
        case 0: NexmarkRecord(event: .person(try .load(from: &reader)))
        case 1: NexmarkRecord(event: .auction(try .load(from: &reader)))
        case 2: NexmarkRecord(event: .bid(try .load(from: &reader)))
        default: throw ByteFault(.unknownValue, at: 0)
        }
    }
}

extension ShortText: Storable {
    public func store(into writer: inout ByteWriter) {
        writer.integer(words.low)
        writer.integer(words.high)
    }
    public static func load(from reader: inout ByteReader) throws -> ShortText {
        guard let text = ShortText(words: (try reader.integer(), try reader.integer())) else {
            throw ByteFault(.unknownValue, at: reader.position)
        }
        return text
    }
}

extension Nexmark.Bid: Storable {
    public func store(into writer: inout ByteWriter) {
        writer.integer(auction)
        writer.integer(bidder)
        writer.integer(price)
        at.store(into: &writer)
    }
    public static func load(from reader: inout ByteReader) throws -> Nexmark.Bid {
        Nexmark.Bid(
            auction: try reader.integer(), bidder: try reader.integer(), price: try reader.integer(),
            at: try .load(from: &reader))
    }
}

extension Nexmark.Auction: Storable {
    public func store(into writer: inout ByteWriter) {
        for number in [id, seller, category, initialBid, reserve] { writer.integer(number) }
        at.store(into: &writer)
        expires.store(into: &writer)
    }
    public static func load(from reader: inout ByteReader) throws -> Nexmark.Auction {
        Nexmark.Auction(
            id: try reader.integer(), seller: try reader.integer(), category: try reader.integer(),
            initialBid: try reader.integer(), reserve: try reader.integer(), at: try .load(from: &reader),
            expires: try .load(from: &reader))
    }
}

extension Nexmark.Person: Storable {
    public func store(into writer: inout ByteWriter) {
        writer.integer(id)
        for text in [name, city, state] { text.store(into: &writer) }
        at.store(into: &writer)
    }
    public static func load(from reader: inout ByteReader) throws -> Nexmark.Person {
        Nexmark.Person(
            id: try reader.integer(), name: try .load(from: &reader), city: try .load(from: &reader),
            state: try .load(from: &reader), at: try .load(from: &reader))
    }
}

extension NexmarkRecord: RowShape {
    /// Only for the queries that pass records on: when it happened, and which kind it was.
    static func shape(into layout: inout RowLayout, name: String, role: ColumnRole) {
        layout.add("at", role, .time)
        layout.add("kind", role, .int)
    }
    func write(to row: inout RowBuffer) {
        row.time(at)
        switch event {
        case .person: row.int(0)
        case .auction: row.int(1)
        case .bid: row.int(2)
        }
    }
}

extension Nexmark.Bid: RowShape {
    public static func shape(into layout: inout RowLayout, name: String, role: ColumnRole) {
        for column in ["auction", "bidder", "price"] { layout.add(column, role, .int) }
        layout.add("at", role, .time)
    }
    public func write(to row: inout RowBuffer) {
        row.int(auction)
        row.int(bidder)
        row.int(price)
        row.time(at)
    }
}

extension NewSeller: RowShape {
    static func shape(into layout: inout RowLayout, name: String, role: ColumnRole) {
        layout.add("name", role, .text)
        layout.add("auction", role, .int)
    }
    func write(to row: inout RowBuffer) {
        row.text(name.text)
        row.int(auction)
    }
}

extension Pair: RowShape where Left == Nexmark.Person, Right == Nexmark.Auction {
    public static func shape(into layout: inout RowLayout, name: String, role: ColumnRole) {
        layout.add("name", role, .text)
        layout.add("auction", role, .int)
    }
    public func write(to row: inout RowBuffer) {
        row.text(left.name.text)
        row.int(right.id)
    }
}
