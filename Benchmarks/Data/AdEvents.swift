public import MillraceCore

/// The events of the Yahoo streaming benchmark, made from a seed: 100 campaigns of 10 ads each, and a stream of views,
/// clicks and purchases, as NDJSON of about 240 bytes a line. The same seed gives the same bytes on every machine.
///
/// What differs from the original generator: `event_time` is a number of milliseconds, not a string of one.
public struct AdEvents: Sendable {
    public static let campaigns = 100
    public static let adsPerCampaign = 10
    public static let adTypes = ["banner", "modal", "sponsored-search", "mail", "mobile"]
    public static let eventTypes = ["view", "click", "purchase"]

    /// The ids of all ads; ad `i` belongs to campaign `i / adsPerCampaign`.
    public let ads: [UUIDText]
    public let campaignIDs: [UUIDText]
    private let users: [UUIDText]
    private let pages: [UUIDText]
    private let start: EventTime
    private let eventsPerSecond: Int64
    private let seed: UInt64
    private var count: Int64 = 0

    /// - Parameter eventsPerSecond: of event time, evenly spread.
    public init(seed: UInt64, start: EventTime, eventsPerSecond: Int64) {
        precondition(eventsPerSecond > 0, "a stream needs a rate")
        var random = SeededRandom(seed: seed)
        func ids(_ count: Int) -> [UUIDText] { (0..<count).map { _ in UUIDText(&random) } }
        campaignIDs = ids(Self.campaigns)
        ads = ids(Self.campaigns * Self.adsPerCampaign)
        users = ids(100)
        pages = ids(100)
        (self.seed, self.start, self.eventsPerSecond) = (random.next(), start, eventsPerSecond)
    }

    /// The stream that all systems are measured with.
    public static var benchmark: AdEvents {
        AdEvents(seed: 1, start: .seconds(1_700_000_000), eventsPerSecond: 10_000)
    }

    /// One event as it is before it is text.
    public struct Event: Sendable, BitwiseCopyable {
        public var user, page, ad, adType, eventType: Int
        public var milliseconds: Int64
        public var address: UInt32
    }

    /// Event `number`, from 0: always the same, whichever were made before.
    public func event(_ number: Int64) -> Event {
        var draws = Draws(seed: seed, event: number)
        return Event(
            user: Int(draws.below(100)), page: Int(draws.below(100)), ad: Int(draws.below(UInt64(ads.count))),
            adType: Int(draws.below(UInt64(Self.adTypes.count))),
            eventType: Int(draws.below(UInt64(Self.eventTypes.count))),
            milliseconds: (start.microseconds + number * 1_000_000 / eventsPerSecond) / 1_000,
            address: UInt32(truncatingIfNeeded: draws.next()))
    }

    public mutating func next() -> Event {
        defer { count += 1 }
        return event(count)
    }

    /// Appends one line of NDJSON with its newline.
    public func write(_ event: Event, to out: inout ByteWriter) {
        out.raw(Text.user)
        out.raw(users[event.user].bytes)
        out.raw(Text.page)
        out.raw(pages[event.page].bytes)
        out.raw(Text.ad)
        out.raw(ads[event.ad].bytes)
        out.raw(Text.adType)
        out.raw(Text.adTypes[event.adType])
        out.raw(Text.eventType)
        out.raw(Text.eventTypes[event.eventType])
        out.raw(Text.time)
        out.decimal(event.milliseconds)
        out.raw(Text.address)
        out.decimal(Int64(event.address >> 24))
        out.byte(UInt8(ascii: "."))
        out.decimal(Int64(event.address >> 16 & 0xFF))
        out.byte(UInt8(ascii: "."))
        out.decimal(Int64(event.address >> 8 & 0xFF))
        out.byte(UInt8(ascii: "."))
        out.decimal(Int64(event.address & 0xFF))
        out.raw(Text.end)
    }

    /// The parts of a line that do not change, as bytes, so that writing one allocates nothing.
    private enum Text {
        static let user = Array("{\"user_id\":\"".utf8)
        static let page = Array("\",\"page_id\":\"".utf8)
        static let ad = Array("\",\"ad_id\":\"".utf8)
        static let adType = Array("\",\"ad_type\":\"".utf8)
        static let eventType = Array("\",\"event_type\":\"".utf8)
        static let time = Array("\",\"event_time\":".utf8)
        static let address = Array(",\"ip_address\":\"".utf8)
        static let end = Array("\"}\n".utf8)
        static let adTypes = AdEvents.adTypes.map { Array($0.utf8) }
        static let eventTypes = AdEvents.eventTypes.map { Array($0.utf8) }
    }
}

/// A version-4 UUID as the 36 characters people write.
public struct UUIDText: Sendable, Hashable {
    public let bytes: [UInt8]

    init(_ random: inout SeededRandom) {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for index in 0..<36 {
            switch index {
            case 8, 13, 18, 23: text.append(UInt8(ascii: "-"))
            case 14: text.append(UInt8(ascii: "4"))
            case 19: text.append(digits[8 + Int(random.next(upperBound: 4 as UInt64))])
            default: text.append(digits[Int(random.next(upperBound: 16 as UInt64))])
            }
        }
        bytes = text
    }

    public var text: String { String(decoding: bytes, as: UTF8.self) }
}

extension ByteWriter {
    /// A number in decimal digits.
    mutating func decimal(_ value: Int64) {
        if value < 0 { byte(UInt8(ascii: "-")) }
        var rest = value.magnitude
        var digits = 1
        var bound: UInt64 = 10
        while digits < 19, rest >= bound {
            digits += 1
            bound *= 10
        }
        // Appended as zeros, then filled from the right: a slice reversed in place would copy the buffer.
        for _ in 0..<digits { byte(UInt8(ascii: "0")) }
        var position = count
        while rest > 0 {
            position -= 1
            bytes[position] += UInt8(rest % 10)
            rest /= 10
        }
    }
}
