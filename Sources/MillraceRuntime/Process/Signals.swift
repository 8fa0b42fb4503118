#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif
internal import MillraceCore
internal import Synchronization

/// Termination signals: SIGTERM and SIGINT come to one thread of ours and nowhere else. SIGPIPE is ignored, so that a
/// peer that went away is an error of the call that wrote to it.
public enum Signals {
    public enum Signal: Sendable, Hashable {
        /// Asked to end: drain, commit, go.
        case drain
        /// Asked again: stop at once. Recovery does the rest at the next start.
        case stopNow
    }

    private static let isListening = Atomic<Bool>(false)

    /// First thing in `main`, before any thread is started: later threads inherit the mask.
    public static func block() {
        signal(SIGPIPE, SIG_IGN)
        var set = termination()
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Starts the thread that waits for signals. `handle` is called on it: with `drain` for the first, with `stopNow`
    /// for each that follows. Call it once, after `block`.
    public static func listen(_ handle: @escaping @Sendable (Signal) -> Void) {
        let wasListening = isListening.exchange(true, ordering: .relaxed)
        precondition(!wasListening, "signals are listened to already")
        _ = OwnedThread(name: "signals") {
            var set = termination()
            var isFirst = true
            while true {
                var number: Int32 = 0
                guard sigwait(&set, &number) == 0 else { continue }
                handle(isFirst ? .drain : .stopNow)
                isFirst = false
            }
        }
    }

    static func termination() -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGINT)
        return set
    }
}
