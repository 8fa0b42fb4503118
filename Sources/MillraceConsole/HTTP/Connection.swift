internal import CMicrohttpd
internal import MillraceCore

/// One connection: how far it is, and its descriptor for as long as it is ours.
final class Connection: Sendable {
    private enum Phase: Sendable {
        /// Waits for the end of a head.
        case head(since: MonotonicTime)
        /// Waits for the rest of a body.
        case body(since: MonotonicTime, bytes: Int)
        /// The handler has it, or a stream, which sees to its client itself.
        case answer
        /// Waits for the client to take an answer. `bytes` were taken so far, the last of them `at` that time.
        case sending(since: MonotonicTime, bytes: Int, at: MonotonicTime)
        /// Between two requests.
        case idle(since: MonotonicTime)
        case closed
    }

    let id: UInt64
    let address: Address
    private let descriptor: Int32
    private let phase: Lock<Phase>

    init(id: UInt64, address: Address, descriptor: Int32, now: MonotonicTime) {
        (self.id, self.address, self.descriptor) = (id, address, descriptor)
        phase = Lock(.head(since: now))
    }

    private func enter(_ next: Phase) {
        phase.withLock { if case .closed = $0 {} else { $0 = next } }
    }

    /// The first line of a request is there. A first head counts from the connection on.
    func beginsHead(now: MonotonicTime) {
        phase.withLock { if case .idle = $0 { $0 = .head(since: now) } }
    }

    func receives(_ bytes: Int, now: MonotonicTime) {
        phase.withLock { phase in
            switch phase {
            case .body(let since, let before): phase = .body(since: since, bytes: before + bytes)
            case .head, .answer, .sending, .idle: phase = .body(since: now, bytes: bytes)
            case .closed: break
            }
        }
    }

    func answers() { enter(.answer) }
    func sends(now: MonotonicTime) { enter(.sending(since: now, bytes: 0, at: now)) }
    func completes(now: MonotonicTime) { enter(.idle(since: now)) }

    func takes(_ bytes: Int, now: MonotonicTime) {
        phase.withLock { phase in
            if case .sending(let since, let before, _) = phase {
                phase = .sending(since: since, bytes: before + bytes, at: now)
            }
        }
    }

    func isTooSlow(at now: MonotonicTime) -> Bool {
        func falls(behind since: MonotonicTime, _ bytes: Int, after grace: TimeSpan) -> Bool {
            let time = now - since
            return time > grace && Double(bytes) < time.seconds * Double(Limits.httpLeastRate)
        }
        switch phase.withLock({ $0 }) {
        case .head(let since): return now - since > Limits.httpHead
        case .body(let since, let bytes): return falls(behind: since, bytes, after: Limits.httpBodyGrace)
        case .sending(let since, let bytes, let last):
            return now - last > Limits.httpWriteStall || falls(behind: since, bytes, after: Limits.httpWriteStall)
        case .idle(let since): return now - since > Limits.httpIdle
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
