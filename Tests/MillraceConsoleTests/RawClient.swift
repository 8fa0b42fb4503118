import Foundation
import PlainSockets

/// One connection: sends bytes as they are, and understands answers.
final class RawClient: @unchecked Sendable {
    // Sendable because each is used by one test at a time.
    private let descriptor: Int32?
    private let timeout: Double
    private var pending: [UInt8] = []

    init(port: Int, host: UInt32 = 0x7F00_0001, timeout: Double = 120, receiveBuffer: Int32? = nil) {
        descriptor = try? Sockets.connect(port: port, host: host, receiveBuffer: receiveBuffer)
        self.timeout = timeout
    }
    deinit { if let descriptor { Sockets.close(descriptor) } }

    var isConnected: Bool { descriptor != nil }

    @discardableResult func send(_ text: String) -> Bool { send(Array(text.utf8)) }
    @discardableResult func send(_ bytes: [UInt8]) -> Bool {
        descriptor.map { Sockets.write(bytes, to: $0) } ?? false
    }

    /// What comes next, at most 64 KiB; empty when the peer closed, `nil` when nothing came in time.
    ///
    /// On a thread of Dispatch's: the cooperative pool is what the server's own tasks need.
    func read() async -> [UInt8]? {
        if !pending.isEmpty {
            defer { pending = [] }
            return pending
        }
        return await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: self.receive()) }
        }
    }

    private func receive() -> [UInt8]? {
        guard let descriptor else { return [] }
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let count = buffer.withUnsafeMutableBytes {
            Sockets.read(descriptor, into: $0, milliseconds: Int32(timeout * 1_000))
        }
        return count.map { Array(buffer.prefix($0)) }
    }

    struct Answer {
        var status: Int
        var headers: [String: String]
        var body: [UInt8]
        var text: String { String(decoding: body, as: UTF8.self) }
        var json: Any? { try? JSONSerialization.jsonObject(with: Data(body), options: [.fragmentsAllowed]) }
        var object: [String: Any] { json as? [String: Any] ?? [:] }
    }

    /// One answer with a length, or chunked, or until the close.
    func answer(isHead: Bool = false) async -> Answer? {
        var bytes: [UInt8] = []
        let mark = Array("\r\n\r\n".utf8)
        var end: Int?
        while end == nil {
            guard let more = await read(), !more.isEmpty else { return nil }
            bytes += more
            if let range = Data(bytes).range(of: Data(mark)) { end = range.upperBound }
        }
        let head = String(decoding: bytes[..<(end ?? 0)], as: UTF8.self)
        let lines = head.components(separatedBy: "\r\n")
        let status = Int(lines[0].split(separator: " ").dropFirst().first ?? "") ?? 0
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(
                in: .whitespaces)
        }
        var body = Array(bytes[(end ?? 0)...])
        if status == 100 {
            // The answer proper may be right behind it.
            pending = body
            return Answer(status: status, headers: headers, body: [])
        }
        if isHead { return Answer(status: status, headers: headers, body: []) }
        if let length = headers["content-length"].flatMap({ Int($0) }) {
            while body.count < length {
                guard let more = await read(), !more.isEmpty else { return nil }
                body += more
            }
            pending = Array(body[length...])
            body = Array(body[..<length])
        }
        return Answer(status: status, headers: headers, body: body)
    }

    func get(_ target: String, headers: String = "") async -> Answer? {
        send("GET \(target) HTTP/1.1\r\nHost: localhost\r\n\(headers)\r\n")
        return await answer()
    }

    func request(_ method: String, _ target: String, headers: String = "", body: String = "") async -> Answer? {
        let length = Array(body.utf8).count
        send("\(method) \(target) HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(length)\r\n\(headers)\r\n\(body)")
        return await answer(isHead: method == "HEAD")
    }

    /// Reads until the text is there; what was read so far.
    func until(_ text: String, seconds: Double = 120) async -> String {
        var all: [UInt8] = []
        let end = Date().addingTimeInterval(seconds)
        while Date() < end {
            guard let more = await read(), !more.isEmpty else { break }
            all += more
            if String(decoding: all, as: UTF8.self).contains(text) { break }
        }
        return String(decoding: all, as: UTF8.self)
    }
}
