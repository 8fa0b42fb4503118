internal import MillraceCore

/// Who may do what. On loopback anybody of this machine may read and append; changes to the node need the token. Off
/// loopback everything but the page itself and the health checks needs it.
final class AccessRules: Sendable {
    enum Access: Sendable {
        /// The page's files and the health checks.
        case open
        case read
        /// Puts records into logs.
        case append
        /// Changes what the node does.
        case admin
    }

    private let token: [UInt8]
    private let isPublic: Bool
    private let hosts: Set<String>
    private let clock: any RuntimeClock
    private struct Guesses {
        var count = 0
        var since: MonotonicTime
    }
    private let guesses = Lock<[Address: Guesses]>([:])
    let refusedGuesses = Counter()

    /// - Parameter hosts: names besides this machine's own that the Host header may say, without a port.
    init(token: String, isPublic: Bool, hosts: [String], clock: any RuntimeClock) {
        (self.token, self.isPublic, self.clock) = (Array(token.utf8), isPublic, clock)
        self.hosts = Set(["localhost", "127.0.0.1", "[::1]"] + hosts.map { $0.lowercased() })
    }

    /// Before routing: a foreign Host is a page that was rebound to us, a foreign Origin one that writes to us.
    func checkOrigin(_ request: Request) -> Response? {
        guard let host = request.headers["host"], hosts.contains(Self.name(of: host)) else {
            return .refusal(
                421, "this node is not called that", advice: "Call it localhost, or allow the name with console.hosts",
                closes: true)
        }
        guard request.method.isWrite else {
            if request.method == .options { return .refusal(405, "cross-origin requests are not served", closes: true) }
            return nil
        }
        if let site = request.headers["sec-fetch-site"], site != "same-origin", site != "none" {
            return .refusal(403, "writes from other sites are refused", closes: true)
        }
        if let origin = request.headers["origin"], Self.origin(origin) != host.lowercased() {
            return .refusal(403, "writes from other origins are refused", closes: true)
        }
        return nil
    }

    /// `localhost:8080` → `localhost`, `[::1]:8080` → `[::1]`.
    static func name(of host: String) -> String {
        let host = host.lowercased()
        if host.hasPrefix("["), let end = host.firstIndex(of: "]") { return String(host[...end]) }
        return String(host.prefix { $0 != ":" })
    }

    /// `http://localhost:8080` → `localhost:8080`; anything else is nobody's.
    private static func origin(_ origin: String) -> String? {
        let origin = origin.lowercased()
        for scheme in ["http://", "https://"] where origin.hasPrefix(scheme) {
            return String(origin.dropFirst(scheme.count))
        }
        return nil
    }

    enum Verdict: Sendable, Hashable {
        /// Nothing had to be shown.
        case allowed
        /// The token was shown.
        case known
        case missing, wrong, throttled
    }

    func check(_ request: Request, _ access: Access) -> Verdict {
        let isLocal = !isPublic && request.address.isLoopback
        switch access {
        case .open: return .allowed
        case .read where isLocal: return .allowed
        case .append where isLocal && request.headers["origin"] == nil: return .allowed
        case .read, .append, .admin: break
        }
        guard let header = request.headers["authorization"] else { return .missing }
        let now = clock.now
        let isThrottled = guesses.withLock { guesses in
            guard let past = guesses[request.address] else { return false }
            if now - past.since >= Limits.tokenGuessPeriod {
                guesses[request.address] = nil
                return false
            }
            return past.count >= Limits.tokenGuesses
        }
        if isThrottled { return .throttled }
        let words = header.split(separator: " ", maxSplits: 1)
        if words.count == 2, words[0].lowercased() == "bearer", TokenFile.isEqual(words[1].utf8, token) {
            return .known
        }
        refusedGuesses.increment()
        guesses.withLock { guesses in
            if guesses.count >= Limits.tokenGuessers, guesses[request.address] == nil,
                let oldest = guesses.min(by: { $0.value.since < $1.value.since })?.key
            {
                guesses[oldest] = nil
            }
            guesses[request.address, default: Guesses(since: now)].count += 1
        }
        return .wrong
    }

    /// The answer to who may not. A wrong token waits for it.
    func refusal(_ verdict: Verdict) -> Answer {
        switch verdict {
        case .allowed, .known: return .now(.refusal(500, "allowed"))
        case .missing:
            var response = Response.refusal(
                401, "this needs the node's token", advice: "Authorization: Bearer, then what is in \(TokenFile.name)")
            response.headers.append(("WWW-Authenticate", "Bearer"))
            return .now(response)
        case .throttled:
            var response = Response.refusal(429, "too many wrong tokens from this address", closes: true)
            response.headers.append(("Retry-After", "60"))
            return .now(response)
        case .wrong:
            let clock = clock
            return .later {
                try? await clock.sleep(for: Limits.tokenGuessDelay)
                return .refusal(401, "this is not the node's token", closes: true)
            }
        }
    }
}
