#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The process's standard input.
enum HostInput {
    /// Reads descriptor 0, blocking.
    static func standard() -> @Sendable (UnsafeMutableRawBufferPointer) -> Int {
        { buffer in
            while true {
                let count = read(0, buffer.baseAddress, buffer.count)
                if count >= 0 { return count }
                if errno != EINTR { return -Int(errno) }
            }
        }
    }
}
