import Millrace

/// What an ad server sends: somebody saw, clicked or bought.
struct AdEvent: FieldRecord, Codable {
    var ad: Int
    var kind: String
    var at: EventTime

    static let fields: JSONFields = ["ad", "kind", "at"]
    static let kinds: JSONWords = ["view", "click", "purchase"]

    init(ad: Int, kind: String, at: EventTime) { (self.ad, self.kind, self.at) = (ad, kind, at) }
    init(_ row: borrowing JSONRow) throws(RecordFault) {
        ad = try row.integer(0)
        kind = try row.string(1)
        at = try row.time(2)
    }
}

/// Views per campaign and second: filter, look up the ad's campaign, count in windows of the events' own time.
struct CampaignViews: Pipeline {
    /// The campaign of each ad, by the ad's number.
    var campaigns: [String]

    var body: some Flow<AdEvent, Pane<String, Int>> {
        let campaigns = campaigns
        return Events<AdEvent>()
            .filter { $0.kind == "view" }
            .timed(by: \.at, outOfOrder: .milliseconds(300))
            .compactMap(to: String.self) { campaigns.indices.contains($0.ad) ? campaigns[$0.ad] : nil }
            .keyed(by: \.self)
            .window(.tumbling(.seconds(1)))
            .count()
    }
}

@main struct AdClicks: StreamApp {
    private static let names = [
        "spring-shoes", "city-bikes", "night-trains", "slow-coffee", "paper-maps", "blue-lamps", "long-walks",
        "old-vinyl", "fresh-bread", "warm-socks",
    ]

    var topology: Topology {
        // A live stream: event n happens n / rate seconds after the start, and arrives up to 300 ms late.
        let (rate, start) = (20_000, SystemClock().wall)
        let stream = Generator<AdEvent>("ad-events", partitions: 4, perSecond: rate) { n in
            var random = SeededRandom(seed: UInt64(n))
            let delay = TimeSpan.milliseconds(.random(in: 0..<300, using: &random))
            return AdEvent(
                ad: .random(in: 0..<100, using: &random),
                kind: ["view", "view", "view", "click", "purchase"].randomElement(using: &random)!,
                at: start + .microseconds(n * 1_000_000 / Int64(rate)) - delay)
        }
        stream
            .feeds(CampaignViews(campaigns: (0..<100).map { Self.names[$0 / 10] }))
            .into(Table("campaign_views"))
        Console(port: 8080)
    }
}
