#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif
internal import MillraceCore

enum Cores {
    /// Cores this process may use.
    static var count: Int { max(1, min(Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), Limits.lanes)) }
}
