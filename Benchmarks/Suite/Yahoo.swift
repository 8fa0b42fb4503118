import BenchmarkData
import Millrace
import MillraceCore
import MillraceTables

/// The Yahoo streaming benchmark end to end: JSON lines from a file, filter, project, join ads to campaigns, count per
/// campaign in windows of ten seconds, rows in a table, durable commits.
struct YahooEvent: FieldRecord {
    var ad: ID128
    var kind: UInt8
    var at: EventTime

    static let fields: JSONFields = ["ad_id", "event_type", "event_time"]
    static let kinds: JSONWords = ["view", "click", "purchase"]

    init(_ row: borrowing JSONRow) throws(RecordFault) {
        ad = try row.id(0)
        kind = UInt8(try row.word(1, of: Self.kinds))
        at = .milliseconds(try row.integer(2))
    }
    func encode(into writer: inout ByteWriter) { preconditionFailure("the benchmark only reads") }
    func store(into writer: inout ByteWriter) { preconditionFailure("the benchmark keeps no events") }
    static func load(from reader: inout ByteReader) throws -> YahooEvent { throw ByteFault(.unknownValue, at: 0) }
}

struct YahooViews: Pipeline {
    /// Ad → number of its campaign, looked up once per view.
    var campaignOf: AdTable

    var body: some Flow<YahooEvent, Pane<Int, Int>> {
        let campaignOf = campaignOf
        return Events<YahooEvent>()
            .filter { $0.kind == 0 }
            .timed(by: \.at, outOfOrder: .seconds(1))
            .compactMap(to: Int.self) { campaignOf.campaign(of: $0.ad) }
            .keyed(by: \.self)
            .window(.tumbling(.seconds(10)))
            .count()
    }
}

/// A thousand ads in a flat open-addressed table: read-only, so that tasks share it.
final class AdTable: @unchecked Sendable {
    // Sendable because nothing is written after it was made.
    private let slots: UnsafeMutablePointer<(id: ID128, campaign: Int)>
    private let mask: Int

    init(_ ads: [(ID128, Int)]) {
        var capacity = 1_024
        while capacity < ads.count * 4 { capacity *= 2 }
        mask = capacity - 1
        slots = .allocate(capacity: capacity)
        slots.initialize(repeating: (ID128(high: 0, low: 0), -1), count: capacity)
        for (id, campaign) in ads {
            var slot = Int(truncatingIfNeeded: id.low) & mask
            while slots[slot].campaign >= 0 { slot = (slot + 1) & mask }
            slots[slot] = (id, campaign)
        }
    }
    deinit { slots.deallocate() }

    @inline(__always) func campaign(of id: ID128) -> Int? {
        var slot = Int(truncatingIfNeeded: id.low) & mask
        while slots[slot].campaign >= 0 {
            if slots[slot].id == id { return slots[slot].campaign }
            slot = (slot + 1) & mask
        }
        return nil
    }
}

/// `millrace-bench yahoo EVENTS.ndjson CAMPAIGNS.csv OUT.csv`: what the peers do, and the same answer.
enum Yahoo {
    static func run(_ events: String, _ campaigns: String, _ out: String, host: HostProcess) async throws {
        let storage = PosixStorage()
        let text = String(decoding: try storage.contents(of: campaigns, limit: 1 << 20) ?? [], as: UTF8.self)
        var names: [String] = []
        var ads: [(ID128, Int)] = []
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ",").map(String.init)
            guard parts.count == 2, let id = ID128(parts[0]) else { continue }
            if names.last != parts[1] { names.append(parts[1]) }
            ads.append((id, names.count - 1))
        }
        var settings = NodeSettings()
        settings.dataDirectory = out + ".data"
        guard try storage.status(of: settings.dataDirectory) == nil else {
            throw Failure(
                .inUse, "a run before has left its data, and would leave nothing to do", advice: "Remove it first",
                place: settings.dataDirectory)
        }
        let topology = Topology([
            Lines<YahooEvent>(file: events).feeds(YahooViews(campaignOf: AdTable(ads))).into(Table("views"))
        ])
        let clock = SystemClock()
        let node = try Node.start(
            topology, settings: settings, clock: clock,
            logger: Logger(sink: StandardErrorSink(), clock: clock, level: .warning), random: SeededRandom(seed: 1))
        try await node.run()
        let table = try node.tables.require("app", "views")
        var lines: [String] = []
        var cursor = try node.tables.snapshot().rows(table)
        while let row = try cursor.next() {
            guard case .bigint(let campaign) = row.key[0], case .timestamp(let start) = row.key[1],
                case .bigint(let count) = row["value"]
            else { continue }
            lines.append("\(names[Int(campaign)]),\(start),\(count)\n")
        }
        try storage.replace(out, with: Array(lines.joined().utf8))
        await node.close()
    }
}
