internal import CMicrohttpd
internal import MillraceCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A small HTTP/1.1 server: requests in, answers out. libmicrohttpd moves the bytes on threads of its own.
///
/// The head is checked before anything else happens; a handler sees only whole and well-formed requests.
final class HTTPServer: Sendable {
    struct Options: Sendable {
        /// 0 takes a free one.
        var port: Int
        /// Others can reach it: their connections are counted by address.
        var isPublic: Bool
        /// Addresses to listen on. The first must be had; others, such as IPv6 on a machine without it, may be missing.
        var addresses: [String]
        /// PEM texts of the key and the certificate chain.
        var tls: (key: String, certificate: String)?
        var threads: Int
        var connections: Int

        init(
            port: Int, isPublic: Bool = false, addresses: [String] = ["127.0.0.1", "::1"],
            tls: (key: String, certificate: String)? = nil, threads: Int = 2,
            connections: Int = Limits.httpConnections
        ) {
            precondition(!addresses.isEmpty, "a server listens somewhere")
            (self.port, self.isPublic, self.tls, self.threads) = (port, isPublic, tls, threads)
            (self.addresses, self.connections) = (addresses, connections)
        }
    }

    let options: Options
    let clock: any RuntimeClock
    /// Looks at a head before the body is read: a refusal, or `nil`.
    let admit: @Sendable (Request) -> Response?
    /// Bytes of body that a request may have.
    let bodyLimit: @Sendable (Request) -> Int
    let handle: @Sendable (Request) -> Answer
    /// Where answers that come later are worked out.
    let executor: WebExecutor
    let counters = HTTPCounters()
    let open = Lock(OpenConnections())
    private let daemons = Lock<[Daemon]>([])

    /// Owned by `daemons`; stopped once.
    struct Daemon: @unchecked Sendable {
        // Sendable because libmicrohttpd's functions on a daemon are safe from any thread.
        let pointer: OpaquePointer
    }

    init(
        _ options: Options, clock: any RuntimeClock, executor: WebExecutor? = nil,
        admit: @escaping @Sendable (Request) -> Response? = { _ in nil },
        bodyLimit: @escaping @Sendable (Request) -> Int = { _ in Limits.httpBodyBytes },
        handle: @escaping @Sendable (Request) -> Answer
    ) {
        (self.options, self.clock) = (options, clock)
        (self.admit, self.bodyLimit, self.handle) = (admit, bodyLimit, handle)
        self.executor = executor ?? WebExecutor(clock: clock)
    }

    /// Begins to serve and returns the port. The server must be stopped before it goes.
    func start() throws(Failure) -> Int {
        guard let first = startDaemon(port: options.port, options.addresses[0]) else {
            if errno == EADDRNOTAVAIL {
                throw Failure(
                    .invalidArgument, "\(options.addresses[0]) is no address of this machine",
                    advice:
                        "Set console.address to one, to 0.0.0.0 or :: for all, or leave it out for this machine only",
                    place: options.addresses[0])
            }
            // A port that is taken says so; anything else is what TLS was given.
            if options.tls != nil, errno != EADDRINUSE, errno != EACCES {
                throw Failure(
                    .invalidArgument, "the console's certificate or key is not usable",
                    advice: "Give it PEM files of a key and of a certificate that belong together")
            }
            let reason = IOFault(.open, path: "port \(options.port)", errno: errno)
            throw Failure(
                .inUse, "port \(options.port) cannot be listened on",
                advice: "Choose another port, or 0 for a free one", place: "port \(options.port)", cause: reason)
        }
        let port = Int(mr_http_port(first.pointer))
        let others = options.addresses.dropFirst().compactMap { startDaemon(port: port, $0) }
        daemons.withLock { $0 = [first] + others }
        sweepLater()
        return port
    }

    private func startDaemon(port: Int, _ address: String) -> Daemon? {
        address.withCString { startDaemon(port: port, at: $0, isIPv6: address.contains(":")) }
    }

    private func startDaemon(port: Int, at address: UnsafePointer<CChar>, isIPv6: Bool) -> Daemon? {
        var raw = mr_http_options()
        raw.is_ipv6 = isIPv6 ? 1 : 0
        raw.address = address
        raw.port = UInt16(truncatingIfNeeded: port)
        raw.connections = UInt32(min(options.connections, DescriptorLimit.forConnections))
        raw.connections_per_address = options.isPublic ? UInt32(Limits.httpConnectionsPerAddress) : 0
        raw.idle_seconds = UInt32(Limits.httpIdle.microseconds / 1_000_000)
        raw.threads = UInt32(max(1, options.threads))
        raw.memory_per_connection = Limits.httpConnectionBytes
        // Unretained: `stop` ends every callback before the server may go.
        raw.context = Unmanaged.passUnretained(self).toOpaque()
        raw.on_request = HTTPCallbacks.request
        raw.on_completed = HTTPCallbacks.completed
        raw.on_connection = HTTPCallbacks.connection
        raw.on_target = HTTPCallbacks.target
        raw.unescape = { _, _, text in text.map { strlen($0) } ?? 0 }
        let daemon: OpaquePointer?
        if let tls = options.tls {
            daemon = tls.key.withCString { key in
                tls.certificate.withCString { certificate in
                    raw.tls_key = key
                    raw.tls_certificate = certificate
                    return mr_http_start(&raw)
                }
            }
        } else {
            daemon = mr_http_start(&raw)
        }
        return daemon.map { Daemon(pointer: $0) }
    }

    var isRunning: Bool { daemons.withLock { !$0.isEmpty } }
    /// Connections that are open now.
    var connections: Int { open.withLock { $0.connections.count } }

    func trusts(_ connection: Connection) { open.withLock { $0.strangers.remove(connection) } }

    // MARK: The sweeper

    private func sweepLater() {
        _ = clock.schedule(at: clock.now + Limits.httpSweep) { [weak self] in
            guard let self, isRunning else { return }
            sweep()
            sweepLater()
        }
    }

    /// Ends connections that are too slow: the head, the body, between requests, a stalled stream.
    private func sweep() {
        let now = clock.now
        let (connections, streams) = open.withLock { (Array($0.connections.values), Array($0.streams.values)) }
        for connection in connections where connection.isTooSlow(at: now) {
            counters.slow.increment()
            connection.shut()
        }
        for stream in streams { stream.closeIfStalled() }
    }

    // MARK: The end

    /// Takes no new connections, ends the streams, lets requests finish for `Limits.httpStop`, then answers what is
    /// left with 503 and stops. The caller's thread may wait; the cooperative pool's does not.
    func stop() async {
        let running = daemons.withLock { daemons in
            defer { daemons = [] }
            return daemons
        }
        guard !running.isEmpty else { return }
        let sockets = running.map { MHD_quiesce_daemon($0.pointer) }
        open.withLock { $0.isStopping = true }
        for stream in open.withLock({ Array($0.streams.values) }) { stream.end() }
        let deadline = clock.now + Limits.httpStop
        while clock.now < deadline, open.withLock({ !$0.exchanges.isEmpty }) {
            try? await clock.sleep(for: .milliseconds(5))
        }
        // A suspended connection must not be left: libmicrohttpd ends the process over it.
        while true {
            let left = open.withLock { $0 }
            for stream in left.streams.values { stream.abort() }
            for exchange in left.exchanges.values {
                exchange.deliver(.refusal(503, "the node is stopping", closes: true))
            }
            for connection in left.connections.values { connection.shut() }
            if left.exchanges.isEmpty { break }
            try? await clock.sleep(for: .milliseconds(5))
        }
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            _ = OwnedThread(name: "http-stop") {
                for daemon in running { MHD_stop_daemon(daemon.pointer) }
                for socket in sockets where socket >= 0 { close(socket) }
                continuation.resume()
            }
        }
    }
}

/// What is going on, for the sweeper and the end.
struct OpenConnections: Sendable {
    var connections: [UInt64: Connection] = [:]
    var exchanges: [UInt64: Exchange] = [:]
    var streams: [UInt64: EventStream] = [:]
    /// Those that have not shown the token, where others can reach the node.
    var strangers = Strangers()
    var waiting = 0
    /// Of large answers that are on their way.
    var answerBytes = 0
    var nextID: UInt64 = 0
    var isStopping = false

    mutating func id() -> UInt64 {
        nextID += 1
        return nextID
    }
}

/// Since the start.
struct HTTPCounters: Sendable {
    let requests = Counter(), refused = Counter(), failed = Counter(), slow = Counter(), connections = Counter()
    /// Strangers' connections that were ended to make room.
    let crowded = Counter()
}
