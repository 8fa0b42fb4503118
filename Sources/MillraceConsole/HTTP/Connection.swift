internal import CMicrohttpd
internal import MillraceCore

/// One connection: how far it is, and its descriptor for as long as it is ours.
final class Connection: Sendable {
    private enum Phase: Sendable {
        /// Waits for the end of a head.
        case head(since: MonotonicTime, isFirst: Bool)
        /// Waits for the rest of a body.
        case body(since: MonotonicTime, bytes: Int)
        /// The handler or the network has it.
        case answer
        case closed
    }

    let id: UInt64
    let address: Address
    private let descriptor: Int32
    private let phase: Lock<Phase>

    init(id: UInt64, address: Address, descriptor: Int32, now: MonotonicTime) {
        (self.id, self.address, self.descriptor) = (id, address, descriptor)
        phase = Lock(.head(since: now, isFirst: true))
    }

    func receives(_ bytes: Int, now: MonotonicTime) {
        phase.withLock { phase in
            switch phase {
            case .body(let since, let before): phase = .body(since: since, bytes: before + bytes)
            case .head, .answer: phase = .body(since: now, bytes: bytes)
            case .closed: break
            }
        }
    }

    func answers() { phase.withLock { if case .closed = $0 {} else { $0 = .answer } } }

    func waitsForHead(now: MonotonicTime) {
        phase.withLock { if case .closed = $0 {} else { $0 = .head(since: now, isFirst: false) } }
    }

    func isTooSlow(at now: MonotonicTime) -> Bool {
        switch phase.withLock({ $0 }) {
        case .head(let since, let isFirst):
            return now - since > (isFirst ? Limits.httpHead : Limits.httpBetweenRequests)
        case .body(let since, let bytes):
            let time = now - since
            return time > Limits.httpBodyGrace && Double(bytes) < time.seconds * Double(Limits.httpBodyRate)
        case .answer, .closed: return false
        }
    }

    /// Under the lock: the descriptor may be somebody else's as soon as the connection is closed.
    func shut() {
        phase.withLock { phase in
            if case .closed = phase { return }
            mr_http_shut(descriptor)
        }
    }

    func close() { phase.withLock { $0 = .closed } }
}
