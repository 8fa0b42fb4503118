internal import CPlatform
internal import MillraceCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Answers the command line's questions on a socket in the data directory: one line in, text out, close.
///
/// One thread of its own, one connection at a time: people ask here, dashboards ask the console. The socket is the
/// owner's alone (mode 0600 in a directory of mode 0700), so whoever can open it may command the node.
final class ControlServer: Sendable {
    private let listener: Int32
    private let thread: OwnedThread

    init(path: String, answer: @escaping @Sendable ([String]) -> ControlAnswer) throws(Failure) {
        listener = mr_control_listen(path)
        guard listener >= 0 else {
            throw Failure(IOFault(.open, path: path, errno: errno), "the control socket cannot be opened")
        }
        let listener = listener
        thread = OwnedThread(name: "control") { Self.serve(listener, answer) }
    }

    func close() {
        // Wakes the thread out of accept with an error, which ends it.
        shutdown(listener, Int32(SHUT_RDWR))
        thread.join()
        closeDescriptor(listener)
    }

    private static func serve(_ listener: Int32, _ answer: ([String]) -> ControlAnswer) {
        while true {
            let connection = accept(listener, nil, nil)
            if connection < 0 {
                if errno == EINTR || errno == ECONNABORTED { continue }
                return
            }
            mr_socket_time_limit(connection, Limits.controlMilliseconds)
            if let line = ControlWire.readLine(connection) {
                let reply = answer(ControlWire.words(line))
                ControlWire.write(connection, reply.isError ? "!\(reply.text)" : "=\(reply.text)")
            }
            closeDescriptor(connection)
        }
    }
}

/// `close` by a name that a method of the same name does not hide.
private func closeDescriptor(_ descriptor: Int32) { _ = close(descriptor) }

struct ControlAnswer: Sendable {
    var text: String
    var isError = false
}

/// Asks a running node.
enum ControlClient {
    /// `nil` when no node runs on the data directory.
    static func ask(_ words: [String], socket path: String) throws(Failure) -> String? {
        let connection = mr_control_connect(path)
        guard connection >= 0 else {
            if errno == ENOENT || errno == ECONNREFUSED { return nil }
            throw Failure(IOFault(.open, path: path, errno: errno), "the node's control socket cannot be reached")
        }
        defer { close(connection) }
        mr_socket_time_limit(connection, Limits.controlMilliseconds)
        ControlWire.write(connection, ControlWire.line(words) + "\n")
        let reply = ControlWire.readAll(connection)
        guard let mark = reply.first else {
            throw Failure(.timedOut, "the node did not answer in time", advice: "Try again; see its log", place: path)
        }
        let text = String(reply.dropFirst())
        if mark == "!" { throw Failure(.invalidArgument, text) }
        return text
    }
}

/// Words are separated by U+001F, a request ends with a newline; neither may be in a word.
private enum ControlWire {
    static func words(_ line: String) -> [String] {
        line.split(separator: "\u{1F}", omittingEmptySubsequences: false).map(String.init)
    }
    static func line(_ words: [String]) -> String {
        words.map { $0.filter { $0 != "\u{1F}" && $0 != "\n" } }.joined(separator: "\u{1F}")
    }

    static func readLine(_ fd: Int32) -> String? {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while bytes.count < Limits.controlRequestBytes {
            guard read(fd, &byte, 1) == 1 else { return nil }
            if byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(byte)
        }
        return nil
    }

    static func readAll(_ fd: Int32) -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while bytes.count < Limits.controlAnswerBytes {
            let count = read(fd, &chunk, chunk.count)
            if count <= 0 { break }
            bytes += chunk[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func write(_ fd: Int32, _ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            // The asker has gone or stalled: nobody is left to tell.
            if count <= 0 { return }
            rest = rest.dropFirst(count)
        }
    }
}
