internal import CPlatform
public import MillraceCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Starting and ending of processes: the seam of the guard.
public protocol ProcessLauncher: Sendable {
    func start(_ executable: String, _ arguments: [String]) throws(Failure) -> Int32
    /// `nil` while it runs.
    func reap(_ process: Int32) -> GuardState.Death?
    func send(_ signal: GuardSignal, to process: Int32)
}

public enum GuardSignal: Sendable, Hashable { case terminate, kill }

/// The operating system's.
public struct SystemLauncher: ProcessLauncher {
    public init() {}

    /// The path of the running executable.
    public static var ownExecutable: String {
        #if os(Linux)
            var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
            let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
            if count > 0 { return String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self) }
        #endif
        return CommandLine.arguments[0]
    }

    /// The process gets a clean signal mask, and a group of its own: an interrupt from the keyboard comes to the guard,
    /// which passes it on once.
    public func start(_ executable: String, _ arguments: [String]) throws(Failure) -> Int32 {
        #if canImport(Darwin)
            var attributes: posix_spawnattr_t?
        #else
            var attributes = posix_spawnattr_t()
        #endif
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var defaults = Signals.termination()
        sigaddset(&defaults, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF) | Int32(POSIX_SPAWN_SETPGROUP)
        posix_spawnattr_setflags(&attributes, Int16(flags))
        var words: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0) }
        defer { for word in words { free(word) } }
        words.append(nil)
        var process: pid_t = 0
        let code = posix_spawn(&process, executable, nil, &attributes, words, environ)
        guard code == 0 else {
            throw Failure(IOFault(.open, path: executable, errno: code), "the guarded process cannot be started")
        }
        return process
    }

    public func reap(_ process: Int32) -> GuardState.Death? {
        var status: Int32 = 0
        let result = waitpid(process, &status, WNOHANG)
        if result == 0 || (result < 0 && errno == EINTR) { return nil }
        // Somebody else reaped it: all that is known is that it is gone.
        guard result == process else { return .exited(ProcessExit.failed) }
        let reason = mr_exit_reason(status)
        return reason < 0 ? .signalled(-reason) : .exited(reason)
    }

    public func send(_ signal: GuardSignal, to process: Int32) {
        _ = deliver(process, signal == .terminate ? SIGTERM : SIGKILL)
    }
}

private func deliver(_ process: Int32, _ signal: Int32) -> Int32 { kill(process, signal) }
