import MillraceCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Plain sockets of one thread.
enum Sockets {
    static func connect(port: Int, receiveBuffer: Int32? = nil) throws -> Int32 {
        #if canImport(Glibc)
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        if var size = receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Self.open(descriptor, $0)
            }
        }
        guard code == 0 else { throw Failure(.io, "cannot connect to port \(port)") }
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        return descriptor
    }

    private static func open(_ descriptor: Int32, _ address: UnsafePointer<sockaddr>) -> Int32 {
        #if canImport(Glibc)
            Glibc.connect(descriptor, address, socklen_t(MemoryLayout<sockaddr_in>.size))
        #else
            Darwin.connect(descriptor, address, socklen_t(MemoryLayout<sockaddr_in>.size))
        #endif
    }

    /// False when the other side has closed.
    @discardableResult static func write(_ text: String, to descriptor: Int32) -> Bool {
        let bytes = Array(text.utf8)
        return send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
    }

    /// Waits for any of them, and calls `body` with each that has something and what it has; nothing at its end.
    static func read(
        _ descriptors: [Int32], milliseconds: Int32, _ buffer: inout [UInt8],
        _ body: (Int, UnsafeRawBufferPointer) -> Void
    ) {
        var waiting = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        guard poll(&waiting, nfds_t(waiting.count), milliseconds) > 0 else { return }
        for index in waiting.indices where waiting[index].revents != 0 {
            let got = recv(descriptors[index], &buffer, buffer.count, Int32(MSG_DONTWAIT))
            buffer.withUnsafeBytes { body(index, UnsafeRawBufferPointer(rebasing: $0[..<max(0, got)])) }
        }
    }

    static func close(_ descriptors: [Int32]) {
        for descriptor in descriptors {
            #if canImport(Glibc)
                _ = Glibc.close(descriptor)
            #else
                _ = Darwin.close(descriptor)
            #endif
        }
    }

    static func percentile(_ sorted: [Double], _ share: Double) -> Double {
        sorted.isEmpty ? .nan : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
    }

    static func milliseconds(_ seconds: Double) -> String { "\((seconds * 10_000).rounded() / 10) ms" }
}
