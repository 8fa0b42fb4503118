internal import MillraceCore
internal import MillraceEngine
internal import MillraceFlow

/// A live look at an edge of a pipeline, as server-sent events: `live`, a `record` for each that the predicate lets
/// through, `counts` every second, and `end` with the reason.
enum TapAPI {
    private static let parameters: [Route.Parameter] = [
        .init("stage", "stage whose edge it is; 0 unless given", kind: .integer),
        .init("edge", "in: what the stage reads; out: what it is about to commit", values: ["in", "out"]),
        .init("partition", "only of this partition", kind: .integer),
        .init("key", "records with this key, rows with this first key column"),
        .init("contains", "records with this text in key or value"),
        .init(
            "where", "a condition on a field of a JSON value or a row: count>=10, page=/home, page~home",
            isRepeatable: true),
        .init("sample", "share of the records to look at, above 0 and up to 1", kind: .number),
        .init("limit", "records after which it ends", kind: .integer, range: 1...Limits.tapRecordsMost),
        .init(
            "seconds", "time after which it ends", kind: .integer,
            range: 1...Int(Limits.tapLongest.microseconds / 1_000_000)),
    ]

    static func route(_ api: APIContext) -> Route {
        Route(
            .get, "/pipelines/{pipeline}/tap", .read,
            "Looks at what passes an edge of a running pipeline, as server-sent events", parameters,
            produces: ["text/event-stream"]
        ) { request, values in
            .waiting { () throws(Failure) in
                let inspector = try api.needInspector()
                let predicate = try predicate(request)
                let tap = EdgeTap(try options(request), now: api.clock.now) { sight in
                    predicate.holds(sight) ? event(sight) : nil
                }
                try await inspector.tap(tap, pipeline: values[0])
                let stream = EventStream(clock: api.clock)
                stream.produce(api) { stream in
                    await pump(tap, api, stream)
                    tap.cancel()
                }
                return Response(stream)
            }
        }
    }

    static func options(_ request: Request) throws(Failure) -> EdgeTap.Options {
        var options = EdgeTap.Options()
        options.stage = try request.query.integer("stage", in: 0...Int(Int32.max), default: 0)
        if let text = request.query["edge"] {
            guard let side = EdgeTap.Side(rawValue: text) else {
                throw Failure(.invalidArgument, "edge is in or out, not \"\(text)\"")
            }
            options.side = side
        }
        if request.query.has("partition") {
            options.partition = try request.query.integer("partition", in: 0...Int(Int32.max), default: 0)
        }
        if let text = request.query["sample"] {
            guard let share = Double(text), share > 0, share <= 1 else {
                throw Failure(.invalidArgument, "sample is above 0 and at most 1, not \"\(text)\"")
            }
            options.sample = share
        }
        options.limit = try request.query.integer("limit", in: 1...Limits.tapRecordsMost, default: 100)
        let longest = Int(Limits.tapLongest.microseconds / 1_000_000)
        options.duration = .seconds(Int64(try request.query.integer("seconds", in: 1...longest, default: 60)))
        return options
    }

    static func predicate(_ request: Request) throws(Failure) -> TapPredicate {
        var predicate = TapPredicate()
        predicate.contains = request.query["contains"].map { Array($0.utf8) }.flatMap { $0.isEmpty ? nil : $0 }
        predicate.key = request.query["key"].map { Array($0.utf8) }
        let conditions = request.query.values("where")
        guard conditions.count <= Limits.tapConditions else {
            throw Failure(.invalidArgument, "a tap has at most \(Limits.tapConditions) conditions")
        }
        for text in conditions where !text.isEmpty { predicate.conditions.append(try .init(text)) }
        return predicate
    }

    private static func event(_ sight: TapSight) -> [UInt8] {
        var events = ServerEvents()
        events.event("record") { json in write(sight, &json) }
        return events.out.bytes
    }

    private static func write(_ sight: TapSight, _ json: inout JSONWriter) {
        json.object { json in
            json.member("partition", sight.partition)
            if let offset = sight.offset { json.member("offset", offset) }
            if sight.time != .distantPast, sight.time != .distantFuture {
                json.member("at", sight.time.description)
            }
            guard !sight.columns.isEmpty else {
                BytesJSON.write("key", sight.key, &json)
                return BytesJSON.write("value", sight.value, &json)
            }
            json.key("row")
            json.object { json in
                for (column, cell) in zip(sight.columns, sight.cells) {
                    json.key(column.name)
                    switch cell {
                    case .null: json.null()
                    case .bool(let flag): json.bool(flag)
                    case .int(let number): json.integer(number)
                    case .double(let number): json.double(number)
                    case .text(let bytes): json.string(utf8: bytes)
                    case .bytes(let bytes): json.string(Hex.text(Array(bytes)))
                    case .time(let time): json.string(time.description)
                    }
                }
            }
        }
    }

    private static func pump(_ tap: EdgeTap, _ api: APIContext, _ stream: EventStream) async {
        var events = ServerEvents()
        events.event("live") { json in
            json.object { json in
                json.member("limit", tap.options.limit)
                json.member("seconds", tap.options.duration.seconds)
            }
        }
        guard await events.flush(to: stream) else { return }
        var told: EdgeTap.Counts?
        var nextCounts = api.clock.now + Limits.statusEvery
        var lastSent = api.clock.now
        while true {
            let now = api.clock.now
            let (kept, counts, isOver) = tap.take(now: now)
            for event in kept { events.out.raw(event) }
            if isOver || (now >= nextCounts && counts != told) {
                write(counts, &events)
                (told, nextCounts) = (counts, now + Limits.statusEvery)
            }
            if isOver {
                let isFull = counts.shown >= Int64(tap.options.limit)
                events.event("end") { json in
                    json.object { json in json.member("reason", isFull ? "limit" : "expired") }
                }
            }
            // The waits here are shorter than a heart beat, so it has to be seen to.
            if events.out.count == 0, now - lastSent >= Limits.streamHeartbeat {
                events.out.raw(ServerEvents.heartbeat)
            }
            if events.out.count > 0 { lastSent = now }
            guard await events.flush(to: stream), !isOver else { return }
            guard
                await stream.wait(
                    api.clock,
                    { wake in
                        tap.whenReady(wake)
                        // For the counts, and for the end of its time.
                        _ = api.clock.schedule(at: now + Limits.statusEvery, wake)
                    })
            else { return }
        }
    }

    private static func write(_ counts: EdgeTap.Counts, _ events: inout ServerEvents) {
        events.event("counts") { json in
            json.object { json in
                json.member("passed", counts.passed)
                json.member("looked", counts.looked)
                json.member("shown", counts.shown)
                json.member("lost", counts.lost)
            }
        }
    }
}

/// Bytes in JSON: as text when they are UTF-8, else as hexadecimal under another name, so that nothing is lost or
/// mistaken.
enum BytesJSON {
    static func write(_ name: String, _ bytes: UnsafeRawBufferPointer?, _ json: inout JSONWriter) {
        guard let bytes else {
            json.key(name)
            return json.null()
        }
        if String(validating: bytes, as: UTF8.self) != nil {
            json.key(name)
            json.string(utf8: bytes)
        } else {
            json.member("\(name)Hex", Hex.text(Array(bytes)))
        }
    }
}
