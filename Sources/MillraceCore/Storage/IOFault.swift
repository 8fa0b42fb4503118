#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A system call that failed: which, on what, and the operating system's reason.
public struct IOFault: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Call: String, Sendable, Hashable, CaseIterable {
        case open, read, write, sync, truncate, size, preallocate, map, lock, close
        case rename, link, unlink, makeDirectory, removeDirectory, list, status, syncDirectory, freeBytes
    }
    public let call: Call
    public let path: String
    public let errno: Int32

    public init(_ call: Call, path: String, errno: Int32) { (self.call, self.path, self.errno) = (call, path, errno) }

    public static let noSuchFile = ENOENT, exists = EEXIST, noSpace = ENOSPC, inputOutput = EIO, badFile = EBADF
    public static let notDirectory = ENOTDIR, isDirectory = EISDIR, invalidArgument = EINVAL, notPermitted = EPERM
    public static let tooLarge = EFBIG, quota = EDQUOT, tooManyFiles = EMFILE, notEmpty = ENOTEMPTY

    public var isDiskFull: Bool { errno == ENOSPC || errno == EDQUOT }
    public var reason: String { String(cString: strerror(errno)) }
    public var description: String { "\(call.rawValue) \(path): \(reason) (errno \(errno))" }
}

extension Failure {
    /// What a component throws when a system call failed under it.
    public init(
        _ fault: IOFault, _ message: String, place: String = "", file: StaticString = #fileID, line: UInt = #line
    ) {
        self.init(
            fault.isDiskFull ? .diskFull : .io, message,
            advice: fault.isDiskFull
                ? "Free space on the volume or shorten retention; reads go on and writes resume by themselves"
                : "Check the volume and its permissions, then restart",
            place: place.isEmpty ? fault.path : place, cause: fault, isRetriable: fault.isDiskFull, file: file,
            line: line)
    }
}
