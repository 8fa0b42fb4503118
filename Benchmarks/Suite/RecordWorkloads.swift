import BenchmarkData
import BenchmarkHarness
import MillraceCore
import MillraceFlow

/// The Yahoo benchmark's ad event, decoded in the ways a record can be.
let recordWorkloads: [Workload] = [
    Workload(
        "record.json.fields", small: 50_000, full: 2_000_000, allocationGate: 1, goal: "≤ 100 ns",
        run: { events in try decode(events, AdView.self) { $0.ad.low ^ UInt64($0.at.microseconds) } }),
    Workload(
        "record.json.three-fields", small: 50_000, full: 2_000_000, allocationGate: 1,
        run: { events in try decode(events, AdStep.self) { $0.ad.low ^ UInt64($0.at) } }),
    Workload(
        "record.json.codable", small: 20_000, full: 500_000, goal: "≤ 600 ns",
        run: { events in try decode(events, AdText.self) { UInt64($0.event_time) &+ UInt64($0.ad_id.utf8.count) } }),
    Workload(
        "record.json.codable-typed", small: 20_000, full: 500_000,
        run: { events in try decode(events, AdTyped.self) { $0.ad_id.low ^ UInt64($0.event_time) } }),
    Workload(
        "record.binary", small: 50_000, full: 2_000_000, allocationGate: 1,
        run: { events in try decodeBinary(events) }),
    Workload(
        "record.json.encode", small: 20_000, full: 500_000,
        run: { events in
            let lines = Lines.shared
            var out = ByteWriter(capacity: 1 << 16)
            var bytes = 0
            let records = try lines.map { try AdTyped.decode(key: nil, value: $0) }
            for index in 0..<events {
                records[index % records.count].encode(into: &out)
                if out.count > 1 << 15 {
                    bytes += out.count
                    out.removeAll()
                }
            }
            return .init(units: events, hash: UInt64(bytes + out.count))
        }),
    Workload(
        "json.write", small: 50_000, full: 2_000_000, allocationGate: 1,
        run: { records in
            var json = JSONWriter(capacity: 1 << 16)
            var bytes = 0
            for index in 0..<records {
                json.object { json in
                    json.member("page", "/a \"quoted\" path")
                    json.member("views", index)
                    json.member("share", Double(index) / 3)
                    json.member("at", EventTime(microseconds: 1_700_000_000_000_000 + Int64(index)))
                    json.member("isOpen", index & 1 == 0)
                }
                json.endLine()
                if json.count > 1 << 15 {
                    bytes += json.count
                    json.removeAll()
                }
            }
            return .init(units: records, hash: UInt64(bytes + json.count))
        }),
]

/// All seven fields, typed, without heap.
private struct AdView: FieldRecord, Codable {
    var user: ID128, page: ID128, ad: ID128
    var adType: UInt8, event: UInt8
    var at: EventTime
    var address: UInt32

    static let fields: JSONFields = [
        "user_id", "page_id", "ad_id", "ad_type", "event_type", "event_time", "ip_address",
    ]
    static let adTypes = JSONWords(AdEvents.adTypes)
    static let events = JSONWords(AdEvents.eventTypes)
    init(_ row: borrowing JSONRow) throws(RecordFault) {
        user = try row.id(0)
        page = try row.id(1)
        ad = try row.id(2)
        adType = UInt8(truncatingIfNeeded: try row.word(3, of: Self.adTypes))
        event = UInt8(truncatingIfNeeded: try row.word(4, of: Self.events))
        at = .milliseconds(try row.integer(5))
        address = try row.withText(6) { (text) throws(RecordFault) in
            var address: UInt32 = 0
            var part: UInt32 = 0
            for byte in text ?? UnsafeRawBufferPointer(start: nil, count: 0) {
                if byte == UInt8(ascii: ".") {
                    (address, part) = (address << 8 | part, 0)
                } else {
                    part = part &* 10 &+ UInt32(byte &- UInt8(ascii: "0"))
                }
            }
            return address << 8 | part
        }
    }
}

/// What the benchmark's pipeline needs.
private struct AdStep: FieldRecord, Codable {
    var ad: ID128, event: UInt8, at: Int64
    static let fields: JSONFields = ["ad_id", "event_type", "event_time"]
    static let events = JSONWords(AdEvents.eventTypes)
    init(_ row: borrowing JSONRow) throws(RecordFault) {
        ad = try row.id(0)
        event = UInt8(truncatingIfNeeded: try row.word(1, of: Self.events))
        at = try row.integer(2)
    }
}

private struct AdText: Record, Codable {
    var user_id: String, page_id: String, ad_id: String, ad_type: String, event_type: String
    var event_time: Int64
    var ip_address: String
}

private struct AdTyped: Record, Codable {
    enum Kind: String, Codable { case view, click, purchase }
    var user_id: ID128, page_id: ID128, ad_id: ID128
    var ad_type: String
    var event_type: Kind
    var event_time: Int64
    var ip_address: String
}

private struct AdBinary: BinaryRecord {
    var user: ID128, page: ID128, ad: ID128
    var adType: UInt8, event: UInt8
    var at: EventTime
    var address: UInt32

    init(_ view: AdView) {
        (user, page, ad, adType, event) = (view.user, view.page, view.ad, view.adType, view.event)
        (at, address) = (view.at, view.address)
    }
    func write(to writer: inout ByteWriter) {
        for id in [user, page, ad] {
            writer.integer(id.high)
            writer.integer(id.low)
        }
        writer.byte(adType)
        writer.byte(event)
        writer.varint(at.microseconds)
        writer.integer(address)
    }
    init(from reader: inout BinaryReader, version: UInt32) throws(RecordFault) {
        user = try reader.id()
        page = try reader.id()
        ad = try reader.id()
        adType = try reader.byte()
        event = try reader.byte()
        at = try reader.time()
        address = try reader.fixed()
    }
}

/// A thousand events as the log would lend them, gone over again and again, so that making them costs nothing.
private struct Lines {
    let bytes: [UInt8]
    let ends: [Int]
    static let shared = Lines(1_000)
    private init(_ events: Int) {
        var stream = AdEvents.benchmark
        var out = ByteWriter(capacity: 1 << 18)
        var ends: [Int] = []
        for _ in 0..<events {
            stream.write(stream.next(), to: &out)
            ends.append(out.count)
        }
        (bytes, self.ends) = (out.bytes, ends)
    }
    func map<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> [R] {
        try bytes.withUnsafeBytes { all in
            try ends.indices.map { index in
                try body(UnsafeRawBufferPointer(rebasing: all[(index == 0 ? 0 : ends[index - 1])..<ends[index]]))
            }
        }
    }
}

@inline(__always) private func decode<R: Record>(
    _ events: Int, _: R.Type, _ look: (R) -> UInt64
) throws -> Workload.Outcome {
    let lines = Lines.shared
    var hash: UInt64 = 0
    try lines.bytes.withUnsafeBytes { all in
        var index = 0
        var start = 0
        for _ in 0..<events {
            let end = lines.ends[index]
            let record = try R.decode(key: nil, value: UnsafeRawBufferPointer(rebasing: all[start..<end]))
            hash = hash &* 31 &+ look(record)
            (index, start) = index + 1 == lines.ends.count ? (0, 0) : (index + 1, end)
        }
    }
    return .init(units: events, hash: hash)
}

private let binaryRecords: [[UInt8]] =
    (try? Lines.shared.map { line in
        var writer = ByteWriter()
        AdBinary(try AdView.decode(key: nil, value: line)).encode(into: &writer)
        return writer.bytes
    }) ?? []

private func decodeBinary(_ events: Int) throws -> Workload.Outcome {
    let records = binaryRecords
    var hash: UInt64 = 0
    var index = 0
    for _ in 0..<events {
        let record = try records[index].withUnsafeBytes { try AdBinary.decode(key: nil, value: $0) }
        hash = hash &* 31 &+ record.ad.low ^ UInt64(record.at.microseconds)
        index = index + 1 == records.count ? 0 : index + 1
    }
    return .init(units: events, hash: hash)
}
