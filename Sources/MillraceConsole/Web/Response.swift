public import MillraceCore

/// What a request is answered with.
public struct Response: Sendable {
    public enum Body: Sendable {
        case bytes([UInt8])
        /// Sent as it comes, until its end.
        case stream(EventStream)
    }

    public var status: Int
    public var headers: [(name: String, value: String)]
    public var body: Body
    /// The connection is closed afterwards.
    public var closes = false

    public init(_ status: Int = 200, type: String = "", _ body: [UInt8] = []) {
        self.status = status
        headers = type.isEmpty ? [] : [("Content-Type", type)]
        self.body = .bytes(body)
    }

    public init(_ stream: EventStream) {
        status = 200
        headers = [("Content-Type", "text/event-stream")]
        body = .stream(stream)
    }

    public static func text(_ text: String, status: Int = 200) -> Response {
        Response(status, type: "text/plain; charset=utf-8", Array(text.utf8))
    }

    public static func json(status: Int = 200, _ write: (inout JSONWriter) -> Void) -> Response {
        var json = JSONWriter(capacity: 256)
        write(&json)
        return Response(status, type: "application/json", json.bytes)
    }

    /// `{"error": {"code", "message", "advice", "place"}}`
    public static func failure(_ status: Int, _ failure: Failure) -> Response {
        json(status: status) { json in
            json.object { json in
                json.key("error")
                json.object { json in
                    json.member("code", failure.code.name)
                    json.member("message", failure.message)
                    if !failure.advice.isEmpty { json.member("advice", failure.advice) }
                    if !failure.place.isEmpty { json.member("place", failure.place) }
                }
            }
        }
    }

    public static func failure(_ failure: Failure) -> Response { self.failure(status(of: failure.code), failure) }

    public static func refusal(_ status: Int, _ message: String, advice: String = "", closes: Bool = false) -> Response
    {
        var response = failure(status, Failure(Failure.Code("http-\(status)"), message, advice: advice))
        response.closes = closes
        return response
    }

    static func status(of code: Failure.Code) -> Int {
        switch code {
        case .invalidArgument: 400
        case .notFound: 404
        case .alreadyExists, .notRunning: 409
        case .limitReached: 503
        case .closed, .fenced, .diskFull, .inUse: 503
        case .timedOut: 504
        case .unsupported: 501
        default: 500
        }
    }

    /// Checked, so that no value of a user's can end a header and begin another.
    static func isHeaderSafe(_ value: String) -> Bool { value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 9 } }
}

/// An answer at once, or later. `now` runs on the server's own thread and may block shortly; `later` must not block.
public enum Answer: Sendable {
    case now(Response)
    case later(@Sendable () async -> Response)
}
