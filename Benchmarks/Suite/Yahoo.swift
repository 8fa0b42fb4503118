import BenchmarkData
import Millrace
import MillraceCore
import MillraceLog
import MillraceTables

/// The Yahoo streaming benchmark end to end: JSON lines from a file, filter, project, join ads to campaigns, count per
/// campaign in windows of ten seconds, rows in a table, durable commits.
struct YahooEvent: FieldRecord {
    var ad: ID128
    var kind: UInt8
    var at: EventTime

    static let fields: JSONFields = ["ad_id", "event_type", "event_time"]
    static let kinds: JSONWords = ["view", "click", "purchase"]

    init(ad: ID128, kind: UInt8, at: EventTime) { (self.ad, self.kind, self.at) = (ad, kind, at) }
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
///
/// `millrace-bench yahoo-made EVENTS OUT.csv` makes as many events of the same stream in its own process.
///
/// `millrace-bench yahoo-fill EVENTS.ndjson DIRECTORY` puts the events into a log, and
/// `millrace-bench yahoo-log DIRECTORY CAMPAIGNS.csv OUT.csv` does the same work from there.
enum Yahoo {
    static let log = Log<YahooEvent>("events").keeping()

    static func run(_ events: String, _ campaigns: String, _ out: String) async throws {
        try await run(Lines<YahooEvent>(file: events), try Campaigns(campaigns, PosixStorage()), out)
    }

    /// The events of the file made in this process: no JSON.
    static func runFromSource(_ events: Int64, _ out: String) async throws {
        let stream = AdEvents.benchmark
        let ads = stream.ads.compactMap { ID128($0.text) }
        let made = Generator("made", count: events) { number in
            let event = stream.event(number)
            return YahooEvent(
                ad: ads[event.ad], kind: UInt8(truncatingIfNeeded: event.eventType),
                at: .milliseconds(event.milliseconds))
        }
        try await run(made, Campaigns(stream, ads), out)
    }

    private static func run(
        _ events: some PipelineInput<YahooEvent>, _ campaigns: Campaigns, _ out: String
    ) async throws {
        let storage = PosixStorage()
        let directory = out + ".data"
        guard try storage.status(of: directory) == nil else {
            throw Failure(
                .inUse, "a run before has left its data, and would leave nothing to do", advice: "Remove it first",
                place: directory)
        }
        let node = try start(
            events.feeds(YahooViews(campaignOf: campaigns.ads)).into(Table("views")), directory)
        try await node.run()
        try campaigns.write("views", of: node, to: out, storage)
        await node.close()
    }

    /// Starts under a name of its own, so that nothing of an earlier run is gone on with; ends when the log is read and
    /// its last windows are in the table.
    static func runFromLog(_ directory: String, _ campaigns: String, _ out: String) async throws {
        let storage = PosixStorage()
        let campaigns = try Campaigns(campaigns, storage)
        let name = "views_\(SystemClock().wall.microseconds)"
        let node = try start(
            log.feeds(YahooViews(campaignOf: campaigns.ads), as: name).into(Table(name)), directory)
        async let running: Void = node.run()
        var isDone = false
        while !isDone {
            try await node.clock.sleep(for: .milliseconds(10))
            let tasks = node.status().pipelines[0].tasks
            let watermark = tasks[0].watermark
            isDone =
                watermark != nil && tasks[0].end > 0
                && tasks.allSatisfy { $0.lagRecords == 0 && $0.watermark == watermark }
        }
        node.stop()
        try await running
        try campaigns.write(name, of: node, to: out, storage)
        await node.close()
    }

    /// One record a line, in batches of 64 KiB as a producer would send them. Behind them comes an event of no ad, a
    /// minute later: a log does not end, so something has to say that the last windows are over.
    static func fill(_ events: String, _ directory: String) async throws {
        let node = try start(
            log.feeds(YahooViews(campaignOf: AdTable([])), as: "nothing").into(Table("nothing")), directory)
        guard let partition = node.log.topic("events")?.partitions[0] else { return }
        let builder = RecordBatchBuilder()
        let milliseconds = node.clock.wall.microseconds / 1_000
        let reader = try Lines<YahooEvent>(file: events).reader(partition: 0, from: nil)
        var (last, problem): (EventTime, (any Error)?) = (.seconds(0), nil)
        var isMore = true
        while isMore, problem == nil {
            isMore =
                try reader.read(maxBytes: 64 << 10) { records in
                    do {
                        for record in records {
                            try builder.append(key: nil, value: record.value, milliseconds: milliseconds)
                        }
                        if let end = records.last?.value { last = try YahooEvent.decode(key: nil, value: end).at }
                    } catch { problem = error }
                } == .more
            if !builder.isEmpty { _ = try await partition.append(builder.finish(), acknowledgement: .written) }
        }
        if let problem { throw problem }
        reader.close()
        let end = """
            {"user_id":"","page_id":"","ad_id":"00000000-0000-4000-8000-000000000000","ad_type":"","event_type":"view",\
            "event_time":\(last.microseconds / 1_000 + 60_000),"ip_address":""}
            """
        try builder.append(key: nil, value: Array(end.utf8), milliseconds: milliseconds)
        _ = try await partition.append(builder.finish(), acknowledgement: .durable)
        await node.close()
    }

    private static func start(_ part: TopologyPart, _ directory: String) throws -> Node {
        var settings = NodeSettings()
        settings.dataDirectory = directory
        let clock = SystemClock()
        return try Node.start(
            Topology([part]), settings: settings, clock: clock,
            logger: Logger(sink: StandardErrorSink(), clock: clock, level: .warning), random: SeededRandom(seed: 1))
    }
}

/// The campaigns and their ads: the lines `ad,campaign` of a file, a campaign's ads one after the other, or the
/// stream's own.
private struct Campaigns {
    var names: [String] = []
    let ads: AdTable

    init(_ path: String, _ storage: any Storage) throws {
        let text = String(decoding: try storage.contents(of: path, limit: 1 << 20) ?? [], as: UTF8.self)
        var ads: [(ID128, Int)] = []
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ",").map(String.init)
            guard parts.count == 2, let id = ID128(parts[0]) else { continue }
            if names.last != parts[1] { names.append(parts[1]) }
            ads.append((id, names.count - 1))
        }
        self.ads = AdTable(ads)
    }

    init(_ stream: AdEvents, _ ids: [ID128]) {
        names = stream.campaignIDs.map(\.text)
        ads = AdTable(ids.enumerated().map { ($1, $0 / AdEvents.adsPerCampaign) })
    }

    /// The rows of the table, as the peers write them.
    func write(_ name: String, of node: Node, to out: String, _ storage: any Storage) throws {
        let table = try node.tables.require("app", name)
        var lines: [String] = []
        var cursor = try node.tables.snapshot().rows(table)
        while let row = try cursor.next() {
            guard case .bigint(let campaign) = row.key[0], case .timestamp(let start) = row.key[1],
                case .bigint(let count) = row["value"]
            else { continue }
            lines.append("\(names[Int(campaign)]),\(start),\(count)\n")
        }
        try storage.replace(out, with: Array(lines.joined().utf8))
    }
}
