#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// How a process ends: a seam, so that a test can see it instead of dying.
public struct ProcessExit: Sendable {
    private let end: @Sendable (Int32) -> Void
    public init(_ end: @escaping @Sendable (Int32) -> Void) { self.end = end }
    public func callAsFunction(_ code: Int32) { end(code) }

    /// At once, without running exit handlers: the state on disk is what the last commit made it.
    public static let immediate = ProcessExit { _exit($0) }

    public static let success: Int32 = 0
    /// The node failed and said why.
    public static let failed: Int32 = 1
    /// Wrong arguments or configuration; trying again is pointless.
    public static let usage: Int32 = 2
    /// Ended by a second termination signal.
    public static let stoppedNow: Int32 = 130
    /// Another process owns the data directory.
    public static let inUse: Int32 = 3
}
