public import MillraceCore
internal import MillraceEngine

/// The console of a node: its HTTP API and its page.
public final class ConsoleServer: Sendable {
    public struct Options: Sendable {
        /// 0 takes a free one.
        public var port: Int
        /// Where to listen: `nil` is this machine only, or with `isPublic` every address.
        public var address: String?
        /// Another address than loopback needs the token for everything, and TLS or `isInsecure`.
        public var isPublic = false
        public var isInsecure = false
        /// PEM texts.
        public var tls: (key: String, certificate: String)?
        /// Names besides this machine's own that clients may call the node.
        public var hosts: [String] = []
        public var threads = 2

        public init(port: Int) { self.port = port }
    }

    public let token: String
    let http: HTTPServer
    private let api: APIContext
    /// Everything that is served, in order.
    let routes: [Route]

    public init(_ options: Options, token: String, backend: ConsoleBackend, clock: any RuntimeClock) throws(Failure) {
        guard !options.isPublic || options.tls != nil || options.isInsecure else {
            throw Failure(
                .invalidArgument, "a console that others can reach needs TLS",
                advice: "Give it a key and a certificate, keep it on 127.0.0.1, or state that it may be insecure")
        }
        self.token = token
        let api = APIContext(backend, clock: clock)
        let rules = AccessRules(token: token, isPublic: options.isPublic, hosts: options.hosts, clock: clock)
        let figures = Lock<(@Sendable () -> HTTPFigures)?>(nil)
        var routes = NodeAPI.routes(api) { figures.withLock { $0 }?() ?? HTTPFigures() }
        routes += LogsAPI.routes(api) + TablesAPI.routes(api) + PipelinesAPI.routes(api)
        let document = OpenAPI.document(
            routes + [Route(.get, "/openapi.json", .open, "This document") { _, _ in .now(.text("")) }])
        routes.append(
            Route(.get, "/openapi.json", .open, "This document") { _, _ in
                .now(Response(200, type: "application/json", document))
            })
        self.routes = routes
        self.api = api
        let router = Router(routes: routes + PageFiles.routes)
        http = HTTPServer(
            .init(
                port: options.port, isPublic: options.isPublic, addresses: Self.addresses(options), tls: options.tls,
                threads: options.threads),
            clock: clock, executor: api.executor, admit: { rules.checkOrigin($0) },
            bodyLimit: { request in
                if case .route(let route, _) = router.find(request.method, request.path) { return route.bodyLimit }
                return Limits.httpBodyBytes
            },
            handle: { Self.handle($0, router, rules) })
        figures.withLock { [http] figures in
            figures = { [weak http] in
                guard let http else { return HTTPFigures() }
                let counters = http.counters
                return HTTPFigures(
                    requests: counters.requests.value, refused: counters.refused.value, failed: counters.failed.value,
                    slow: counters.slow.value, crowded: counters.crowded.value, connections: counters.connections.value,
                    open: http.connections,
                    guesses: rules.refusedGuesses.value)
            }
        }
    }

    private static func addresses(_ options: Options) -> [String] {
        switch options.address {
        case nil where !options.isPublic, "localhost"?: ["127.0.0.1", "::1"]
        case nil, "::"?: ["0.0.0.0", "::"]
        case let address?: [address]
        }
    }

    private static func handle(_ request: Request, _ router: Router, _ rules: AccessRules) -> Answer {
        switch router.find(request.method, request.path) {
        case .route(let route, let values):
            let verdict = rules.check(request, route.access)
            switch verdict {
            case .allowed: break
            case .known: request.showsToken()
            case .missing, .wrong, .throttled: return rules.refusal(verdict)
            }
            return route.handler(request, values)
        case .otherMethods(let methods):
            var response = Response.refusal(405, "this path takes \(methods.joined(separator: ", "))")
            response.headers.append(("Allow", methods.joined(separator: ", ")))
            return .now(response)
        case .nothing:
            return .now(.refusal(404, "there is nothing at this path", advice: "GET /openapi.json lists what there is"))
        }
    }

    /// Begins to serve; returns the port.
    public func start() throws(Failure) -> Int { try http.start() }

    public func stop() async {
        await http.stop()
        await api.stop()
    }
}
