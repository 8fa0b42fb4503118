internal import MillraceCore

/// Writes server-sent events. Names and ids are ours; data is JSON on one line, so no line end can break a frame.
struct ServerEvents {
    var out = ByteWriter(capacity: 4_096)

    mutating func event(_ name: String, id: String? = nil, _ data: (inout JSONWriter) -> Void) {
        out.text("event: ")
        out.text(name)
        if let id {
            out.text("\nid: ")
            out.text(id)
        }
        out.text("\ndata: ")
        var json = JSONWriter(appendingTo: take())
        data(&json)
        out = json.out
        out.text("\n\n")
    }

    private mutating func take() -> ByteWriter {
        var taken = ByteWriter()
        swap(&taken, &out)
        return taken
    }

    /// Sends what was written, in pieces that fit a client's buffer. False when the client is gone.
    mutating func flush(to stream: EventStream) async -> Bool {
        let bytes = out.bytes
        out.removeAll()
        var sent = 0
        while sent < bytes.count {
            let end = min(bytes.count, sent + 64 << 10)
            guard await stream.send(Array(bytes[sent..<end])) else { return false }
            sent = end
        }
        return true
    }

    /// A comment that keeps the connection and finds out whether the peer is there.
    static let heartbeat = Array(": beat\n\n".utf8)
}

extension EventStream {
    /// Runs a producer until it returns or the client is gone, then ends the stream.
    func produce(_ api: APIContext, _ body: @escaping @Sendable (EventStream) async -> Void) {
        api.streams.add(1)
        // Ends with the stream: `body` looks at what `send` returns, and a heart beat finds a dead peer.
        _ = Task(executorPreference: api.executor) {
            await body(self)
            self.end()
            api.streams.add(-1)
        }
    }

    /// Waits until `arm` calls back, with heart beats meanwhile. False when the client is gone.
    func wait(_ clock: any RuntimeClock, _ arm: (@escaping @Sendable () -> Void) -> Void) async -> Bool {
        let signal = Repeated()
        arm { signal.fire(.ready) }
        whenClosedOnce { signal.fire(.closed) }
        while true {
            let timer = clock.schedule(at: clock.now + Limits.streamHeartbeat) { signal.fire(.beat) }
            let what = await signal.next()
            timer.cancel()
            switch what {
            case .ready: return !isClosed
            case .closed: return false
            case .beat: if offer(ServerEvents.heartbeat) == false { return false }
            }
        }
    }
}

/// The next of several things that may happen, for one waiting task.
private final class Repeated: Sendable {
    enum What: Int, Sendable { case beat, ready, closed }
    private struct State {
        var pending: What?
        var waiting: CheckedContinuation<What, Never>?
    }
    private let state = Lock(State())

    func fire(_ what: What) {
        let continuation: CheckedContinuation<What, Never>? = state.withLock { state in
            if let waiting = state.waiting.take() { return waiting }
            if what.rawValue >= state.pending?.rawValue ?? 0 { state.pending = what }
            return nil
        }
        continuation?.resume(returning: what)
    }

    func next() async -> What {
        await withCheckedContinuation { (continuation: CheckedContinuation<What, Never>) in
            let pending: What? = state.withLock { state in
                if let pending = state.pending.take() { return pending }
                state.waiting = continuation
                return nil
            }
            if let pending { continuation.resume(returning: pending) }
        }
    }
}
