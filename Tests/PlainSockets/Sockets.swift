public import MillraceCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Plain sockets of one thread, for tests and benchmarks that act as clients: bytes go as they are.
public enum Sockets {
    /// - Parameters:
    ///   - host: an IPv4 address of this machine.
    ///   - receiveBuffer: bytes the kernel may keep for a client that does not read.
    public static func connect(
        port: Int, host: UInt32 = 0x7F00_0001, receiveBuffer: Int32? = nil
    ) throws(Failure) -> Int32 {
        #if canImport(Glibc)
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        guard descriptor >= 0 else { throw Failure(.io, "no socket to be had") }
        if var size = receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = host.bigEndian
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { open(descriptor, $0) }
        }
        guard code == 0 else {
            close(descriptor)
            throw Failure(.io, "cannot connect to port \(port)")
        }
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

    /// Sends everything, however long that takes. False when the other side has closed.
    @discardableResult public static func write(_ text: String, to descriptor: Int32) -> Bool {
        write(Array(text.utf8), to: descriptor)
    }

    @discardableResult public static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        #if canImport(Glibc)
            let flags = Int32(MSG_NOSIGNAL)
        #else
            let flags: Int32 = 0
        #endif
        return bytes.withUnsafeBytes { bytes in
            var sent = 0
            while sent < bytes.count {
                let count = send(descriptor, bytes.baseAddress! + sent, bytes.count - sent, flags)
                if count <= 0 { return false }
                sent += count
            }
            return true
        }
    }

    /// Waits for bytes, and reads what fits: 0 at the end, `nil` when nothing came in time.
    public static func read(
        _ descriptor: Int32, into target: UnsafeMutableRawBufferPointer, milliseconds: Int32
    ) -> Int? {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, milliseconds) > 0 else { return nil }
        return max(0, recv(descriptor, target.baseAddress, target.count, 0))
    }

    /// Waits for any of them, and calls `body` with each that has something and what it has; nothing at its end.
    public static func read(
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

    public static func close(_ descriptor: Int32) {
        #if canImport(Glibc)
            _ = Glibc.close(descriptor)
        #else
            _ = Darwin.close(descriptor)
        #endif
    }
}
