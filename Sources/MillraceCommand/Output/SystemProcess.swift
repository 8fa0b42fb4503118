import CPlatform
import MillraceCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The process around the tool: descriptors, environment, exit. The only file here that calls the system.
enum SystemProcess {
    static var environment: [String: String] {
        var result: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let pair = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pair.count == 2 { result[String(pair[0])] = String(pair[1]) }
            entry += 1
        }
        return result
    }

    static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }
    /// Columns of the terminal behind a descriptor; nil when there is none.
    static func columns(_ descriptor: Int32) -> Int? {
        let columns = Int(mr_terminal_columns(descriptor))
        return columns > 0 ? columns : nil
    }

    /// Writes every byte. A reader that has gone ends the process by SIGPIPE, as with every Unix tool.
    static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
        var done = 0
        while done < bytes.count {
            let count = unsafeWrite(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
            if count < 0, errno != EINTR { return false }
            done += max(count, 0)
        }
        return true
    }
    private static func unsafeWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
        #if canImport(Glibc)
            Glibc.write(descriptor, bytes, count)
        #else
            Darwin.write(descriptor, bytes, count)
        #endif
    }

    /// Reads up to a buffer; 0 at the end.
    static func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
        while true {
            #if canImport(Glibc)
                let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            #else
                let count = Darwin.read(descriptor, buffer.baseAddress, buffer.count)
            #endif
            if count >= 0 { return count }
            if errno == EINTR { continue }
            throw Failure(IOFault(.read, path: "standard input", errno: errno), "the input cannot be read")
        }
    }

    /// Opens a file for reading from its start.
    static func openToRead(_ path: String) throws(Failure) -> Int32 {
        let descriptor = mr_open(path, O_RDONLY, 0)
        guard descriptor >= 0 else {
            if errno == ENOENT { throw Failure(.notFound, "there is no file '\(path)'", advice: "Check the path") }
            throw Failure(IOFault(.open, path: path, errno: errno), "the file cannot be opened")
        }
        return descriptor
    }

    static func exit(_ code: Int32) -> Never {
        #if canImport(Glibc)
            Glibc.exit(code)
        #else
            Darwin.exit(code)
        #endif
    }
}
