internal import MillraceCore
internal import MillraceRuntime
internal import MillraceLog
internal import MillraceTables

/// Logs: what there is, records in, records out.
enum LogsAPI {
    static func routes(_ api: APIContext) -> [Route] {
        var append = Route(
            .post, "/logs/{log}", .append, "Appends records and answers with their offsets when they are durable",
            LogAppend.parameters, consumes: LogAppend.consumes
        ) { request, values in LogAppend.answer(request, values[0], api) }
        append.bodyLimit = Limits.httpAppendBytes
        var creation = Route(.post, "/logs", .admin, "Creates a log", consumes: ["application/json"]) { request, _ in
            create(request, api)
        }
        creation.bodyFields = [
            .init(
                "name", "letters, digits, dots, dashes and underscores; no underscore in front", isRequired: true,
                pattern: "^[a-zA-Z0-9-][a-zA-Z0-9._-]{0,248}$"),
            .init("partitions", "1 unless given", kind: .integer, range: 1...1_000),
        ]
        return [
            Route(.get, "/logs", .read, "Lists the logs") { _, _ in
                Answer.trying { () throws(Failure) in
                    let topics = try api.needLog().topics
                    return .json { json in
                        json.object { json in
                            json.key("logs")
                            json.array { json in for topic in topics { describe(topic, partitions: false, &json) } }
                        }
                    }
                }
            },
            creation,
            Route(.get, "/logs/{log}", .read, "Describes a log and its partitions") { _, values in
                Answer.trying { () throws(Failure) in
                    let topic = try LogRead.find(values[0], api)
                    return .json { json in describe(topic, partitions: true, &json) }
                }
            },
            append,
            Route(
                .get, "/logs/{log}/records", .read, "Reads records from an offset or a time, or follows them",
                LogRead.parameters + [
                    .init("follow", "new records as server-sent events", kind: .boolean),
                    .init("after", "with follow: the id of the last event seen, instead of Last-Event-ID"),
                    .init("Last-Event-ID", "with follow: go on behind this event", place: .header),
                ], produces: ["application/json", "text/event-stream"]
            ) { request, values in
                do throws(Failure) {
                    if try request.query.flag("follow") { return .now(try LogRead.follow(request, values[0], api)) }
                } catch { return .now(.failure(error)) }
                return .blocking(api) { () throws(Failure) in try LogRead.answer(request, values[0], api) }
            },
        ]
    }

    private static func describe(_ topic: Topic, partitions withPartitions: Bool, _ json: inout JSONWriter) {
        let partitions = topic.partitions
        json.object { json in
            json.member("name", topic.name)
            json.member("isInternal", topic.name.hasPrefix("_"))
            json.member("partitions", partitions.count)
            json.member("records", partitions.reduce(0) { $0 + max(0, $1.lastStableOffset - $1.startOffset) })
            json.member("bytes", partitions.reduce(0) { $0 + $1.byteCount })
            if let age = topic.configuration.retentionTime { json.member("retentionSeconds", age.seconds) }
            guard withPartitions else { return }
            json.key("partition")
            json.array { json in
                for partition in partitions {
                    json.object { json in
                        json.member("index", partition.index)
                        json.member("startOffset", partition.startOffset)
                        json.member("endOffset", partition.endOffset)
                        json.member("durableOffset", partition.durableOffset)
                        json.member("lastStableOffset", partition.lastStableOffset)
                        json.member("bytes", partition.byteCount)
                        if let fault = partition.fault { json.member("fault", "\(fault)") }
                    }
                }
            }
        }
    }

    private static func create(_ request: Request, _ api: APIContext) -> Answer {
        .waiting { () throws(Failure) in
            let log = try api.needLog()
            var fault: TextFault?
            var tree: JSONTree?
            request.body.withUnsafeBytes { bytes in
                do throws(TextFault) { tree = try JSONParser.parse(bytes) } catch { fault = error }
            }
            if let fault { throw fault.failure(in: "body") }
            guard case .object(let members)? = tree?.node else {
                throw Failure(
                    .invalidArgument, "the body is an object", advice: #"{"name": "clicks", "partitions": 4}"#)
            }
            var name: String?
            var configuration = TopicConfiguration()
            for member in members {
                switch (member.key, member.value.node) {
                case ("name", .text(let text)): name = text
                case ("partitions", .number(let text)):
                    // 4.0 is an integer in JSON's eyes.
                    guard let count = Double(text).flatMap({ Int(exactly: $0) }), (1...1_000).contains(count) else {
                        throw Failure(.invalidArgument, "partitions is a number from 1 to 1000")
                    }
                    configuration.partitions = count
                default: throw Failure(.invalidArgument, "a log has no \"\(member.key)\" of that kind")
                }
            }
            guard let name else { throw Failure(.invalidArgument, "a log needs a name") }
            guard !name.hasPrefix("_") else {
                throw Failure(.invalidArgument, "names that begin with _ are the node's own")
            }
            let final = configuration
            let topic = try await api.blocking.run { () throws(Failure) in try log.createTopic(name, final) }
            return .json { json in describe(topic, partitions: true, &json) }
        }
    }
}
