#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Writes each line with one `write(2)` to descriptor 2, so that lines of several threads do not mix.
///
/// A line that the other end does not take (a closed or full pipe) is lost: logging never stops the node.
public final class StandardErrorSink: LogSink {
    private let descriptor: Int32

    /// - Parameter descriptor: stays the caller's, and must outlive the sink.
    public init(descriptor: Int32 = 2) { self.descriptor = descriptor }

    public func write(_ line: [UInt8], level: LogLevel) {
        var bytes = line
        bytes.append(UInt8(ascii: "\n"))
        bytes.lending { buffer in
            var done = 0
            while done < buffer.count {
                let count = posixWrite(descriptor, buffer.baseAddress! + done, buffer.count - done)
                if count > 0 { done += count } else if count == 0 || errno != EINTR { return }
            }
        }
    }
}

/// Throws every line away.
public final class SilentSink: LogSink {
    public init() {}
    public func write(_ line: [UInt8], level: LogLevel) {}
}

private func posixWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}
