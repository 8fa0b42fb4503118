internal import CPlatform

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A thread of our own with a name: the only kind in the core that may block.
///
/// It is born with every signal blocked, so that signals reach the thread that waits for them. Join it before its
/// resources go; a thread that nobody joins runs to its end by itself.
public final class OwnedThread: Sendable {
    private final class Start {
        let name: String, work: @Sendable () -> Void
        init(name: String, work: @escaping @Sendable () -> Void) { (self.name, self.work) = (name, work) }
    }
    private let handle: pthread_t
    private let isJoined = Lock(false)

    /// - Parameter name: shown by debuggers and `top -H`, as `millrace-NAME`; cut to 15 bytes by Linux.
    public init(name: String, _ work: @escaping @Sendable () -> Void) {
        let argument = Unmanaged.passRetained(Start(name: "millrace-\(name)", work: work)).toOpaque()
        var (all, before) = (sigset_t(), sigset_t())
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        #if canImport(Darwin)
            var thread: pthread_t?
            let code = pthread_create(&thread, nil, { OwnedThread.run($0) }, argument)
        #else
            var thread = pthread_t()
            let code = pthread_create(&thread, nil, { $0.flatMap(OwnedThread.run) }, argument)
        #endif
        pthread_sigmask(SIG_SETMASK, &before, nil)
        precondition(code == 0, "pthread_create failed with \(code)")
        #if canImport(Darwin)
            guard let thread else { preconditionFailure("pthread_create gave no thread") }
        #endif
        handle = thread
    }

    deinit {
        if !isJoined.withLock({ $0 }) { pthread_detach(handle) }
    }

    /// Waits for the end of the work. The first call joins; later ones return at once.
    public func join() {
        let isFirst = isJoined.withLock { joined in
            defer { joined = true }
            return !joined
        }
        if isFirst { pthread_join(handle, nil) }
    }

    private static func run(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
        let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        mr_thread_name(start.name)
        start.work()
        return nil
    }
}
