internal import MillraceCore
internal import MillraceRuntime
internal import MillraceLog

/// Reads one partition for one client.
final class LogTail: @unchecked Sendable {
    // Sendable because one producer uses it, one call at a time.
    let partition: Partition
    private let reader: LogReader
    private let decompressor = Decompressor()
    private var registration: ReadRegistration?

    init(_ partition: Partition, from offset: Int64) throws(Failure) {
        self.partition = partition
        reader = try LogReader(partition: partition, from: offset)
    }

    var offset: Int64 { reader.offset }

    /// Up to `limit` records with `text` in them, at most `scan` looked at; fewer at the end, and when `body` returns
    /// false because it has enough. Blocks.
    @discardableResult func read(
        limit: Int, scan: Int, matching text: [UInt8]?, _ body: (Int64, RecordView) throws(Failure) -> Bool
    ) throws(Failure) -> (found: Int, seen: Int) {
        var (found, seen, isFull) = (0, 0, false)
        while !isFull, found < limit, seen < scan {
            guard let batches = try reader.next(maxBytes: 256 << 10) else { break }
            var stopped: Int64?
            do {
                try batches.forEachRecord(using: decompressor) { record in
                    guard stopped == nil else { return }
                    if isFull || found == limit || seen == scan {
                        stopped = record.offset
                        return
                    }
                    seen += 1
                    if let text, !Self.holds(record, text) { return }
                    found += 1
                    isFull = try !body(record.offset, record)
                }
            } catch let failure as Failure {
                throw failure
            } catch {
                throw Failure(.corrupt, "a record cannot be read", place: partition.name, cause: error)
            }
            if let stopped { reader.seek(to: stopped) }
        }
        return (found, seen)
    }

    private static func holds(_ record: RecordView, _ text: [UInt8]) -> Bool {
        [record.key, record.value].contains { part in part.map { ByteSearch.holds($0, text) } ?? false }
    }

    func whenReadable(_ wake: @escaping @Sendable () -> Void) {
        registration?.cancel()
        do throws(Failure) {
            registration = try partition.whenReadable(from: reader.offset, wake)
        } catch {
            // Too many wait on this partition: the next heart beat looks again.
            registration = nil
        }
    }

    func cancel() { registration?.cancel() }

    static func write(_ record: RecordView, partition: Int, _ json: inout JSONWriter) {
        json.object { json in
            json.member("partition", partition)
            json.member("offset", record.offset)
            if record.milliseconds >= 0 { json.member("at", record.timestamp.description) }
            BytesJSON.write("key", record.key, &json)
            BytesJSON.write("value", record.value, &json)
            guard record.headerCount > 0 else { return }
            json.key("headers")
            json.array { json in
                var cursor = record.headers
                do throws(ByteFault) {
                    while let header = try cursor.next() {
                        json.object { json in
                            json.key("name")
                            json.string(utf8: header.key)
                            BytesJSON.write("value", header.value, &json)
                        }
                    }
                } catch {
                    json.string("the headers cannot be read: \(error)")
                }
            }
        }
    }
}

enum LogRead {
    static let parameters: [Route.Parameter] = [
        .init("partition", "partition; 0 unless given", kind: .integer, range: 0...Limits.partitionsPerTopic),
        .init(
            "offset", "first offset, or earliest, or latest", pattern: "^(earliest|latest|[0-9]{1,18})$"),
        .init(
            "time", "instead: the first record at or after this time (RFC 3339)",
            pattern: "^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$"),
        .init(
            "last", "instead: so many records before the end", kind: .integer, range: 0...Limits.recordsPerAnswerMost),
        .init("limit", "records at most", kind: .integer, range: 1...Limits.recordsPerAnswerMost),
        .init("contains", "records with this text in key or value"),
    ]

    static func answer(_ request: Request, _ name: String, _ api: APIContext) throws(Failure) -> Response {
        let topic = try find(name, api)
        let index = try request.query.integer("partition", in: 0...(topic.partitions.count - 1), default: 0)
        let partition = topic.partitions[index]
        let limit = try request.query.integer("limit", in: 1...Limits.recordsPerAnswerMost, default: 100)
        let tail = try LogTail(partition, from: try start(request, partition))
        let text = request.query["contains"].map { Array($0.utf8) }.flatMap { $0.isEmpty ? nil : $0 }
        var json = JSONWriter(capacity: 4_096)
        json.beginObject()
        json.key("records")
        json.beginArray()
        let (_, found) = try tail.read(limit: limit, scan: Limits.recordsPerSearch, matching: text) {
            (_, record) throws(Failure) in
            LogTail.write(record, partition: index, &json)
            return json.out.count < Limits.recordBytesPerAnswer
        }
        json.endArray()
        // What is not served must not look like what is not there.
        if found == 0, let fault = partition.fault { throw fault }
        json.member("next", tail.offset)
        json.member("end", partition.lastStableOffset)
        json.endObject()
        return Response(200, type: "application/json", json.bytes)
    }

    static func find(_ name: String, _ api: APIContext) throws(Failure) -> Topic {
        guard let topic = try api.needLog().topic(name) else {
            throw Failure(.notFound, "there is no log \(name)", advice: "GET /logs lists them", place: name)
        }
        return topic
    }

    static func start(_ request: Request, _ partition: Partition) throws(Failure) -> Int64 {
        let (first, end) = (partition.startOffset, partition.lastStableOffset)
        if request.query.has("last") {
            let count = try request.query.integer("last", in: 0...Limits.recordsPerAnswerMost, default: 0)
            return max(first, end - Int64(count))
        }
        if let text = request.query["time"] {
            guard let time = time(text) else {
                throw Failure(.invalidArgument, "\"\(text)\" is no time", advice: "Write it as 2026-11-21T05:00:00Z")
            }
            return try partition.offset(atOrAfter: time) ?? end
        }
        switch request.query["offset"] {
        case nil, "earliest"?: return first
        case "latest"?: return end
        case let text?:
            guard let offset = Int64(text), offset >= 0 else {
                throw Failure(.invalidArgument, "\"\(text)\" is no offset")
            }
            return min(max(offset, first), end)
        }
    }

    private static func time(_ text: String) -> EventTime? {
        Array(text.utf8).withUnsafeBytes { EventTime(rfc3339: $0) }
    }

    // MARK: Follow

    /// Records of all partitions, or of one, as events; the id says where each partition goes on.
    static func follow(_ request: Request, _ name: String, _ api: APIContext) throws(Failure) -> Response {
        let topic = try find(name, api)
        var partitions = topic.partitions
        if request.query.has("partition") {
            partitions = [
                partitions[try request.query.integer("partition", in: 0...(partitions.count - 1), default: 0)]
            ]
        }
        var starts: [Int: Int64] = [:]
        if let id = request.headers["last-event-id"] ?? request.query["after"] {
            for part in id.split(separator: ",") {
                let pair = part.split(separator: ":")
                guard pair.count == 2, let index = Int(pair[0]), let offset = Int64(pair[1]) else {
                    throw Failure(.invalidArgument, "\"\(id)\" is no event id")
                }
                starts[index] = offset
            }
        }
        var tails: [LogTail] = []
        for partition in partitions {
            let begin: Int64
            if let resumed = starts[partition.index] {
                begin = max(resumed, partition.startOffset)
            } else if request.query.has("last") || request.query.has("offset") || request.query.has("time") {
                begin = try start(request, partition)
            } else {
                begin = partition.lastStableOffset
            }
            tails.append(try LogTail(partition, from: begin))
        }
        let text = request.query["contains"].map { Array($0.utf8) }.flatMap { $0.isEmpty ? nil : $0 }
        let stream = EventStream(clock: api.clock)
        let all = tails
        stream.produce(api) { stream in await pump(all, text, api, stream) }
        return Response(stream)
    }

    private static func pump(_ tails: [LogTail], _ text: [UInt8]?, _ api: APIContext, _ stream: EventStream) async {
        defer { for tail in tails { tail.cancel() } }
        var events = ServerEvents()
        events.event("live") { json in json.object { _ in } }
        guard await events.flush(to: stream) else { return }
        while true {
            do throws(Failure) {
                let (bytes, seen) = try await api.blocking.run { () throws(Failure) in try step(tails, text) }
                if !bytes.isEmpty {
                    events.out.raw(bytes)
                    guard await events.flush(to: stream) else { return }
                }
                if seen > 0 { continue }
            } catch {
                events.event("error") { json in
                    json.object { json in
                        json.member("code", error.code.name)
                        json.member("message", error.message)
                    }
                }
                _ = await events.flush(to: stream)
                return
            }
            guard
                await stream.wait(
                    api.clock,
                    { wake in
                        for tail in tails { tail.whenReadable(wake) }
                    })
            else { return }
        }
    }

    /// One round over the partitions, so that a busy one does not hide the others.
    private static func step(_ tails: [LogTail], _ text: [UInt8]?) throws(Failure) -> ([UInt8], Int) {
        var events = ServerEvents()
        var seen = 0
        let share = Limits.recordBytesPerAnswer / tails.count
        for tail in tails {
            let begin = events.out.count
            let counts = try tail.read(limit: 100, scan: 10_000, matching: text) { (_, record) throws(Failure) in
                events.event("record") { json in LogTail.write(record, partition: tail.partition.index, &json) }
                return events.out.count - begin < share
            }
            seen += counts.seen
        }
        if seen > 0 {
            let id = tails.map { "\($0.partition.index):\($0.offset)" }.joined(separator: ",")
            events.event("position", id: id) { json in json.object { _ in } }
        }
        return (events.out.bytes, seen)
    }
}
