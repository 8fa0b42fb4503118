internal import MillraceCore
internal import MillraceLog
internal import MillraceTables

/// Records into a log: one for each line, one JSON value, or the body as it is. The answer comes when they are durable,
/// with their offsets.
enum LogAppend {
    static let consumes = [
        "application/x-ndjson", "application/json", "application/octet-stream", "application/x-www-form-urlencoded",
    ]
    static let parameters: [Route.Parameter] = [
        .init("key", "key of every record; decides the partition"),
        .init(
            "partition", "partition, instead of by key or turn", kind: .integer,
            range: 0...Limits.partitionsPerTopic),
        .init("header", "name:value, a header of every record", isRepeatable: true),
        .init(
            "Idempotency-Key",
            "up to 256 bytes; the same request with the same key appends once and gets the same offsets again, also "
                + "after a restart of the node, for a day after the last use; the log remembers the last 10,000 keys "
                + "of a partition",
            place: .header),
    ]

    static func answer(_ request: Request, _ name: String, _ api: APIContext) -> Answer {
        .waiting { () throws(Failure) in
            guard let key = request.headers["idempotency-key"] else {
                return try await append(request, name, nil, api)
            }
            guard !key.isEmpty, key.utf8.count <= 256 else {
                throw Failure(.invalidArgument, "an idempotency key has 1 to 256 bytes")
            }
            let identity = AppendIdentity(key: key, request: request)
            let scoped = "\(name)\u{0}\(key)"
            switch api.appends.begin(scoped, body: identity.body) {
            case .done(let response): return response
            case .running: throw Failure(.alreadyExists, "an append with this idempotency key is under way")
            case .other: throw otherRequest
            case .new: break
            }
            do throws(Failure) {
                let response = try await append(request, name, identity, api)
                api.appends.finish(scoped, response)
                return response
            } catch {
                api.appends.finish(scoped, nil)
                // The log has other records under this key, from before a restart.
                if error.code == .outOfOrderSequence { throw otherRequest }
                throw error
            }
        }
    }

    private static var otherRequest: Failure {
        Failure(
            .alreadyExists, "this idempotency key was used for another request",
            advice: "Use a key for one request and its repetitions only")
    }

    private static func append(
        _ request: Request, _ name: String, _ identity: AppendIdentity?, _ api: APIContext
    ) async throws(Failure) -> Response {
        guard let topic = try api.needLog().topic(name) else {
            throw Failure(.notFound, "there is no log \(name)", advice: "GET /logs lists them", place: name)
        }
        guard !name.hasPrefix("_") else {
            throw Failure(.invalidArgument, "\(name) is the node's own and takes no records from outside", place: name)
        }
        let key = request.query["key"].map { Array($0.utf8) }
        let partitions = topic.partitions
        let partition: Partition
        if request.query.has("partition") {
            partition = partitions[try request.query.integer("partition", in: 0...(partitions.count - 1), default: 0)]
        } else if let key {
            partition = partitions[key.withUnsafeBytes { Partitioner.partition(ofKey: $0, among: partitions.count) }]
        } else if let identity {
            partition = partitions[identity.partition(of: partitions.count)]
        } else {
            api.turn.increment()
            partition = partitions[Int(api.turn.value % Int64(partitions.count))]
        }
        let headers = try request.query.values("header").map { (text) throws(Failure) in
            guard let colon = text.firstIndex(of: ":") else {
                throw Failure(.invalidArgument, "header is name:value, not \"\(text)\"")
            }
            return RecordHeader(String(text[..<colon]), String(text[text.index(after: colon)...]))
        }
        let batches = try encode(
            try values(request), key: key, headers: headers, milliseconds: api.clock.wall.microseconds / 1_000,
            maximum: topic.configuration.maxBatchBytes, identity)
        var results: [AppendResult] = []
        for batch in batches { results.append(try await partition.append(batch)) }
        let count = batches.reduce(0) { $0 + $1.recordCount }
        return .json { json in
            json.object { json in
                json.member("log", name)
                json.member("partition", partition.index)
                json.member("count", count)
                if let first = results.first, let last = results.last {
                    json.member("firstOffset", first.baseOffset)
                    json.member("lastOffset", last.lastOffset)
                }
            }
        }
    }

    /// Ranges of the body, one for each record, checked.
    private static func values(_ request: Request) throws(Failure) -> [ArraySlice<UInt8>] {
        let type = (request.headers["content-type"] ?? "").prefix { $0 != ";" }.lowercased()
        let body = request.body
        func check(_ slice: ArraySlice<UInt8>, _ line: Int) throws(Failure) {
            var fault: TextFault?
            slice.withUnsafeBytes { bytes in
                do throws(TextFault) { _ = try JSONParser.parse(bytes, line: line) } catch { fault = error }
            }
            if let fault { throw fault.failure(in: "body") }
        }
        switch type {
        case "application/octet-stream": return [body[...]]
        case "application/json":
            try check(body[...], 1)
            return [body[...]]
        default:
            var values: [ArraySlice<UInt8>] = []
            var number = 0
            for line in body.split(separator: 0x0A, omittingEmptySubsequences: false) {
                number += 1
                let text = line.last == 0x0D ? line.dropLast() : line
                guard text.contains(where: { $0 != 0x20 && $0 != 9 }) else { continue }
                try check(text, number)
                values.append(text)
            }
            guard !values.isEmpty else {
                throw Failure(.invalidArgument, "the body has no records", advice: "Send one JSON value a line")
            }
            return values
        }
    }

    private static func encode(
        _ values: [ArraySlice<UInt8>], key: [UInt8]?, headers: [RecordHeader], milliseconds: Int64, maximum: Int,
        _ identity: AppendIdentity?
    ) throws(Failure) -> [EncodedBatch] {
        let builder = RecordBatchBuilder()
        if let identity { builder.properties = identity.properties(batch: 0) }
        var batches: [EncodedBatch] = []
        for value in values {
            if !builder.isEmpty, builder.byteCount + value.count + 256 > maximum {
                batches.append(builder.finish())
                if let identity { builder.properties = identity.properties(batch: batches.count) }
            }
            try builder.append(key: key, value: Array(value), milliseconds: milliseconds, headers: headers)
        }
        if !builder.isEmpty { batches.append(builder.finish()) }
        return batches
    }
}
