internal import CMicrohttpd
internal import MillraceCore

/// One request and its answer. Called by libmicrohttpd's thread, and by whoever delivers the answer.
final class Exchange: @unchecked Sendable {
    // Sendable because `pointer` is only used while the connection is suspended by us or on its own thread, and
    // everything that changes is behind `state`.
    private enum Phase {
        case fresh
        case reading
        /// The connection sleeps until somebody delivers.
        case waiting
        case ready(Response)
        case queued
        case completed
    }
    private struct State {
        var phase = Phase.fresh
        var body: [UInt8] = []
        var request: Request?
        var bodyLimit = 0
        var timer: ClockTimer?
        var work: Task<Void, Never>?
    }

    let id: UInt64
    let target: String
    let connection: Connection
    private let pointer: OpaquePointer
    /// Where the target was received: libmicrohttpd's memory, valid until the head was looked at.
    private let raw: UnsafePointer<CChar>
    private unowned let server: HTTPServer
    private let state = Lock(State())

    init(
        id: UInt64, target: String, connection: Connection, pointer: OpaquePointer, server: HTTPServer,
        raw: UnsafePointer<CChar>
    ) {
        (self.id, self.target, self.connection) = (id, target, connection)
        (self.pointer, self.server, self.raw) = (pointer, server, raw)
    }

    /// The handler of libmicrohttpd, called for the head, for pieces of the body, for its end, and after each resume.
    func proceed(
        method: UnsafePointer<CChar>, version: UnsafePointer<CChar>, upload: UnsafeRawBufferPointer
    ) -> Bool {
        enum Step {
            case head, piece, end, answer(Response), nothing
        }
        let step: Step = state.withLock { state in
            switch state.phase {
            case .fresh:
                state.phase = .reading
                return .head
            case .reading: return upload.isEmpty ? .end : .piece
            case .ready(let response):
                state.phase = .queued
                return .answer(response)
            case .waiting, .queued, .completed: return .nothing
            }
        }
        switch step {
        case .head: return head(method: method, version: version)
        case .piece: return take(upload)
        case .end: return end()
        case .answer(let response): return queue(response)
        case .nothing: return true
        }
    }

    private func head(method: UnsafePointer<CChar>, version: UnsafePointer<CChar>) -> Bool {
        server.counters.requests.increment()
        guard mr_http_is_strict(pointer, method, raw, target.utf8.count, version) != 0 else {
            server.counters.refused.increment()
            return queueNow(.refusal(400, "the head is malformed", closes: true))
        }
        switch RequestHead.check(
            method: String(cString: method), target: target, version: String(cString: version),
            headers: HTTPCallbacks.headers(of: pointer), address: connection.address)
        {
        case .failure(let refusal):
            server.counters.refused.increment()
            return queueNow(refusal.response)
        case .success(let request):
            if let refusal = server.admit(request) {
                server.counters.refused.increment()
                return queueNow(refusal)
            }
            let limit = server.bodyLimit(request)
            if let length = request.headers["content-length"].flatMap({ Int($0) }), length > limit {
                server.counters.refused.increment()
                return queueNow(
                    .refusal(413, "the body has \(length) bytes, the limit is \(limit)", closes: true))
            }
            state.withLock { ($0.request, $0.bodyLimit) = (request, limit) }
            connection.receives(0, now: server.clock.now)
            return true
        }
    }

    private func take(_ upload: UnsafeRawBufferPointer) -> Bool {
        connection.receives(upload.count, now: server.clock.now)
        let fits = state.withLock { state in
            guard state.body.count + upload.count <= state.bodyLimit else { return false }
            state.body.append(contentsOf: upload)
            return true
        }
        // A chunked body announces no length; there is no answer in its middle, so the connection is closed.
        if !fits { server.counters.refused.increment() }
        return fits
    }

    private func end() -> Bool {
        connection.answers()
        let request = state.withLock { state in
            state.request?.body = state.body
            state.body = []
            return state.request
        }
        guard var request else { return false }
        if server.options.isPublic {
            request.showsToken = { [connection, unowned server] in server.trusts(connection) }
        }
        switch server.handle(request) {
        case .now(let response): return queueNow(response)
        case .later(let work):
            let mayWait = server.open.withLock { open in
                guard open.waiting < Limits.httpInFlight, !open.isStopping else { return false }
                open.waiting += 1
                return true
            }
            guard mayWait else { return queueNow(.refusal(503, "too many requests wait for their answer")) }
            state.withLock { state in
                state.phase = .waiting
                MHD_suspend_connection(pointer)
            }
            start(work)
            return true
        }
    }

    private func start(_ work: @escaping @Sendable () async -> Response) {
        let timer = server.clock.schedule(at: server.clock.now + Limits.httpAnswer) { [weak self] in
            self?.deliver(.refusal(504, "no answer within \(Limits.httpAnswer.seconds) s"))
        }
        // Ends by itself or with the time-out, and always delivers.
        let task = Task(executorPreference: server.executor) { [weak self] in
            let response = await work()
            self?.deliver(response)
        }
        let isLate = state.withLock { state in
            guard case .waiting = state.phase else { return true }
            (state.timer, state.work) = (timer, task)
            return false
        }
        if isLate { timer.cancel() }
    }

    /// The first answer counts. Any thread.
    func deliver(_ response: Response) {
        let (timer, work, isFirst): (ClockTimer?, Task<Void, Never>?, Bool) = state.withLock { state in
            guard case .waiting = state.phase else { return (nil, nil, false) }
            state.phase = .ready(response)
            defer { (state.timer, state.work) = (nil, nil) }
            return (state.timer, state.work, true)
        }
        guard isFirst else {
            // Nobody will take it.
            if case .stream(let stream) = response.body { stream.close() }
            return
        }
        timer?.cancel()
        work?.cancel()
        server.open.withLock { $0.waiting -= 1 }
        MHD_resume_connection(pointer)
    }

    private func queueNow(_ response: Response) -> Bool {
        state.withLock { $0.phase = .queued }
        return queue(response)
    }

    private func queue(_ response: Response) -> Bool {
        if case .stream = response.body { connection.answers() } else { connection.sends(now: server.clock.now) }
        if response.status >= 500 { server.counters.failed.increment() }
        return HTTPCallbacks.queue(response, on: pointer, of: self, server: server)
    }

    func completed() {
        state.withLock { $0.phase = .completed }
        connection.completes(now: server.clock.now)
    }
}
