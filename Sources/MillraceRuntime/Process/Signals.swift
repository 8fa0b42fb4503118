#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif
internal import CPlatform
internal import MillraceCore
internal import Synchronization

/// Termination signals: SIGTERM and SIGINT are told to one thread of ours. SIGPIPE is ignored, so that a peer that went
/// away is an error of the call that wrote to it.
///
/// A mask alone does not do: an asynchronous `main` runs beside the first thread of the process, whose mask it cannot
/// set, and what one thread lets through ends the process. So there is a handler, which puts a byte into a pipe; the
/// masks only keep it from interrupting system calls of other threads.
public enum Signals {
    public enum Signal: Sendable, Hashable {
        /// Asked to end: drain, commit, go.
        case drain
        /// Asked again: stop at once. Recovery does the rest at the next start.
        case stopNow
    }

    private static let isListening = Atomic<Bool>(false)
    /// The end of the pipe to read; -1 before `block`.
    private static let pipe = Atomic<Int32>(-1)

    /// First thing in `main`, before any thread is started: later threads inherit the mask. Signals that come before
    /// somebody listens are kept.
    public static func block() {
        signal(SIGPIPE, SIG_IGN)
        var set = termination()
        pthread_sigmask(SIG_BLOCK, &set, nil)
        guard pipe.load(ordering: .relaxed) < 0 else { return }
        let descriptor = mr_termination_pipe()
        precondition(descriptor >= 0, "no pipe for signals: errno \(errno)")
        pipe.store(descriptor, ordering: .relaxed)
    }

    /// Starts the thread that waits for signals. `handle` is called on it: with `drain` for the first, with `stopNow`
    /// for each that follows. Call it once, after `block`.
    public static func listen(_ handle: @escaping @Sendable (Signal) -> Void) {
        let wasListening = isListening.exchange(true, ordering: .relaxed)
        precondition(!wasListening, "signals are listened to already")
        let descriptor = pipe.load(ordering: .relaxed)
        precondition(descriptor >= 0, "signals are listened to before they are blocked")
        _ = OwnedThread(name: "signals") {
            // One thread must let them in, should all others block them.
            var set = termination()
            pthread_sigmask(SIG_UNBLOCK, &set, nil)
            var isFirst = true
            while mr_termination_wait(descriptor) != 0 {
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
