public import MillraceCore

extension Nexmark.Event {
    /// Appends one JSON object without a newline: `kind`, `at` in microseconds, and the fields of its kind.
    public func write(to out: inout ByteWriter) {
        switch self {
        case .person(let person):
            out.raw(Text.person)
            out.decimal(person.at.microseconds)
            out.number(Text.id, person.id)
            for (name, value) in [(Text.name, person.name), (Text.city, person.city), (Text.state, person.state)] {
                out.raw(name)
                // Names have no character that JSON would escape.
                out.text(value.text)
                out.byte(UInt8(ascii: "\""))
            }
        case .auction(let auction):
            out.raw(Text.auction)
            out.decimal(auction.at.microseconds)
            out.number(Text.id, auction.id)
            out.number(Text.seller, auction.seller)
            out.number(Text.category, auction.category)
            out.number(Text.initialBid, auction.initialBid)
            out.number(Text.reserve, auction.reserve)
            out.number(Text.expires, auction.expires.microseconds)
        case .bid(let bid):
            out.raw(Text.bid)
            out.decimal(bid.at.microseconds)
            out.number(Text.onAuction, bid.auction)
            out.number(Text.bidder, bid.bidder)
            out.number(Text.price, bid.price)
        }
        out.byte(UInt8(ascii: "}"))
    }

    /// The parts of a line that do not change, as bytes, so that writing one allocates nothing.
    private enum Text {
        static let person = Array("{\"kind\":\"person\",\"at\":".utf8)
        static let auction = Array("{\"kind\":\"auction\",\"at\":".utf8)
        static let bid = Array("{\"kind\":\"bid\",\"at\":".utf8)
        static let id = Array(",\"id\":".utf8)
        static let name = Array(",\"name\":\"".utf8)
        static let city = Array(",\"city\":\"".utf8)
        static let state = Array(",\"state\":\"".utf8)
        static let seller = Array(",\"seller\":".utf8)
        static let category = Array(",\"category\":".utf8)
        static let initialBid = Array(",\"initial_bid\":".utf8)
        static let reserve = Array(",\"reserve\":".utf8)
        static let expires = Array(",\"expires\":".utf8)
        static let onAuction = Array(",\"auction\":".utf8)
        static let bidder = Array(",\"bidder\":".utf8)
        static let price = Array(",\"price\":".utf8)
    }
}

extension ByteWriter {
    fileprivate mutating func number(_ name: [UInt8], _ value: Int64) {
        raw(name)
        decimal(value)
    }
}
