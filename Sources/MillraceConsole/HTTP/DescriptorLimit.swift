#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// How many files and sockets the process may have open.
enum DescriptorLimit {
    static var current: Int { Int(clamping: limits.rlim_cur) }

    /// What connections may take of it: the rest is for segments and tables.
    static var forConnections: Int { max(current / 2, current - 2_000) }

    /// Shells give out 1,024 where the system allows far more: a program that serves may take more.
    static func raise(to wanted: Int) {
        var limits = limits
        guard limits.rlim_cur < rlim_t(wanted) else { return }
        limits.rlim_cur = min(limits.rlim_max, rlim_t(wanted))
        // What is refused leaves the limit as it was, and the server takes fewer connections.
        #if canImport(Darwin)
            _ = setrlimit(RLIMIT_NOFILE, &limits)
        #else
            _ = setrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limits)
        #endif
    }

    private static var limits: rlimit {
        var limits = rlimit()
        #if canImport(Darwin)
            let code = getrlimit(RLIMIT_NOFILE, &limits)
        #else
            let code = getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limits)
        #endif
        return code == 0 ? limits : rlimit(rlim_cur: 1_024, rlim_max: 1_024)
    }
}
