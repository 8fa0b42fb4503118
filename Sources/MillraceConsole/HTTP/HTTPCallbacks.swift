internal import CMicrohttpd
internal import MillraceCore

/// What libmicrohttpd calls, and what answers look like to it.
enum HTTPCallbacks {
    static let target:
        @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, OpaquePointer?) -> UnsafeMutableRawPointer? = {
            context, target, pointer in
            guard let context, let target, let pointer else { return nil }
            let server = Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue()
            guard let socket = mr_http_context(pointer) else { return nil }
            let connection = Unmanaged<Connection>.fromOpaque(socket).takeUnretainedValue()
            let text = String(validatingCString: target) ?? ""
            connection.beginsHead(now: server.clock.now)
            let exchange = server.open.withLock { open in
                let exchange = Exchange(
                    id: open.id(), target: text, connection: connection, pointer: pointer, server: server, raw: target)
                open.exchanges[exchange.id] = exchange
                return exchange
            }
            return Unmanaged.passRetained(exchange).toOpaque()
        }

    static let request: MHD_AccessHandlerCallback = { _, _, _, method, version, upload, size, slot in
        guard let opaque = slot?.pointee, let method, let version, let size else { return .NO }
        let exchange = Unmanaged<Exchange>.fromOpaque(opaque).takeUnretainedValue()
        let bytes = UnsafeRawBufferPointer(start: upload, count: size.pointee)
        size.pointee = 0
        let goesOn = exchange.proceed(method: method, version: version, upload: bytes)
        return goesOn ? .YES : .NO
    }

    static let completed: MHD_RequestCompletedCallback = { context, _, slot, _ in
        guard let context, let opaque = slot?.pointee else { return }
        slot?.pointee = nil
        let server = Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue()
        let exchange = Unmanaged<Exchange>.fromOpaque(opaque).takeRetainedValue()
        exchange.completed()
        server.open.withLock { $0.exchanges[exchange.id] = nil }
    }

    static let connection: MHD_NotifyConnectionCallback = { context, pointer, socket, event in
        guard let context, let pointer, let socket else { return }
        let server = Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue()
        if mr_http_is_start(event) != 0 {
            server.counters.connections.increment()
            var bytes = [UInt8](repeating: 0, count: 16)
            mr_http_address(pointer, &bytes)
            func word(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
            let address = Address(high: word(0..<8), low: word(8..<16))
            let descriptor = mr_http_descriptor(pointer)
            let now = server.clock.now
            let (connection, surplus) = server.open.withLock { open in
                let connection = Connection(id: open.id(), address: address, descriptor: descriptor, now: now)
                open.connections[connection.id] = connection
                return (connection, server.options.isPublic ? open.strangers.add(connection) : nil)
            }
            if let surplus {
                server.counters.crowded.increment()
                surplus.shut()
            }
            socket.pointee = Unmanaged.passRetained(connection).toOpaque()
        } else if let opaque = socket.pointee {
            socket.pointee = nil
            let connection = Unmanaged<Connection>.fromOpaque(opaque).takeRetainedValue()
            connection.close()
            server.open.withLock { open in
                open.connections[connection.id] = nil
                open.strangers.remove(connection)
            }
        }
    }

    /// Name and value of every header, as they came.
    static func headers(of pointer: OpaquePointer) -> [(String, String)] {
        var all: [(String, String)] = []
        withUnsafeMutablePointer(to: &all) { list in
            mr_http_headers(
                pointer,
                { list, _, name, value in
                    guard let list, let name else { return .YES }
                    let headers = list.assumingMemoryBound(to: [(String, String)].self)
                    headers.pointee.append((String(cString: name), value.map { String(cString: $0) } ?? ""))
                    return headers.pointee.count > Limits.httpHeaders ? .NO : .YES
                }, UnsafeMutableRawPointer(list))
        }
        return all
    }

    // MARK: Answers

    static func queue(_ response: Response, on pointer: OpaquePointer, of exchange: Exchange, server: HTTPServer)
        -> Bool
    {
        let raw: OpaquePointer?
        switch response.body {
        case .bytes(let bytes) where bytes.count <= Limits.httpSmallAnswer:
            raw = bytes.withUnsafeBytes {
                mr_http_answer($0.baseAddress, $0.count)
            }
        case .bytes(let bytes):
            guard let source = BodySource(bytes, exchange.connection, server) else {
                server.counters.refused.increment()
                let refusal = Response.refusal(503, "too many answers wait for their clients")
                return queue(refusal, on: pointer, of: exchange, server: server)
            }
            raw = MHD_create_response_from_callback(
                UInt64(bytes.count), 64 << 10, BodySource.read, Unmanaged.passRetained(source).toOpaque(),
                BodySource.free)
        case .stream(let stream):
            let source = StreamSource(stream: stream, pointer: pointer, server: server, id: exchange.id)
            stream.whenStalled { [connection = exchange.connection] in connection.shut() }
            let isStopping = server.open.withLock { open in
                open.streams[exchange.id] = stream
                return open.isStopping
            }
            if isStopping { stream.end() }
            raw = MHD_create_response_from_callback(
                UInt64.max, 16 << 10, StreamSource.read, Unmanaged.passRetained(source).toOpaque(), StreamSource.free)
        }
        guard let raw else { return false }
        defer { MHD_destroy_response(raw) }
        for (name, value) in response.headers + Response.alwaysHeaders where Response.isHeaderSafe(value) {
            MHD_add_response_header(raw, name, value)
        }
        if response.closes { MHD_add_response_header(raw, "Connection", "close") }
        return MHD_queue_response(pointer, UInt32(response.status), raw) == .YES
    }
}

/// Feeds one large answer as its client takes it, which is how a client that takes nothing is told.
private final class BodySource: Sendable {
    private let bytes: [UInt8]
    private let connection: Connection
    private unowned let server: HTTPServer

    /// `nil` when too much waits already.
    init?(_ bytes: [UInt8], _ connection: Connection, _ server: HTTPServer) {
        let fits = server.open.withLock { open in
            guard open.answerBytes + bytes.count <= Limits.httpAnswerBytes else { return false }
            open.answerBytes += bytes.count
            return true
        }
        guard fits else { return nil }
        (self.bytes, self.connection, self.server) = (bytes, connection, server)
    }

    static let read: MHD_ContentReaderCallback = { context, position, target, size in
        guard let context, let target else { return -1 }
        let source = Unmanaged<BodySource>.fromOpaque(context).takeUnretainedValue()
        let rest = source.bytes.dropFirst(Int(position)).prefix(size)
        rest.withUnsafeBytes {
            UnsafeMutableRawBufferPointer(start: target, count: size).copyMemory(from: $0)
        }
        source.connection.takes(rest.count, now: source.server.clock.now)
        return rest.count
    }

    static let free: MHD_ContentReaderFreeCallback = { context in
        guard let context else { return }
        let source = Unmanaged<BodySource>.fromOpaque(context).takeRetainedValue()
        source.server.open.withLock { $0.answerBytes -= source.bytes.count }
    }
}

/// Feeds one streamed answer from its `EventStream`.
private final class StreamSource: @unchecked Sendable {
    // Sendable because `pointer` is only used to wake the connection that this source itself has put to sleep.
    private let stream: EventStream
    private let pointer: OpaquePointer
    private unowned let server: HTTPServer
    private let id: UInt64

    init(stream: EventStream, pointer: OpaquePointer, server: HTTPServer, id: UInt64) {
        (self.stream, self.pointer, self.server, self.id) = (stream, pointer, server, id)
    }

    static let read: MHD_ContentReaderCallback = { context, _, target, size in
        guard let context, let target else { return -1 }
        let source = Unmanaged<StreamSource>.fromOpaque(context).takeUnretainedValue()
        let buffer = UnsafeMutableRawBufferPointer(start: target, count: size)
        let pointer = source.pointer
        let wake: @Sendable () -> Void = { MHD_resume_connection(source.pointer) }
        switch source.stream.take(into: buffer, sleep: { MHD_suspend_connection(pointer) }, wake: wake) {
        case .bytes(let count): return count
        case .nothing: return 0
        case .end: return -1
        }
    }

    static let free: MHD_ContentReaderFreeCallback = { context in
        guard let context else { return }
        let source = Unmanaged<StreamSource>.fromOpaque(context).takeRetainedValue()
        source.server.open.withLock { $0.streams[source.id] = nil }
        source.stream.close()
    }
}
